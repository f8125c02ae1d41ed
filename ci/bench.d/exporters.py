"""How an exporter is started, asked whether it is ready, and ended."""
import contextlib
import json
import os
import pathlib
import shlex
import signal
import socket
import subprocess
import time
from dataclasses import dataclass, field

import scrape

# What the image of ours sets (ci/image): no other way to run it is measured.
OURS_ENVIRONMENT = {"GLIBC_TUNABLES": "glibc.malloc.mmap_threshold=32768:glibc.malloc.trim_threshold=32768:glibc.malloc.top_pad=0:glibc.malloc.arena_max=3"}
START = 300
PATIENCE = 60


class Died(Exception):
    """It ended by itself, or gave no answer."""


@dataclass
class Watch:
    """What an exporter is to watch; `sources` are further entries of the configuration, as they are."""
    certificates: int
    files: list = field(default_factory=list)
    kubeconfigs: list = field(default_factory=list)
    sources: list = field(default_factory=list)
    interval: str = "30s"
    # For exporters that read no such configuration.
    folder: str = ""
    kubeconfig: str = ""

    def configuration(self, port):
        """The keys of the peer's v4 that ours reads too, as either chart renders them."""
        sources = list(self.sources)
        if self.files:
            sources.append({"kind": "file", "name": "files", "paths": [str(path) for path in self.files]})
        if self.kubeconfigs:
            sources.append({"kind": "kubeconfig", "name": "kubeconfigs", "paths": [str(path) for path in self.kubeconfigs]})
        return {
            "server": {"listen": f"127.0.0.1:{port}"},
            "log": {"level": "info", "format": "text"},
            "web": {"enableStats": True},
            "metrics": {"exposeExpired": True, "exposeNotBefore": True, "exposePerCertError": True, "exposeRelative": False},
            "cache": {"filePoll": {"interval": self.interval}},
            "sources": sources,
        }


class Exporter:
    def __init__(self, name, path, flags=None):
        self.name, self.path, self.flags = name, pathlib.Path(path).resolve(), flags or "--config={config}"
        self.environment = {}

    def version(self):
        for flag in ("--version", "-v", "version"):
            done = subprocess.run([self.path, flag], capture_output=True, text=True, timeout=30, check=False, env={**os.environ, **self.environment})
            told = (done.stdout.strip() or done.stderr.strip()).splitlines()
            if done.returncode == 0 and told:
                return " ".join(told[0].split())
        return "unknown"

    def size(self):
        return self.path.stat().st_size

    def command(self, watch, port, scratch):
        config = scratch / f"{self.name}-{port}.yaml"
        config.write_text(json.dumps(watch.configuration(port), indent=1), encoding="utf-8")  # JSON is YAML
        places = {"config": config, "port": port, "dir": watch.folder, "kubeconfig": watch.kubeconfig}
        return [str(self.path), *(word.format(**places) for word in shlex.split(self.flags))]


class Running:
    """One exporter at work."""
    def __init__(self, exporter, watch, scratch, prefix=()):
        self.exporter, self.watch, self.port = exporter, watch, free_port()
        self.log = scratch / f"{exporter.name}-{self.port}.log"
        with self.log.open("wb") as log:
            self.begun = time.perf_counter()
            self.process = subprocess.Popen([*prefix, *exporter.command(watch, self.port, scratch)], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env={**os.environ, **exporter.environment}, start_new_session=True)
        self.scraper = scrape.Scraper(self.port)

    @property
    def pid(self):
        return self.process.pid

    def scrape(self, **how):
        try:
            answer = self.scraper.scrape(**how)
        except (OSError, ConnectionError) as error:
            raise self.died(str(error)) from error
        if answer.status != 200:
            raise self.died(f"answers {answer.status}")
        return answer

    def scrapes(self, times, compressed=True):
        """So many, one after the other; fewer from one that would take minutes, yet three."""
        deadline, answers = time.monotonic() + PATIENCE, []
        while len(answers) < times and (len(answers) < 3 or time.monotonic() < deadline):
            answers.append(self.scrape(compressed=compressed))
        return answers

    def wait_ready(self, seconds=START):
        """Until it says so; one that cannot say so is ready once it listens."""
        until(seconds, "it is ready", self.is_ready, every=0.005)

    def is_ready(self):
        self.alive()
        try:
            return self.scraper.scrape("/readyz").status in (200, 404)
        except (OSError, ConnectionError):
            return False

    def wait_complete(self, seconds=START):
        """Until a scrape tells of every certificate; the seconds since the start, and that answer."""
        self.wait_ready(seconds)
        deadline = time.monotonic() + seconds
        while True:
            answer = self.scrape(keep=True)
            took = time.perf_counter() - self.begun
            found = answer.certificates()
            if found >= self.watch.certificates:
                return took, answer
            if time.monotonic() > deadline:
                raise self.died(f"tells of {found} certificates, of {self.watch.certificates}, after {seconds} s")
            time.sleep(0.02)

    def alive(self):
        if self.process.poll() is not None:
            raise self.died("it has ended")

    def died(self, why):
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(0.5)  # a killed one needs a moment to be seen dead
        code, said = self.process.poll(), self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        how = "" if code is None else f" (killed by {signal.Signals(-code).name})" if code < 0 else f" (exit code {code})"
        return Died(f"{why}{how}{'; its last words: ' + said[-1][:300] if said else ''}")

    def stop(self):
        self.scraper.close()
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


@contextlib.contextmanager
def running(exporter, watch, scratch, prefix=()):
    """An exporter that watches so, ended at the end. `prefix` is a command in front of its own."""
    it = Running(exporter, watch, scratch, prefix)
    try:
        yield it
    finally:
        it.stop()


def until(seconds, what, condition, every=0.05):
    """Polls until the condition gives something true, and returns that; dies when the time is over."""
    deadline = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > deadline:
            raise Died(f"waited {seconds} s in vain until {what}")
        time.sleep(every)


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]
