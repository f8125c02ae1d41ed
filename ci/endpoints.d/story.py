#!/usr/bin/env python3
"""Real servers on loopback, looked at by the agent, by openssl and by blackbox_exporter. Run by ci/endpoints, in namespaces of its own."""
import argparse
import concurrent.futures
import pathlib
import subprocess
import sys
import tempfile
import time

import cases
import certificates
import crowd
import readings
import scripted
from servers import Servers

# What may differ: (case, what, beside whom), and why.
PARTIAL = "blackbox_exporter tells nothing of a handshake that the server ends: it wants to see a client's certificate"
NAMED = {
    ("authority", "verification", "openssl"): "openssl and Go take an authority's certificate for a server's; RFC 5280 does not forbid it, we name it",
    ("authority", "verified", "openssl"): "so there is no verified chain",
    ("authority", "verified", "blackbox"): "so there is no verified chain",
    ("authority", "success", "blackbox"): "so it is not well",
    ("client-missing-tls1_2", "earliest", "blackbox"): PARTIAL,
    ("client-missing-tls1_2", "version", "blackbox"): PARTIAL,
    ("client-missing-tls1_2", "verified", "blackbox"): PARTIAL,
    ("client-missing-tls1_2", "success", "blackbox"): PARTIAL,
    ("staple-other", "ocsp", "openssl"): "openssl prints what is stapled; we look whether it is about this certificate",
}
AGENT, PROBER, CROWD = 21001, 21002, 21003


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", type=pathlib.Path, required=True)
    parser.add_argument("--only", choices=("servers", "crowd"))
    options = parser.parse_args()
    failed = 0
    with tempfile.TemporaryDirectory(prefix="x509-endpoints-") as folder:
        folder = pathlib.Path(folder)
        folder.chmod(0o755)
        for name in ("certificates", "servers"):
            (folder / name).mkdir()
        made = certificates.everything(folder / "certificates")
        scripted.Names().start()
        with Servers(made, folder / "servers") as servers:
            if options.only != "crowd":
                failed += compared(servers, made, options.binary)
            if options.only != "servers":
                failed += crowd.story(servers, made, options.binary, CROWD)
    return 1 if failed else 0


def compared(servers, made, binary):
    begun = time.monotonic()
    live = cases.real(servers, made) + cases.programs(servers)
    floods, remote = cases.files(made)
    broken, running = cases.bad(made)
    print(f"{len(live)} servers, {len(remote)} files and {len(broken)} that cannot be read are there after {time.monotonic() - begun:.1f} s", flush=True)
    everything = [*live, *[case for case, _ in remote], *broken]
    agent = readings.Agent(servers, binary, [{
        "kind": "endpoint", "name": "story", "caFile": str(made.path("root.pem")), "refreshInterval": "1h", "timeout": "10s",
        "targets": [case.target() for case in everything]}], AGENT)
    agent.complete({case.name for case in everything})
    print(f"the agent has looked at all of them after {time.monotonic() - begun:.1f} s", flush=True)
    taken = {name: server.sent for name, server in (running | floods).items() if name.startswith("endless")}
    print("sent to it by the floods, with what the machine buffers: " + ", ".join(f"{name} {sent / 1e6:.1f} MB" for name, sent in taken.items()))
    prober = readings.Prober(servers, made, [*live, *broken], PROBER)
    table = Table()
    # Many of them are waited for in vain: side by side.
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        seen = pool.map(lambda case: readings.openssl(case, made), live)
        probed = pool.map(lambda case: prober.reading(case) if case.prober else None, [*live, *broken])
        for case, openssl in zip(live, seen):
            table.servers(case, agent.reading(case), openssl, next(probed))
        for case, file in remote:
            table.file(case, agent.reading(case), made.path(file) if file else None)
        for case in broken:
            table.broken(case, agent.reading(case), next(probed))
    table.unused()
    print(table.end())
    return table.failed


class Table:
    """Prints a row for each server, and counts the differences that have no name."""

    def __init__(self):
        self.failed, self.compared, self.used = 0, 0, set()
        print(f"{'server':24} {'certificates':>12} {'first ends':>11} {'chain ends':>11} TLS ocsp     {'verification':16} difference")

    def row(self, case, reading, differences):
        word = "/".join(sorted(reading.verification or ())) or reading.reason or "-"
        print(f"{case.name:24} {len(reading.certificates):12} {reading.earliest or '-':>11} {reading.verified or '-':>11} "
              f"{reading.version or '-':3} {reading.ocsp or '-':8} {word:16} {'; '.join(differences) or 'none'}", flush=True)

    def differ(self, case, what, beside, ours, theirs, same=None):
        """A text for the row; nothing where both say the same."""
        self.compared += 1
        if ours == theirs if same is None else same:
            return []
        key = (case.name, what, beside)
        if key in NAMED:
            self.used.add(key)
            return [f"{what}: {beside} says {shown(theirs)} (named)"]
        self.failed += 1
        return [f"{what.upper()}: {shown(ours)}, {beside} says {shown(theirs)}"]

    def servers(self, case, ours, openssl, prober):
        differences = []
        for what in ("certificates", "verified", "version", "ocsp"):
            differences += self.differ(case, what, "openssl", getattr(ours, what), getattr(openssl, what))
        word, words = ours.verification or set(), openssl.verification or set()
        differences += self.differ(case, "verification", "openssl", word, words, same=bool(word) and word <= words)
        if prober:
            for what in ("earliest", "version", "verified", "success"):
                differences += self.differ(case, what, "blackbox", getattr(ours, what), getattr(prober, what))
        self.row(case, ours, differences)

    def file(self, case, ours, path):
        if path is None:
            differences = self.differ(case, "reason", "the plan", ours.reason, case.reason)
        else:
            kind = {".der": ["x509", "-inform", "DER"], ".p7b": ["pkcs7", "-print_certs"]}.get(path.suffix)
            text = path.read_text() if kind is None else certificates.openssl(*kind, "-in", path).decode()
            differences = self.differ(case, "certificates", "openssl", ours.certificates, readings.facts(readings.BLOCK.findall(text)))
            differences += self.differ(case, "reason", "the plan", ours.reason, None)
            differences += self.differ(case, "verification", "the plan", ours.verification, {case.verification} if case.verification else None)
        self.row(case, ours, differences)

    def broken(self, case, ours, prober):
        differences = self.differ(case, "reason", "the plan", ours.reason, case.reason)
        differences += self.differ(case, "certificates", "the plan", ours.certificates, {})
        if prober:
            differences += self.differ(case, "success", "blackbox", ours.success, prober.success)
        self.row(case, ours, differences)

    def unused(self):
        for key in NAMED.keys() - self.used:
            self.failed += 1
            print(f"named, and there is no such difference: {key}")

    def end(self):
        for key in sorted(self.used):
            print(f"named: {' '.join(key)}: {NAMED[key]}")
        return f"{self.compared - self.failed} passed, {self.failed} failed"


def shown(value):
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name or '-'} {serial[-6:]} {end}" for (serial, name), end in sorted(value.items())) + "}"
    return "/".join(sorted(value)) if isinstance(value, set) else str(value)


if __name__ == "__main__":
    sys.exit(main())
