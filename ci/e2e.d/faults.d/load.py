#!/usr/bin/env python3
"""Scrapers for minutes, and beside them clients that waste connections, one kind after the other. Called by ci/e2e load; without a cluster:

load.py --binary PATH [--short]
"""
import argparse
import contextlib
import http.client
import pathlib
import resource
import socket
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True  # the tree stays as it is

import agent as agents
import servers
from proxy import Proxy
from story import Failed, Stories, ensure, table, until

NAMESPACE = "e2e-faults"
SECRETS = 500
SCRAPERS, EVERY = 50, 1.0
CONNECTIONS, SLACK = 256, 20  # what the agent serves at once; its other descriptors
SCRAPE_TIMEOUT = 10  # Prometheus' own default
GROWTH = 48 << 10  # KiB of resident memory above what it takes at rest
HEAD = ("clients", "scrapes", "p50", "p99", "the slowest", "peak memory", "connections", "what the others got")


class Scrapers:
    """As Prometheus does it: each keeps its connection, and opens another if it was closed."""

    def __init__(self, agent, expected):
        self.agent, self.expected = agent, expected
        self.times, self.failures, self.again = [], [], 0
        self.stop = threading.Event()
        self.threads = [threading.Thread(target=self._work, args=(number,), daemon=True) for number in range(SCRAPERS)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for thread in self.threads:
            thread.join(30)

    def _work(self, number):
        connection = None
        time.sleep(EVERY * number / SCRAPERS)
        while not self.stop.is_set():
            begun = time.monotonic()
            try:
                for attempt in (1, 2):
                    fresh = connection is None
                    connection = connection or http.client.HTTPConnection(self.agent.host, self.agent.port, timeout=SCRAPE_TIMEOUT)
                    try:
                        connection.request("GET", "/metrics", headers={"Accept-Encoding": "gzip"})
                        answer = connection.getresponse()
                        size = len(answer.read())
                        break
                    except (ConnectionError, http.client.BadStatusLine):
                        connection.close()
                        connection = None
                        if fresh or attempt == 2:
                            raise
                        self.again += 1
                ensure(f"status {answer.status}, {size} bytes", answer.status == 200 and size > self.expected)
            except (OSError, http.client.HTTPException, Failed) as error:
                connection = None
                self.failures.append(repr(error))
            self.times.append(time.monotonic() - begun)
            self.stop.wait(max(0.0, EVERY - (time.monotonic() - begun)))


class Load:
    def __init__(self, it, seconds):
        self.it, self.agent, self.seconds, self.rows = it, it.agent, seconds, []
        self.most_memory = self.most_descriptors = 0

    def phase(self, name, scrapers, wasters):
        """`wasters`: gives what the others got, or None for no others."""
        first, begun = len(scrapers.times), time.monotonic()
        self.most_memory = self.most_descriptors = 0
        stop, got = threading.Event(), []
        waster = threading.Thread(target=lambda: got.append(wasters(self.agent, stop)), daemon=True) if wasters else None
        if waster:
            waster.start()
        while time.monotonic() < begun + self.seconds:
            self.most_memory = max(self.most_memory, self.agent.status("VmRSS"))
            self.most_descriptors = max(self.most_descriptors, self.agent.descriptors())
            time.sleep(0.2)
        stop.set()
        if waster:
            waster.join(60)
            ensure(f"{name}: the clients do not end", got)
        times = sorted(scrapers.times[first:])
        ensure(f"{name}: scrapes failed: {scrapers.failures[:3]}", not scrapers.failures)
        ensure(f"{name}: {len(times)} scrapes", len(times) >= 0.5 * SCRAPERS * self.seconds / EVERY)
        ensure(f"{name}: {self.most_descriptors} descriptors", self.most_descriptors <= CONNECTIONS + SLACK)
        ensure(f"{name}: {self.most_memory} KiB, {self.rest} at rest", self.most_memory <= self.rest + GROWTH)
        at = lambda share: f"{times[min(len(times) - 1, int(len(times) * share))] * 1000:.0f} ms"  # noqa: E731
        row = (name, len(times), at(0.5), at(0.99), at(1), f"{self.most_memory / 1024:.1f} MiB", self.most_descriptors, got[0] if got else "")
        self.rows.append(row)
        print("    " + " | ".join(map(str, row)), flush=True)

    def run(self):
        seen = self.it.steady(120)
        self.rest = self.agent.status("VmRSS")
        with Scrapers(self.agent, 1000) as scrapers:
            self.phase(f"{SCRAPERS} scrapers, each every second", scrapers, None)
            self.phase("and 300 that read next to nothing", scrapers, slow_readers)
            self.phase("and 600 half-open, half of them in the middle of a head", scrapers, half_open)
            self.phase("and huge heads", scrapers, huge_heads)
            self.phase("and pipelining, 200 requests at once", scrapers, pipelining)
            again = scrapers.again
        until(120, "the connections are closed", lambda: self.agent.descriptors() < SLACK + 5)
        after = self.agent.see()
        ensure("certificates are gone", after.series == seen.series)
        print(f"    {len(scrapers.times)} scrapes in all, none failed, {again} connections opened anew; "
              f"at rest {self.rest / 1024:.1f} MiB before and {self.agent.status('VmRSS') / 1024:.1f} MiB after, at most {self.agent.status('VmHWM') / 1024:.1f}", flush=True)


# --- clients that waste connections; each gives what it got

def opened(agent, buffer=None):
    client = socket.socket()
    if buffer:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    client.settimeout(SCRAPE_TIMEOUT)
    client.connect((agent.host, agent.port))
    return client


def ask(**headers):
    lines = ["GET /metrics HTTP/1.1", "Host: agent", *[f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]]
    return "\r\n".join([*lines, "", ""]).encode()


def held(agent, stop, number, first, every, step, buffer=None):
    """So many connections; each is stepped now and then, and opened anew where it was closed."""
    clients, closed = [], 0
    try:
        while not stop.is_set():
            while len(clients) < number and not stop.is_set():
                client = opened(agent, buffer)
                clients.append(client)
                with contextlib.suppress(OSError):
                    client.sendall(first(len(clients)))
            stay = []
            for client in clients:
                try:
                    alive = step(client)
                except BlockingIOError:
                    alive = True
                except OSError:
                    alive = False
                if alive:
                    stay.append(client)
                else:
                    client.close()
                    closed += 1
            clients = stay
            stop.wait(every)
    finally:
        for client in clients:
            client.close()
    return f"{closed} times closed by the agent"


def slow_readers(agent, stop):
    def step(client):
        return bool(client.recv(16, socket.MSG_DONTWAIT))
    return held(agent, stop, 300, lambda _: ask(Accept_Encoding="identity"), 0.5, step, buffer=4096)


def half_open(agent, stop):
    def step(client):
        with contextlib.suppress(BlockingIOError):
            return bool(client.recv(16, socket.MSG_DONTWAIT))
        return True
    return held(agent, stop, 600, lambda number: b"GET /metrics HTTP/1.1\r\nHo" if number % 2 else b"", 0.5, step)


def huge_heads(agent, stop):
    answers = {}
    while not stop.is_set():
        with opened(agent) as client:
            try:
                for _ in range(64):
                    client.sendall(b"GET /metrics HTTP/1.1\r\nX-Much: " + b"x" * (1 << 16))
                told = client.recv(64).split(b"\r\n")[0].decode() or "closed"
            except ConnectionError:
                told = "closed"
        answers[told] = answers.get(told, 0) + 1
        stop.wait(0.05)
    return ", ".join(f"{told}: {number}" for told, number in answers.items())


def pipelining(agent, stop):
    """Asks 200 times without reading; every other client then reads, the rest close."""
    rounds = read = 0
    while not stop.is_set():
        with opened(agent) as client:
            rounds += 1
            try:
                client.sendall(ask(Accept_Encoding="identity") * 200)
                while rounds % 2 and not stop.is_set() and (piece := client.recv(1 << 18)):
                    read += len(piece)
                    if read > (8 << 20) * rounds:
                        break
            except (ConnectionError, TimeoutError):
                pass
        stop.wait(0.5)
    return f"{rounds} connections, {read >> 20} MiB"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", required=True)
    parser.add_argument("--short", action="store_true", help="seconds in place of minutes")
    parser.add_argument("--token", help="of the agent's account in the cluster")
    options = parser.parse_args()
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 4096), most))
    with contextlib.ExitStack() as closing:
        folder = pathlib.Path(closing.enter_context(tempfile.TemporaryDirectory()))
        server = closing.enter_context(servers.Cluster(folder, options.token, None) if options.token else servers.Alone(folder))
        server.fill(NAMESPACE, SECRETS)
        proxy = closing.enter_context(Proxy(server.host, server.port, server.cafile))
        kubeconfig = agents.write_kubeconfig(folder / "kubeconfig", f"http://127.0.0.1:{proxy.port}", server.token)
        agent = closing.enter_context(agents.Agent(options.binary, folder, [agents.secrets(kubeconfig, NAMESPACE)], level="info"))
        load = Load(Stories(server, proxy, agent, 2 * SECRETS), 8 if options.short else 60)
        status = 0
        try:
            load.run()
        except (Failed, OSError) as error:
            print(f"error: {error}")
            print("\n".join(f"    the agent: {line[:300]}" for line in agent.log.read_text(errors="replace").splitlines()[-8:]), flush=True)
            status = 1
    print("\n" + table(load.rows, HEAD))
    return status


if __name__ == "__main__":
    sys.exit(main())
