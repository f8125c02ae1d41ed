"""What happens to the agent itself, and to the files that it reads."""
import contextlib
import pathlib
import shutil
import socket
import subprocess
import sys
import threading
import time

from agent import KILL, TERM, Agent
from servers import ROOT, node, run
from story import ensure, until

FILES = 50


def slow_scrape(agent, meanwhile):
    """A scrape by a client with next to no buffer; `meanwhile` is called once the head has come. Gives what was announced, and what came."""
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(30)
        client.connect((agent.host, agent.port))
        client.sendall(b"GET /metrics HTTP/1.1\r\nHost: agent\r\nAccept-Encoding: identity\r\n\r\n")
        data = b""
        while b"\r\n\r\n" not in data:
            data += client.recv(512)
        head, body = data.split(b"\r\n\r\n", 1)
        size = int(next(line.split(b":")[1] for line in head.lower().splitlines() if line.startswith(b"content-length")))
        meanwhile()
        while len(body) < size:
            piece = client.recv(4096)
            if not piece:
                break
            body += piece
    return size, body


def terminated(it):
    """SIGTERM while a scrape is under way, then another process, as the kubelet starts it."""
    agent, before = it.agent, it.steady()
    mark = it.proxy.mark()
    size, body = slow_scrape(agent, lambda: agent.send(TERM))
    during = body.count(b"\nx509_cert_not_after{")
    ensure(f"a scrape under way was cut: {len(body)} of {size} bytes", len(body) == size and during == len(before.series))
    ensure("the end is not a good one", agent.ended() == 0)
    began_anew(it, before, mark, "SIGTERM during a scrape", f"the scrape is read to its end, all {size} bytes; exit code 0", during)


def killed(it):
    agent, before = it.agent, it.steady()
    mark = it.proxy.mark()
    agent.send(KILL)
    ensure("it was not killed", agent.ended() == -KILL)
    began_anew(it, before, mark, "SIGKILL", "to the agent's process; another one is started", "none: no process")


def began_anew(it, before, mark, name, done, during):
    begun = time.monotonic()
    with_retry = lambda: _seen(it)  # noqa: E731
    it.agent.__enter__()
    after = until(60, "all certificates are there again", lambda: (lambda seen: seen if seen and seen.series == before.series else None)(with_retry()), every=0.02)
    it.told(name, done, len(before.series), during, len(after.series), "at once: no answer", f"{time.monotonic() - begun:.1f} s", len(it.proxy.since(mark)))


def _seen(it):
    try:
        return it.agent.see()
    except OSError:
        return None


def pod_killed(it, pod):
    """The release's pod has less memory than it takes: the kernel kills it, the kubelet starts it again."""
    before = until(60, "the pod knows all", lambda: (lambda seen: seen if len(seen.series) == it.count else None)(it.witness.see()))
    begun, process = time.monotonic(), pod.process()
    until(60, "the kernel has killed it", lambda: starved(process, it.witness), every=0.05)
    ended = time.monotonic()

    def again():
        try:
            return (lambda seen: seen if seen.series == before.series and seen.up else None)(it.witness.see())
        except OSError:
            return None
    after = until(120, "the pod knows all again", again)
    took = time.monotonic() - ended
    until(30, "the kubelet tells why", lambda: pod.ended() == ["OOMKilled", 137])
    it.told("the kernel's out-of-memory killer", f"the limit of the pod's control group is lowered to what it takes; {ended - begun:.1f} s later the kernel kills it "
            "(`OOMKilled`), and the kubelet starts the container again", len(before.series), "none: no process", len(after.series), "at once: no answer", f"{took:.1f} s", "not counted")


def starved(process, scraped):
    """Whether it is gone; else its control group has no more than it takes now, and it is asked for what takes more."""
    line = next((line for line in cgroups_of(process) if line.split(":")[1] in ("memory", "")), None)
    if line is None:
        return True
    controller, path = line.split(":", 2)[1:]
    group = pathlib.Path("/sys/fs/cgroup", controller, path.strip().lstrip("/"))
    usage, limit = ("memory.usage_in_bytes", "memory.limit_in_bytes") if controller else ("memory.current", "memory.max")
    # The kernel refuses a limit that it cannot reach by giving up what is cached: then the one before holds.
    with contextlib.suppress(OSError):
        (group / limit).write_text(str(int((group / usage).read_text()) - 65536))
    with contextlib.suppress(OSError):
        scraped.see()
    return False


def cgroups_of(process):
    """Of version 1 the controllers, else the one of version 2; none of a process that is gone."""
    try:
        lines = pathlib.Path(f"/proc/{process}/cgroup").read_text().splitlines()
        gone = pathlib.Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return []
    lines.sort(key=lambda line: line.split(":")[1] == "")
    return [] if gone else lines


def clock(it):
    """Through the seam that the agent's clock is: the process's own cannot be moved without moving the machine's."""
    names = ["a_clock_that_is_moved_changes_what_has_expired_and_nothing_else"]
    done = subprocess.run(["cargo", "test", "--quiet", "--locked", "-p", "x509-certificate-exporter", "--lib", *names], cwd=ROOT, capture_output=True, text=True, check=False)
    ensure(f"the test of the clock fails: {done.stdout[-800:]}{done.stderr[-400:]}", done.returncode == 0 and "1 passed" in done.stdout)
    it.told("clock moved", "forward past an end, and back, by the agent's clock seam (a test of the agent: no process's clock can be moved alone)", 1, 1, 1,
            "the next scrape", "the next scrape", "none")


def files(it, folder, binary):
    """Files replaced while they are read, and their directory taken away and made again."""
    watched = pathlib.Path(folder) / "watched"
    pems = [pem(it, number) for number in range(FILES)]

    def fill():
        watched.mkdir()
        for number, text in enumerate(pems):
            (watched / f"{number:02}.pem").write_text(text)
    fill()
    source = {"kind": "file", "name": "files", "paths": [str(watched / "*.pem"), str(watched / "00.pem")], "refreshInterval": "1s"}
    other = pathlib.Path(folder) / "other"
    other.mkdir()
    with Agent(binary, other, [source]) as agent:
        def all_there():
            try:
                seen = agent.see()
            except OSError:
                return None
            return seen if seen.up and len(seen.series) == 2 * FILES else None
        before = until(30, "all files are seen", all_there)
        replaced(it, agent, watched, pems, before)
        shutil.rmtree(watched)
        gone = time.monotonic()
        during = until(30, "what is gone is no longer told", lambda: (lambda seen: None if seen.series else seen)(agent.see()), every=0.1)
        took = time.monotonic() - gone
        until(10, "the named file that is gone is a problem", lambda: agent.see().total("x509_cert_error", 'reason="not_found"', "00.pem") == 1)
        fill()
        made = time.monotonic()
        after = until(30, "all files are seen again", all_there)
        it.told("directory removed and made again", "rm -r, then the same files; one of them is named, and `not_found` meanwhile", len(before.series), len(during.series),
                len(after.series), f"{took:.1f} s", f"{time.monotonic() - made:.1f} s", "none")


def replaced(it, agent, watched, pems, before, seconds=20):
    """By rename, as careful writers do, and for half of them in place, a few bytes at a time."""
    stop, rounds = threading.Event(), [0]

    def write():
        while not stop.is_set():
            for number, text in enumerate(pems):
                path = watched / f"{number:02}.pem"
                if number % 2:
                    fresh = watched / f".{number:02}"
                    fresh.write_text(text)
                    fresh.rename(path)
                else:
                    with path.open("w") as file:
                        file.write(text[:len(text) // 2])
                        file.flush()
                        time.sleep(0.002)
                        file.write(text[len(text) // 2:])
            rounds[0] += 1
    writer = threading.Thread(target=write)
    writer.start()
    careful, fewest, deadline = len(before.series), len(before.series), time.monotonic() + seconds
    try:
        while time.monotonic() < deadline:
            seen = agent.see()
            ensure("down while files change", seen.up)
            fewest = min(fewest, len(seen.series))
            careful = min(careful, sum(int(line.split('filepath="')[1].split('"')[0][-6:-4]) % 2 for line in seen.series))
            time.sleep(0.1)
    finally:
        stop.set()
        writer.join()
    ended = time.monotonic()
    after = until(10, "each file is what it was", lambda: (lambda seen: seen if seen.series == before.series and not seen.total("x509_cert_error") else None)(agent.see()))
    ensure(f"of files that were renamed {careful} series were there, of {FILES}", careful >= FILES)
    it.told("files replaced while read", f"{FILES} files {rounds[0]} times in {seconds} s, half of them by rename (none of their series ever missing), half torn in place",
            len(before.series), fewest, len(after.series), "stays true", f"{time.monotonic() - ended:.1f} s", "none")


def pem(it, number):
    import base64
    return base64.b64decode(it.server.material[number]["tls.crt"]).decode()


class Pod:
    """The release's pod that watches Secrets."""

    def __init__(self, namespace, name):
        self.namespace, self.name = namespace, name
        self.address = run("kubectl", "-n", namespace, "get", "pod", name, "-o", "jsonpath={.status.podIP}")
        self.node = run("kubectl", "-n", namespace, "get", "pod", name, "-o", "jsonpath={.spec.nodeName}")

    def ended(self):
        """How its container ended the last time: the kubelet's reason, and the code."""
        found = run("kubectl", "-n", self.namespace, "get", "pod", self.name, "-o",
                    "jsonpath={.status.containerStatuses[0].lastState.terminated.reason} {.status.containerStatuses[0].lastState.terminated.exitCode}").split()
        return [found[0], int(found[1])] if len(found) == 2 else None

    def process(self):
        container = run("kubectl", "-n", self.namespace, "get", "pod", self.name, "-o", "jsonpath={.status.containerStatuses[0].containerID}").rpartition("/")[2]
        for line in node("ctr", "-n", "k8s.io", "tasks", "ls", on=self.node).splitlines():
            if line.startswith(container):
                return int(line.split()[1])
        sys.exit("error: the pod has no process")
