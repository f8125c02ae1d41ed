"""A scraper that costs little itself: one connection kept open as Prometheus does, the answer received into one buffer.
And what the kernel tells of a process."""
import gzip
import os
import pathlib
import selectors
import socket
import time
from typing import NamedTuple

TICK = os.sysconf("SC_CLK_TCK")
BUFFER = 1 << 20
NOT_AFTER = b"not_after"


class Answer(NamedTuple):
    status: int
    seconds: float
    size: int  # of the body, as it travelled
    body: bytes  # empty unless asked for

    def certificates(self):
        """How many certificates the answer tells of, whatever the exporter calls them."""
        return sum(1 for line in plain(self.body).split(b"\n") if NOT_AFTER in line.split(b"{")[0] and not line.startswith(b"#"))


def plain(body):
    return gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body


class Scraper:
    def __init__(self, port, timeout=120):
        self.port, self.timeout, self.socket = port, timeout, None
        self.buffer = bytearray(BUFFER)

    def scrape(self, path="/metrics", compressed=True, keep=False):
        """One request and its whole answer; the clock runs from the first byte sent to the last one received."""
        reused = self.socket is not None
        if not reused:
            self.connect()
        request = Request(path, compressed, keep)
        begun = time.perf_counter()
        try:
            self.socket.sendall(request.text)
            while not request.done:
                size = self.socket.recv_into(self.buffer)
                if not size:
                    raise ConnectionError("the answer ended early")
                request.take(memoryview(self.buffer)[:size])
        except BaseException as error:
            self.close()
            # Idle connections are closed some day: as every client of HTTP does, ask once more on a new one.
            if reused and not request.status and isinstance(error, ConnectionError):
                return self.scrape(path, compressed, keep)
            raise
        seconds = time.perf_counter() - begun
        if request.closes:
            self.close()
        return Answer(request.status, seconds, request.size, bytes(request.body))

    def connect(self):
        self.socket = socket.create_connection(("127.0.0.1", self.port), self.timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def close(self):
        if self.socket is not None:
            self.socket.close()
        self.socket = None


class Request:
    """One request, and how far its answer has come: of a length told at its head, or in chunks (RFC 9112, 7.1)."""
    def __init__(self, path, compressed, keep=False):
        coding = "gzip" if compressed else "identity"
        self.text = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/plain\r\nAccept-Encoding: {coding}\r\n\r\n".encode()
        self.keep, self.body = keep, bytearray()
        self.status, self.size, self.done, self.closes = 0, 0, False, False
        self.head, self.left, self.chunked = b"", 0, False

    def take(self, data):
        if not self.status:
            self.head += bytes(data)
            head, found, rest = self.head.partition(b"\r\n\r\n")
            if not found:
                return
            self.start(head.decode("latin-1"))
            self.head, data = b"", memoryview(rest)
        if self.chunked:
            self.take_chunks(data)
        else:
            self.add(data)
            self.left -= len(data)
            self.done = self.left <= 0

    def start(self, head):
        lines = head.split("\r\n")
        self.status = int(lines[0].split()[1])
        fields = {name.lower(): value.strip().lower() for name, _, value in (line.partition(":") for line in lines[1:])}
        self.chunked, self.left = fields.get("transfer-encoding") == "chunked", int(fields.get("content-length", 0))
        self.closes = fields.get("connection") == "close"

    def take_chunks(self, data):
        # `left` counts the bytes of the chunk and of the line end behind it.
        at = 0
        while at < len(data):
            if self.left:
                taken = min(self.left, len(data) - at)
                body = max(0, min(taken, self.left - 2))
                self.add(data[at:at + body])
                self.left -= taken
                at += taken
                continue
            end = bytes(data[at:at + 20]).find(b"\n")
            if end < 0:
                self.head += bytes(data[at:])
                return
            line, at = self.head + bytes(data[at:at + end]), at + end + 1
            self.head, size = b"", int(line.split(b";")[0], 16)
            if not size:
                self.done = True
                return
            self.left = size + 2

    def add(self, data):
        self.size += len(data)
        if self.keep:
            self.body += data


def at_once(port, count, compressed=True, timeout=120):
    """So many scrapers, each with a connection of its own, ask at the same moment; how long each waited for its last byte.
    One whose answer is cut off is left out."""
    selector, buffer, seconds = selectors.DefaultSelector(), bytearray(BUFFER), []
    sockets = [socket.create_connection(("127.0.0.1", port), timeout) for _ in range(count)]
    try:
        for connection in sockets:
            request = Request("/metrics", compressed)
            selector.register(connection, selectors.EVENT_READ, (request, time.perf_counter()))
            connection.sendall(request.text)
        while selector.get_map():
            ready = selector.select(timeout)
            if not ready:
                raise TimeoutError(f"no answer within {timeout} s")
            for key, _ in ready:
                request, begun = key.data
                try:
                    size = key.fileobj.recv_into(buffer)
                except ConnectionError:
                    size = 0
                request.take(memoryview(buffer)[:size])
                if request.done and request.status == 200:
                    seconds.append(time.perf_counter() - begun)
                if request.done or not size:
                    selector.unregister(key.fileobj)
    finally:
        for connection in sockets:
            connection.close()
        selector.close()
    return seconds


# What the kernel tells

def status(pid, field):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    raise ProcessLookupError(f"process {pid} has no {field}: it is gone")


def rss(pid):
    return status(pid, "VmRSS")


def peak(pid):
    return status(pid, "VmHWM")


def reset_peak(pid):
    pathlib.Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="ascii")


def cpu(pid):
    """Seconds of CPU, of all threads, those that have ended too."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def bytes_read(pid):
    """What it asked files, not sockets, to give."""
    for line in pathlib.Path(f"/proc/{pid}/io").read_text(encoding="ascii").splitlines():
        if line.startswith("rchar:"):
            return int(line.split()[1])
    raise ProcessLookupError(f"process {pid} has no rchar")
