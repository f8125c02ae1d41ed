"""The agent under test: a process of its binary, or a pod; what it exposes, and how it is doing."""
import http.client
import json
import os
import pathlib
import signal
import socket
import subprocess
import time

# What the image sets (ci/image).
ENVIRONMENT = {"GLIBC_TUNABLES": "glibc.malloc.mmap_threshold=32768:glibc.malloc.trim_threshold=32768:glibc.malloc.top_pad=0:glibc.malloc.arena_max=3"}
CERTIFICATE = "x509_cert_not_after{"


class Seen:
    """One scrape."""

    def __init__(self, text):
        lines = text.splitlines()
        self.at = time.monotonic()
        self.series = frozenset(line for line in lines if line.startswith(CERTIFICATE))
        self.lines = [line for line in lines if line and line[0] != "#"]

    def total(self, family, *labels):
        found = [line for line in self.lines if line.startswith((family + "{", family + " ")) and all(label in line for label in labels)]
        return sum(float(line.rsplit(" ", 1)[1]) for line in found)

    @property
    def up(self):
        return self.total("x509_source_up") == 1

    @property
    def last_success(self):
        return self.total("x509_source_last_success_timestamp_seconds")

    @property
    def expired(self):
        return self.total("x509_cert_expired")


class Scraped:
    """Whatever answers at an address."""

    def __init__(self, host, port):
        self.host, self.port = host, port

    def see(self, timeout=10):
        connection = http.client.HTTPConnection(self.host, self.port, timeout=timeout)
        try:
            connection.request("GET", "/metrics")
            answer = connection.getresponse()
            body = answer.read()
        finally:
            connection.close()
        if answer.status != 200:
            raise RuntimeError(f"/metrics answers {answer.status}")
        return Seen(body.decode())


class Agent(Scraped):
    """A process. To be used with `with`."""

    def __init__(self, binary, folder, sources, level="debug"):
        super().__init__("127.0.0.1", free_port())
        self.binary, self.folder = binary, pathlib.Path(folder)
        self.log = self.folder / "agent.log"
        self.config = self.folder / "agent.yaml"
        self.config.write_text(json.dumps({"server": {"listen": f":{self.port}"}, "log": {"level": level}, "sources": sources}), encoding="utf-8")
        self.process = None

    def __enter__(self):
        with self.log.open("ab") as log:
            self.process = subprocess.Popen([self.binary, "--config", self.config], stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={**os.environ, **ENVIRONMENT})
        deadline = time.monotonic() + 30
        while True:
            try:
                socket.create_connection((self.host, self.port), timeout=5).close()
                return self
            except OSError as error:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"the agent does not listen: {self.log.read_text(errors='replace')[-500:]}") from error
                time.sleep(0.02)

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def send(self, number):
        self.process.send_signal(number)

    def ended(self, seconds=30):
        """Its exit code, or the number of the signal, negative."""
        return self.process.wait(seconds)

    def status(self, field):
        """A size of /proc/PID/status in KiB."""
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as lines:
            return next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:"))

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))


def secrets(kubeconfig, namespace):
    """The source that watches the TLS Secrets of a namespace through a kubeconfig."""
    return {"kind": "kubernetes", "name": "secrets", "kubeconfig": str(kubeconfig), "namespaces": {"include": [namespace]},
            "secrets": {"include": ["*"], "types": [{"type": "kubernetes.io/tls", "keyPatterns": [r"^tls\.crt$"], "format": "pem"}]}}


def write_kubeconfig(path, url, token):
    path = pathlib.Path(path)
    path.touch(mode=0o600)
    path.write_text(json.dumps({
        "apiVersion": "v1", "kind": "Config", "current-context": "it",
        "clusters": [{"name": "it", "cluster": {"server": url}}], "users": [{"name": "it", "user": {"token": token}}],
        "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}]}), encoding="utf-8")
    return path


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


KILL, TERM = signal.SIGKILL, signal.SIGTERM
