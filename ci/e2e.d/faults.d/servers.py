"""The API server behind the proxy: the cluster's, or one alone on loopback with its etcd."""
import base64
import contextlib
import http.client
import json
import os
import pathlib
import ssl
import subprocess
import sys
import threading
import time
import urllib.parse

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path.insert(0, str(ROOT / "ci/bench.d"))
import apiserver  # noqa: E402
import objects  # noqa: E402

TLS = "kubernetes.io/tls"


class Gone(Exception):
    """The API server answers with an error."""


class Objects:
    """What stories do to Secrets, whichever server it is."""
    type = TLS

    def call(self, method, path, body=None, kind="application/json"):
        connection = self.connect()
        with contextlib.closing(connection):
            return exchange(connection, method, path, self.headers, body, kind)

    def fill(self, namespace, count):
        """So many TLS Secrets in a namespace."""
        with contextlib.suppress(Gone):
            self.call("POST", "/api/v1/namespaces", {"metadata": {"name": namespace}})
        self.namespace = namespace
        self.path = f"/api/v1/namespaces/{namespace}/secrets"
        self.material = []
        with contextlib.closing(self.connect()) as connection:
            for number, (_, secret) in enumerate(objects.tls(0, count)):
                self.material.append(secret["data"])
                exchange(connection, "POST", self.path, self.headers, self.secret(f"host-{number:04}", number))

    def secret(self, name, number):
        return {"metadata": {"name": name}, "type": TLS, "data": self.material[number % len(self.material)]}

    def create(self, name):
        self.call("POST", self.path, self.secret(name, 0))

    def delete(self, name):
        self.call("DELETE", f"{self.path}/{name}")

    def ready(self):
        try:
            self.call("GET", "/readyz")
            return True
        except (OSError, Gone, http.client.HTTPException):
            return False

    def until_ready(self, seconds=300):
        deadline = time.monotonic() + seconds
        while not self.ready():
            if time.monotonic() > deadline:
                raise RuntimeError("the API server does not come back")
            time.sleep(0.2)


class Alone(Objects):
    """An API server and its etcd, for the stories that need no cluster."""
    cluster = False

    def __init__(self, folder):
        self.api = apiserver.ApiServer(folder, "exporter")
        self.host, self.port, self.token = "127.0.0.1", self.api.port, self.api.tokens["exporter"]
        self.cafile = str(pathlib.Path(folder) / "ca.crt")
        self.headers = {"Authorization": f"Bearer {self.api.tokens[apiserver.ADMIN]}"}

    def __enter__(self):
        self.api.__enter__()
        return self

    def __exit__(self, *_):
        self.api.__exit__()

    def connect(self):
        return http.client.HTTPSConnection(self.host, self.port, context=ssl.create_default_context(cafile=self.cafile), timeout=60)

    def restart(self):
        self.api.start()

    def kill(self):
        self.api._stop("kube-apiserver")  # pylint: disable=protected-access

    def start(self):
        self.api.start()

    def compact(self):
        status = self.api._etcd("maintenance/status", {})  # pylint: disable=protected-access
        self.api._etcd("kv/compaction", {"revision": status["header"]["revision"], "physical": True})  # pylint: disable=protected-access


class Cluster(Objects):
    """The cluster's; this process is in the network of its control plane, with the administrator's KUBECONFIG."""
    cluster = True
    MANIFEST = "/etc/kubernetes/manifests/kube-apiserver.yaml"
    ASIDE = "/etc/kubernetes/kube-apiserver.aside"

    def __init__(self, folder, token, binding):
        self.folder, self.token, self.binding, self.bound = pathlib.Path(folder), token, binding, None
        view = json.loads(run("kubectl", "config", "view", "--raw", "--minify", "-o", "json"))
        server, user = view["clusters"][0]["cluster"], view["users"][0]["user"]
        address = urllib.parse.urlsplit(server["server"])
        self.host, self.port, self.headers = address.hostname, address.port, {}
        self.cafile = str(self.folder / "ca.crt")
        pathlib.Path(self.cafile).write_bytes(base64.b64decode(server["certificate-authority-data"]))
        identity = self.folder / "admin.pem"
        identity.touch(mode=0o600)
        identity.write_bytes(base64.b64decode(user["client-key-data"]) + base64.b64decode(user["client-certificate-data"]))
        self.context = ssl.create_default_context(cafile=self.cafile)
        self.context.load_cert_chain(identity)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if node("test", "-e", self.ASIDE, check=False):
            self.start()
        self.allow()

    def connect(self):
        return http.client.HTTPSConnection(self.host, self.port, context=self.context, timeout=60)

    def restart(self):
        """The process is killed; the kubelet starts another."""
        self._kill()
        self.until_ready()

    def kill(self):
        node("mv", self.MANIFEST, self.ASIDE)
        threading.Thread(target=self._keep_down, daemon=True).start()

    def _keep_down(self, seconds=15):
        """The kubelet may start it once more before it sees that the manifest is gone."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self._kill()
            time.sleep(0.3)

    def start(self):
        node("mv", self.ASIDE, self.MANIFEST)
        self.until_ready()

    def _kill(self):
        """The API server's own process on node0, by the container that the kubelet gave it."""
        containers = node("ctr", "-n", "k8s.io", "containers", "ls", "-q", 'labels."io.kubernetes.container.name"==kube-apiserver').split()
        for line in node("ctr", "-n", "k8s.io", "tasks", "ls").splitlines():
            name, process, *state = line.split()
            if name in containers and state == ["RUNNING"]:
                os.kill(int(process), 9)

    def compact(self):
        pki = "/etc/kubernetes/pki/etcd"
        etcd = lambda path, body: json.loads(node(  # noqa: E731
            "curl", "-sSf", "--cacert", f"{pki}/ca.crt", "--cert", f"{pki}/healthcheck-client.crt", "--key", f"{pki}/healthcheck-client.key",
            "-d", json.dumps(body), f"https://127.0.0.1:2379/v3/{path}"))
        etcd("kv/compaction", {"revision": etcd("maintenance/status", {})["header"]["revision"], "physical": True})

    def forbid(self):
        """The agent's account has no right any more."""
        kind, name = self.binding
        self.bound = json.loads(run("kubectl", "get", kind, name, "-n", self.namespace, "-o", "json"))
        for field in ("resourceVersion", "uid", "creationTimestamp"):
            self.bound["metadata"].pop(field, None)
        run("kubectl", "delete", kind, name, "-n", self.namespace)

    def allow(self):
        if self.bound:
            run("kubectl", "create", "-f", "-", text=json.dumps(self.bound))
            self.bound = None


def exchange(connection, method, path, headers, body=None, kind="application/json"):
    connection.request(method, path, None if body is None else json.dumps(body), {**headers, "Content-Type": kind})
    answer = connection.getresponse()
    text = answer.read()
    if answer.status >= 300:
        raise Gone(f"{method} {path}: {answer.status} {text[:200]!r}")
    return json.loads(text) if text.startswith(b"{") else text


def run(*command, text=None, check=True):
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if check and done.returncode:
        raise RuntimeError(f"{' '.join(command[:6])}: {done.stderr.strip()[-500:]}")
    return done.stdout if check else done.returncode == 0


def node(*command, check=True, on="node0"):
    return run(str(ROOT / "ci/cluster"), "exec", on, *command, check=check)
