"""A real API server and its etcd, alone on loopback: no kubelet, no controllers, nobody else's requests.

Objects are written straight into etcd, in the bytes that the API server would store: 100,000 of them in a minute and not in an
hour. What is renewed later goes through the API.
"""
import base64
import contextlib
import http.client
import json
import os
import pathlib
import socket
import ssl
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
QUOTA = 8 << 30  # of etcd's database; its default of 2 GiB is less than 100,000 Secrets and their history may want
PATIENCE = 600  # a start reads all that etcd holds
AT_ONCE, TRANSACTION = 100, 4 << 20  # most objects and bytes of a transaction
ADMIN = "bench"


class ApiServer:
    """To be used with `with`. Everything it has is below `folder`."""

    def __init__(self, folder, user):
        self.folder, self.user = pathlib.Path(folder), user
        self.tokens = {name: f"token-of-{name}" for name in (ADMIN, user)}
        self.processes = {}
        self.port, self.etcd_port, peers = free_ports(3)
        self.etcd_peers = f"http://127.0.0.1:{peers}"
        self.url = f"https://127.0.0.1:{self.port}"
        self.audit = self.folder / "audit.log"

    def __enter__(self):
        try:
            self._build()
            self._certificates()
            self._configure()
            self._start_etcd()
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for name in list(self.processes)[::-1]:
            self._stop(name)

    # --- the servers

    def _build(self):
        tools = [str(ROOT / "ci/tools/build")]
        subprocess.run([*tools, "etcd", "kube-apiserver"], check=True, stdout=subprocess.DEVNULL)
        self.bin = pathlib.Path(subprocess.run([*tools, "--path"], check=True, capture_output=True, text=True).stdout.strip())

    def _certificates(self):
        """The server's certificate and its CA; the key that signs tokens, which nobody here asks for."""
        run = lambda *command: subprocess.run(command, cwd=self.folder, check=True, capture_output=True)
        curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        run("openssl", "req", "-x509", *curve, "-days", "30", "-subj", "/CN=bench", "-keyout", "ca.key", "-out", "ca.crt",
            "-addext", "keyUsage=critical,keyCertSign")
        run("openssl", "req", "-x509", *curve, "-days", "30", "-subj", "/CN=kube-apiserver", "-keyout", "server.key", "-out", "server.crt",
            "-CA", "ca.crt", "-CAkey", "ca.key", "-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:false",
            "-addext", "extendedKeyUsage=serverAuth")
        run("openssl", "genrsa", "-out", "accounts.key", "2048")

    def _configure(self):
        (self.folder / "tokens.csv").write_text("".join(f"{token},{user},{user},system:masters\n" for user, token in self.tokens.items()), encoding="ascii")
        (self.folder / "audit.yaml").write_text(json.dumps({
            "apiVersion": "audit.k8s.io/v1", "kind": "Policy",
            "rules": [{"level": "None", "users": [ADMIN, "system:apiserver"]}, {"level": "Metadata"}],
        }), encoding="ascii")

    def _start_etcd(self):
        client = f"http://127.0.0.1:{self.etcd_port}"
        self._start("etcd", "--name=bench", f"--data-dir={self.folder / 'etcd'}", f"--quota-backend-bytes={QUOTA}", "--unsafe-no-fsync",
                    f"--listen-client-urls={client}", f"--advertise-client-urls={client}", f"--listen-peer-urls={self.etcd_peers}",
                    f"--initial-advertise-peer-urls={self.etcd_peers}", f"--initial-cluster=bench={self.etcd_peers}",
                    f"--max-txn-ops={AT_ONCE}", f"--max-request-bytes={4 * TRANSACTION}", "--log-level=error")
        self._until("etcd answers", lambda: self._etcd("maintenance/status", {}))

    def start(self, *flags):
        """Starts the API server, with more flags if need be; one that runs is ended first."""
        self._stop("kube-apiserver")
        self._start("kube-apiserver", f"--etcd-servers=http://127.0.0.1:{self.etcd_port}", "--bind-address=127.0.0.1", f"--secure-port={self.port}",
                    f"--cert-dir={self.folder}", f"--tls-cert-file={self.folder / 'server.crt'}", f"--tls-private-key-file={self.folder / 'server.key'}",
                    f"--token-auth-file={self.folder / 'tokens.csv'}", "--authorization-mode=AlwaysAllow", "--disable-admission-plugins=ServiceAccount",
                    "--service-account-issuer=https://bench.invalid", f"--service-account-key-file={self.folder / 'accounts.key'}",
                    f"--service-account-signing-key-file={self.folder / 'accounts.key'}", "--service-cluster-ip-range=10.0.0.0/24",
                    "--endpoint-reconciler-type=none", f"--audit-policy-file={self.folder / 'audit.yaml'}", f"--audit-log-path={self.audit}",
                    "--audit-log-mode=blocking", *flags)
        self._until("the API server is ready", lambda: self.call("GET", "/readyz", parse=False))

    def _start(self, name, *arguments):
        log = open(self.folder / f"{name}.log", "ab")  # pylint: disable=consider-using-with
        with log:
            self.processes[name] = subprocess.Popen([self.bin / name, *arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder, start_new_session=True)

    def _stop(self, name):
        process = self.processes.pop(name, None)
        if process is None:
            return
        process.kill()  # nothing of it is wanted; a graceful end waits for every watch
        process.wait()

    def _until(self, what, done):
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                return done()
            except (OSError, RuntimeError, http.client.HTTPException) as error:
                ended = [name for name, process in self.processes.items() if process.poll() is not None]
                if ended or time.monotonic() > deadline:
                    log = "\n".join((self.folder / f"{name}.log").read_text(errors="replace")[-2000:] for name in self.processes)
                    raise RuntimeError(f"waited in vain until {what} ({error}); ended: {ended}\n{log}") from error
                time.sleep(0.2)

    # --- requests

    def _etcd(self, path, body):
        connection = http.client.HTTPConnection("127.0.0.1", self.etcd_port, timeout=60)
        with contextlib.closing(connection):
            connection.request("POST", f"/v3/{path}", json.dumps(body))
            return answer(connection)

    def call(self, method, path, body=None, parse=True, kind="application/json"):
        """A request as the administrator, whom the audit log leaves out."""
        context = ssl.create_default_context(cafile=str(self.folder / "ca.crt"))
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, context=context, timeout=120)
        with contextlib.closing(connection):
            headers = {"Authorization": f"Bearer {self.tokens[ADMIN]}", "Content-Type": kind}
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            return answer(connection, parse)

    def kubeconfig(self, port=None):
        """The path of the user's kubeconfig, through another port if need be."""
        path = self.folder / f"{port or self.port}.kubeconfig"
        path.write_text(json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "bench",
            "clusters": [{"name": "bench", "cluster": {"server": f"https://127.0.0.1:{port or self.port}", "certificate-authority": str(self.folder / "ca.crt")}}],
            "users": [{"name": self.user, "user": {"token": self.tokens[self.user]}}],
            "contexts": [{"name": "bench", "context": {"cluster": "bench", "user": self.user}}],
        }), encoding="ascii")
        path.chmod(0o600)
        return path

    # --- objects

    def fill(self, objects):
        """Writes objects into etcd: pairs of their key below /registry and their bytes."""
        size, operations = 0, []
        for key, value in objects:
            operations.append({"request_put": {"key": encoded(f"/registry/{key}".encode()), "value": encoded(value)}})
            size += len(value)
            if len(operations) == AT_ONCE or size > TRANSACTION:
                self._etcd("kv/txn", {"success": operations})
                size, operations = 0, []
        if operations:
            self._etcd("kv/txn", {"success": operations})

    # --- the audit log

    def requests(self):
        """The user's requests so far, by the audit log."""
        with open(self.audit, encoding="utf-8") as log:
            events = map(json.loads, log)
            return [event for event in events if event["user"]["username"] == self.user and event["stage"] == "RequestReceived"]

    def memory(self):
        """Resident memory in bytes of each server."""
        return {name: status(process.pid, "VmRSS") for name, process in self.processes.items()}


def encoded(value):
    return base64.b64encode(value).decode()


def answer(connection, parse=True):
    response = connection.getresponse()
    body = response.read()
    if response.status >= 300:
        raise RuntimeError(f"status {response.status}: {body[:300]!r}")
    return json.loads(body) if parse else body


def status(pid, field):
    """A size from /proc/PID/status, in bytes."""
    with open(f"/proc/{pid}/status", encoding="ascii") as lines:
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{field}:"))


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports
