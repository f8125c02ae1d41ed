"""Looking again at ten thousand files of which none has changed."""
import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import exporters
import scrape
from figure import Figure, Row
from rows import files, scrapes

DEFAULT_INTERVAL = 30
INTERVAL = 2
WINDOW = 20
REST = 1


class Rescan(Row):
    name = "rescan"
    title = "steady rescans of 10,000 unchanged files"
    beside = True
    figures = (
        Figure("opened", "files opened for reading in a rescan (strace)", "count", limit=0),
        Figure("read", "bytes read from files in rescans", "bytes", short=4096),
        Figure("cpu", "CPU of a rescan", "seconds"),
        Figure("share", "share of a core at the interval of 30 s", "share", limit=0.002),
    )

    def run(self, exporter, context):
        watch = files.watch(files.count(context), interval=f"{1 if context.short else INTERVAL}s")
        with context.running(exporter, watch) as it:
            it.wait_complete()
            scrapes.settle(it.pid)
            if context.short:
                before = scrape.bytes_read(it.pid)
                time.sleep(4)
                return {"read": scrape.bytes_read(it.pid) - before}
            read = scrape.bytes_read(it.pid)
            each = cpu_of_a_round(it.pid)
            found = {"cpu": each, "share": each / DEFAULT_INTERVAL, "read": scrape.bytes_read(it.pid) - read}
            return found | {"opened": opened_for_reading(it, len(list_of(watch)), context)}


def cpu_of_a_round(pid):
    """Rounds are told apart by a second of rest; from rest to rest, so that no round counts by half."""
    scrapes.unmoved(REST, "it rests between rounds", lambda: scrape.cpu(pid))
    begun = now = time.monotonic()
    before = last = scrape.cpu(pid)
    moved, rounds = begun - REST, 0
    while now - begun < WINDOW or now - moved < REST:
        time.sleep(0.02)
        now, used = time.monotonic(), scrape.cpu(pid)
        if used != last:
            rounds += now - moved >= REST
            last, moved = used, now
        if now - begun > 4 * WINDOW:
            raise exporters.Died("it never rests: its rounds cannot be told apart")
    # Rounds too short for the kernel's tick are seen only now and then: they are counted by the interval.
    return (last - before) / max(rounds, (now - begun) / INTERVAL / 2)


def list_of(watch):
    return [name for _, _, names in os.walk(watch.folder) for name in names]


def opened_for_reading(it, many, context):
    """How many files of the watched folder were opened for more than their name, in one round at least."""
    if not shutil.which("strace"):
        sys.exit("error: strace is missing (apt-get install strace): it counts what a rescan opens")
    trace = context.scratch / f"strace-{it.port}"
    tracer = subprocess.Popen(["strace", "-f", "-qq", "-y", "-e", "trace=%file", "-e", "signal=none", "-o", trace, "-p", str(it.pid)],
                              stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True)
    try:
        # Each file is named at least once in a round; twice as many lines hold a whole one.
        exporters.until(120, "a round is traced", lambda: tracer.poll() is not None or (trace.exists() and lines(trace) > 2 * many))
    finally:
        with contextlib.suppress(ProcessLookupError):
            tracer.send_signal(signal.SIGINT)
        said = tracer.communicate(timeout=30)[1].decode(errors="replace").strip()
    if lines(trace) <= 2 * many:
        sys.exit(f"error: strace sees nothing: {said}")
    opened = {path for call in calls(trace) if (path := read_open(call, it.watch.folder))}
    trace.unlink()
    return len(opened)


def calls(trace):
    """One call a line, also where another thread came between its beginning and its end."""
    begun = {}
    with trace.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            thread, _, call = line.rstrip().partition(" ")
            call = call.lstrip()
            if call.endswith("<unfinished ...>"):
                begun[thread] = call
            elif call.startswith("<... "):
                yield begun.pop(thread, "") + call
            else:
                yield call


def lines(path):
    with path.open("rb") as file:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(1 << 20), b""))


OPENED = re.compile(r"open(?:at2?)?\(.*= \d+<([^>]*)>")


def read_open(call, folder):
    """The path of an open that may read a file of the folder: neither a directory nor a mere handle."""
    match = OPENED.match(call)
    if not match or "O_PATH" in call or "O_DIRECTORY" in call or not match.group(1).startswith(folder):
        return None
    return None if os.path.isdir(match.group(1)) else match.group(1)
