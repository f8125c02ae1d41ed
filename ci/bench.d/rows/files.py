"""Ten thousand files, twenty thousand certificates: the start, the scrapes, the memory after them."""
import multiprocessing
import socket
import time

import data
import scrape
from exporters import Watch
from figure import MIB, Figure, Row, median

MANY = 10_000
FEW = 1_000
IDENTITY = 20


def watch(count, **more):
    folder = data.files(count)
    return Watch(2 * count, data.patterns(folder, count), folder=str(folder), **more)


def count(context):
    return FEW if context.short else MANY


class Files(Row):
    name = "files"
    title = "10,000 files of a leaf and its CA"
    beside = True
    figures = (
        Figure("first", "start until the first complete scrape", "seconds", ratio=1 / 10),
        Figure("rss_first", "RSS after that scrape", "bytes"),
        Figure("rss", "RSS after the scrapes", "bytes", limit=24 * MIB, ratio=1 / 15),
        Figure("peak", "peak RSS from start to then", "bytes"),
        Figure("per_certificate", "RSS not backed by files, for each certificate", "bytes", short=3072),
        Figure("gzip", "a scrape, gzip, median", "seconds", limit=0.005, ratio=1 / 200),
        Figure("gzip_least", "the quickest of them", "seconds"),
        Figure("identity", "a scrape, identity, median", "seconds", limit=0.040, ratio=1 / 50),
        Figure("identity_least", "the quickest of them", "seconds"),
        Figure("gzip_cpu", "CPU of a scrape, gzip", "seconds"),
        Figure("identity_cpu", "CPU of a scrape, identity", "seconds"),
        Figure("gzip_size", "bytes on the wire, gzip", "bytes"),
        Figure("identity_size", "bytes on the wire, identity", "bytes"),
        Figure("client", "the measuring client alone, identity", "seconds"),
        Figure("client_cpu", "its CPU", "seconds"),
    )

    def run(self, exporter, context):
        with context.running(exporter, watch(count(context))) as it:
            first, _ = it.wait_complete()
            found = {"first": first, "rss_first": scrape.rss(it.pid)}
            found |= series(it, "gzip", context.scrapes, context)
            found |= {"rss": scrape.rss(it.pid), "peak": scrape.peak(it.pid)}
            found["per_certificate"] = scrape.status(it.pid, "RssAnon") / it.watch.certificates
            found |= series(it, "identity", min(IDENTITY, context.scrapes), context)
        return found if context.short else found | client_alone(found["identity_size"])


def series(it, coding, times, context):
    before = scrape.cpu(it.pid)
    answers = it.scrapes(times, compressed=coding == "gzip")
    if len(answers) < times:
        context.note(f"files: {it.exporter.name} was asked {len(answers)} times of {times} ({coding}): slow, and left alone after a minute.")
    seconds = [answer.seconds for answer in answers]
    return {coding: median(seconds), f"{coding}_least": min(seconds), f"{coding}_cpu": (scrape.cpu(it.pid) - before) / len(answers), f"{coding}_size": answers[-1].size}


def client_alone(size, times=10):
    """What the client itself takes for an answer of that size that is there already."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = multiprocessing.get_context("fork").Process(target=give, args=(listener, size, times))
    server.start()
    try:
        scraper = scrape.Scraper(listener.getsockname()[1])
        before = time.process_time()
        seconds = [scraper.scrape().seconds for _ in range(times)]
        scraper.close()
        return {"client": median(seconds), "client_cpu": (time.process_time() - before) / times}
    finally:
        server.join(10)
        server.kill()
        listener.close()


def give(listener, size, times):
    body = f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n".encode() + bytes(size)
    connection, _ = listener.accept()
    for _ in range(times):
        connection.recv(65536)
        connection.sendall(body)
