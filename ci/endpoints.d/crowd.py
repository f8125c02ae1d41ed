"""A thousand endpoints, of which half are dead: what the agent takes, and how long a round takes."""
import pathlib
import time

import readings
import scripted
from servers import until

ALIVE, SILENT, CLOSED, NAMELESS = 500, 250, 200, 50
WEB, DUMB, NOBODY = 25443, 25444, 25445
# Bounds of what is taken beside an agent with one endpoint: descriptors, threads, resident KiB.
DESCRIPTORS, THREADS, RESIDENT = 80, 20, 12 * 1024
ROUNDS = 2


def story(servers, made, binary, port):
    """The number of what is out of bounds."""
    web(servers, made)
    silent = scripted.Scripted(DUMB, scripted.hang, host="0.0.0.0")
    trusted = {"kind": "endpoint", "name": "crowd", "caFile": str(made.path("root.pem")), "refreshInterval": "60s"}
    alone = readings.Agent(servers, binary, [{**trusted, "targets": [target(1, 0, WEB)]}], port, "alone")
    alone.complete({name(1, 0)})
    before = Taken(alone.process.pid)
    before.look()
    targets = [target(net, at, to) for net, number, to in ((1, ALIVE, WEB), (5, SILENT, DUMB), (9, CLOSED, NOBODY)) for at in range(number)]
    # Names of which the name server says nothing.
    targets += [{"address": f"hang-{at}.example:443", "name": f"hang-{at}"} for at in range(NAMELESS)]
    begun = time.monotonic()
    agent = readings.Agent(servers, binary, [{**trusted, "targets": targets}], port + 1, "crowd")
    taken = Taken(agent.process.pid)
    slowest = complete(agent, {one["name"] for one in targets}, taken)
    first = time.monotonic() - begun
    good = sum(1 for family, labels, _ in agent.metrics if family == "x509_endpoint_info" and labels.get("verification") == "ok")
    reasons = {}
    for family, labels, _ in agent.metrics:
        if family == "x509_cert_error":
            reasons[labels["reason"]] = reasons.get(labels["reason"], 0) + 1
    until(lambda: taken.look() or silent.connections >= ROUNDS * SILENT, "the second round has seen all", patience=240)
    print(f"{ALIVE} alive, {SILENT} silent, {CLOSED} closed, {NAMELESS} whose names are not answered for: {good} read well, problems {reasons}")
    print(f"the first round took {first:.1f} s, the second had connected to all {time.monotonic() - begun - first:.1f} s later; the slowest scrape meanwhile took {slowest * 1000:.0f} ms")
    print(f"most at once: {silent.most} connections to the silent, {taken}; with one endpoint {before}")
    # The C library gives a silent name server up after ten seconds, as the agent does: either may be first.
    late, away = reasons.pop("timeout", 0) - SILENT, reasons.pop("unreachable", 0) - CLOSED
    is_told = not reasons and late >= 0 and away >= 0 and late + away == NAMELESS
    # Each connection of the agent is a descriptor; the silent side sees late that one has gone.
    wrong = [what for what, bad in (
        ("readings", good != ALIVE or not is_told),
        ("descriptors", taken.descriptors > before.descriptors + DESCRIPTORS),
        ("threads", taken.threads > before.threads + THREADS),
        ("resident memory", taken.resident > before.resident + RESIDENT)) if bad]
    for what in wrong:
        print(f"OUT OF BOUNDS: {what}")
    print(f"{4 - len(wrong)} passed, {len(wrong)} failed")
    return len(wrong)


def name(net, at):
    return f"{net}-{at}"


def target(net, at, port):
    """Each has an address of its own: all of 127.0.0.0/8 is loopback."""
    return {"address": f"127.{net}.{at // 250}.{at % 250 + 1}:{port}", "name": name(net, at), "serverName": "nginx-one.example"}


def web(servers, made):
    settings = servers.folder / "crowd.conf"
    settings.write_text(f"""
        daemon off; worker_processes 1; pid {servers.folder}/crowd.pid; error_log stderr crit; user nobody nogroup;
        events {{ worker_connections 1024; }}
        http {{
            access_log off; {servers.temporary_folders("client_body", "proxy", "fastcgi", "uwsgi", "scgi")}
            server {{ listen 0.0.0.0:{WEB} ssl; ssl_certificate {made.path("nginx-one.chain")}; ssl_certificate_key {made.path("nginx-one.key")}; }}
        }}""")
    servers.start("crowd-nginx", "/usr/sbin/nginx", "-c", settings, "-e", "stderr", ports=[WEB])


def complete(agent, names, taken, patience=300):
    """Until each is told; the seconds of the slowest scrape."""
    slowest = 0

    def told():
        nonlocal slowest
        taken.look()
        begun = time.monotonic()
        agent.poll()
        slowest = max(slowest, time.monotonic() - begun)
        return names <= {labels.get("endpoint_name") for family, labels, _ in agent.metrics if family in ("x509_cert_not_after", "x509_cert_error")}
    until(told, "all of the crowd are told", patience=patience)
    return slowest


class Taken:
    """The most that a process was seen to have."""

    def __init__(self, process):
        self.folder = pathlib.Path(f"/proc/{process}")
        self.descriptors = self.threads = self.resident = 0

    def look(self):
        status = dict(line.split(":", 1) for line in (self.folder / "status").read_text().splitlines())
        self.descriptors = max(self.descriptors, len(list((self.folder / "fd").iterdir())))
        self.threads = max(self.threads, int(status["Threads"]))
        self.resident = max(self.resident, int(status["VmHWM"].split()[0]))

    def __str__(self):
        return f"{self.descriptors} descriptors, {self.threads} threads, {self.resident / 1024:.1f} MiB resident"
