"""Scrapes that are out of the ordinary: after a change, and many at once."""
import shutil
import statistics
import time

import data
import exporters
import scrape
from figure import MIB, Figure, Row, percentile
from rows import files

SCRAPERS = 20
# How long it must have done nothing until a change is taken to be over.
QUIET = 0.3
SETTLED = 4
# What Go's runtime reads of its cgroup meanwhile.
LITTLE = 1024


class Change(Row):
    name = "change"
    title = "one certificate renewed among 10,000 files"
    beside = True
    figures = (
        Figure("scrape", "first scrape after the change, gzip", "seconds", limit=0.060),
        Figure("peak", "peak RSS from the change to that scrape's end", "bytes", limit=24 * MIB),
        Figure("cpu", "CPU from the change to that scrape's end", "seconds"),
        Figure("read", "bytes read from files for it", "bytes", short=64 * 1024),
    )
    changes = 5

    def run(self, exporter, context):
        # A tree of its own: others may be watching that of the cache.
        folder = context.scratch / "change"
        shutil.rmtree(folder, ignore_errors=True)
        count = files.count(context)
        shutil.copytree(data.files(count), folder, copy_function=shutil.copyfile)
        watch = exporters.Watch(2 * count, data.patterns(folder, count), interval="1s", folder=str(folder))
        found = {figure.key: [] for figure in self.figures}
        with context.running(exporter, watch) as it:
            it.wait_complete()
            settle(it.pid)
            for generation in range(1, (2 if context.short else self.changes) + 1):
                it.scrape()
                for key, value in self.change(it, folder, generation).items():
                    found[key].append(value)
        return {key: max(values) if key == "peak" else statistics.median(values) for key, values in found.items()}

    def change(self, it, folder, generation):
        before_read, before_cpu = scrape.bytes_read(it.pid), scrape.cpu(it.pid)
        scrape.reset_peak(it.pid)
        data.renew(folder, 7, generation)
        size = (folder / data.file_of(7)).stat().st_size
        exporters.until(60, "the renewed file is read", lambda: scrape.bytes_read(it.pid) >= before_read + size)
        deadline = time.monotonic() + 60
        while True:
            quiet(it.pid)
            answer = it.scrape(keep=True)
            # One that came too early was answered from what stood there: the next is still the first to see the change.
            if shows(answer, 2031 + (7 + generation) % 18):
                return {"scrape": answer.seconds, "peak": scrape.peak(it.pid), "cpu": scrape.cpu(it.pid) - before_cpu, "read": scrape.bytes_read(it.pid) - before_read}
            if time.monotonic() > deadline:
                raise it.died("no scrape shows the change")


def shows(answer, year):
    """Whether the renewed leaf's validity ends in that year."""
    renewed = [line for line in scrape.plain(answer.body).splitlines() if b"service-000007" in line and scrape.NOT_AFTER in line.split(b"{")[0]]
    return any(time.gmtime(float(line.rsplit(b" ", 1)[1])).tm_year == year for line in renewed)


def quiet(pid):
    """Until it does nothing; whatever goes round each second meanwhile has a pause in between."""
    unmoved(QUIET, "it does nothing", lambda: scrape.cpu(pid))


def settle(pid):
    """Until it reads nothing: files that are new as well as young may be read more than once, which is no change."""
    unmoved(SETTLED, "it reads no files", lambda: scrape.bytes_read(pid), slack=LITTLE)


def unmoved(seconds, what, look, slack=0):
    seen = [look(), time.monotonic()]

    def same():
        now = look()
        if now > seen[0] + slack:
            seen[:] = now, time.monotonic()
        return time.monotonic() - seen[1] >= seconds
    exporters.until(120, what, same, every=0.02)


class AtOnce(Row):
    name = "at-once"
    title = "20 scrapers at once, 10,000 files"
    beside = True
    figures = (
        # Few certificates make a small rendering, beside which what each connection needs shows; twenty copies would show more.
        Figure("growth", "growth of the peak RSS beyond one scraper's, in answers, gzip", "times", limit=1, short=5),
        Figure("growth_identity", "the same, identity", "times", limit=1, short=1),
        Figure("spread", "p99 over median of the time to the last byte, gzip", "times", limit=3),
        Figure("spread_identity", "the same, identity", "times", limit=3),
        Figure("lost", "answers that were cut off, gzip and identity", "count", limit=0, short=0),
        Figure("median", "the median, gzip", "seconds"),
        Figure("median_identity", "the median, identity", "seconds"),
    )
    rounds = 5

    def run(self, exporter, context):
        found = {"lost": 0}
        with context.running(exporter, files.watch(files.count(context))) as it:
            it.wait_complete()
            for suffix, compressed in (("", True), ("_identity", False)):
                several, lost = self.many(it, compressed)
                found |= {key + suffix: value for key, value in several.items()} | {"lost": found["lost"] + lost}
        return found

    def many(self, it, compressed):
        it.scrapes(3, compressed)
        scrape.reset_peak(it.pid)
        answers = it.scrapes(3, compressed)
        one = scrape.peak(it.pid)
        seconds = []
        scrape.reset_peak(it.pid)
        # An exporter that takes a second for one takes its time for twenty: a round is enough then.
        rounds = 1 if answers[-1].seconds > 0.5 else self.rounds
        try:
            for _ in range(rounds):
                seconds += scrape.at_once(it.port, SCRAPERS, compressed)
        except OSError as error:
            raise it.died(str(error)) from error
        found, lost = {"growth": max(0, scrape.peak(it.pid) - one) / answers[-1].size}, rounds * SCRAPERS - len(seconds)
        if seconds:
            found["median"] = statistics.median(seconds)
            # Those that waited in vain waited longest.
            found |= {} if lost else {"spread": percentile(seconds, 0.99) / found["median"]}
        return found, lost
