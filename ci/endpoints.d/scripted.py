"""Servers that behave badly: they hang, stop, flood, or speak something else. Each is a thread with a socket, and counts what it does."""
import socket
import ssl
import struct
import threading
import time

FLOOD = 64 * 1024 * 1024  # no flood is longer: whoever reads all of it is told by the count
PATIENCE = 60  # of a connection, whatever happens


class Scripted:
    """A server whose every connection is handed to BEHAVE; `connections`, `most` at once, and `sent` bytes of floods."""

    def __init__(self, port, behave, host="127.0.0.1"):
        self.behave, self.port = behave, port
        self.connections, self.open, self.most, self.sent = 0, 0, 0, 0
        self.lock = threading.Lock()
        self.socket = socket.create_server((host, port), backlog=2048)
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with self.lock:
            self.connections += 1
            self.open += 1
            self.most = max(self.most, self.open)
        connection.settimeout(PATIENCE)
        try:
            with connection:
                self.behave(self, connection)
        except (OSError, ValueError):
            pass
        finally:
            with self.lock:
                self.open -= 1

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


# --- what they say. Each of these gives a behaviour.

def hang(_, connection):
    """Until the other side gives up."""
    while connection.recv(65536):
        pass


def after(conversation, then):
    """A conversation (lines of ours; a None waits for a line of the client's), and then something else."""
    def behave(server, connection):
        for line in conversation:
            if line is None:
                line_of(connection)
            else:
                connection.sendall(line)
        then(server, connection)
    return behave


def line_of(connection):
    line = b""
    while not line.endswith(b"\n") and len(line) < 4096:
        byte = connection.recv(1)
        if not byte:
            raise ValueError("the client has gone")
        line += byte
    return line


def reset(_, connection):
    connection.recv(1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def close(_, connection):
    connection.recv(65536)


def says(answer):
    """And nothing more."""
    def farewell(server, connection):
        connection.shutdown(socket.SHUT_WR)
        hang(server, connection)
    return says_then(answer, farewell)


def says_then(answer, then):
    def behave(server, connection):
        connection.recv(65536)
        connection.sendall(answer)
        then(server, connection)
    return behave


def dripping(text):
    return lambda server, connection: drip(server, connection, text)


def flood(chunk, first=b"", wait=True):
    def behave(server, connection):
        if wait:
            connection.recv(65536)
        connection.sendall(first)
        sent = 0
        while sent < FLOOD:
            connection.sendall(chunk)
            sent += len(chunk)
            with server.lock:
                server.sent += len(chunk)
    return behave


def handshake(certificate, key, then, version=ssl.TLSVersion.TLSv1_2):
    """Answers the client's first message as a server with that certificate would, in the hands of THEN(server, connection, answer)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    context.maximum_version = version

    def behave(server, connection):
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        speaker = context.wrap_bio(incoming, outgoing, server_side=True)
        answer = b""
        while not answer:
            data = connection.recv(65536)
            if not data:
                return
            incoming.write(data)
            try:
                speaker.do_handshake()
            except ssl.SSLWantReadError:
                pass
            answer = outgoing.read()
        then(server, connection, answer)
    return behave


def half_then(then):
    """The first bytes of the answer: the record of ServerHello, and some of what follows."""
    def behave(server, connection, answer):
        length = 5 + int.from_bytes(answer[3:5], "big")
        connection.sendall(answer[:length + 9])
        then(server, connection)
    return behave


def drip(_, connection, answer):
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for byte in answer:
        connection.sendall(bytes([byte]))
        time.sleep(1)


def record(body, kind=22):
    return bytes([kind, 3, 3]) + len(body).to_bytes(2, "big") + body


def hello_then(chunks):
    """ServerHello of TLS 1.2, and then something without an end."""
    def behave(server, connection, answer):
        length = 5 + int.from_bytes(answer[3:5], "big")
        flood(chunks, first=answer[:length], wait=False)(server, connection)
    return behave


# A message Certificate that says to be 16 MB long, and its bytes; and messages of no length at all, many in a record.
ENDLESS_CERTIFICATE = (record(b"\x0b\xff\xff\xff" + b"\xff\xff\xfc" + b"\0" * 16000), record(b"\0" * 16000))
HELLO_REQUESTS = record(b"\0\0\0\0" * 4000)
EMPTY_RECORDS = record(b"") * 1000


def endless_certificate(server, connection, answer):
    first, rest = ENDLESS_CERTIFICATE
    length = 5 + int.from_bytes(answer[3:5], "big")
    flood(rest, first=answer[:length] + first, wait=False)(server, connection)


# --- names

class Names(threading.Thread):
    """A name server at port 53: nothing is known; it never answers for names that begin with `hang`."""

    def __init__(self):
        super().__init__(daemon=True)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 53))
        self.asked = 0

    def run(self):
        while True:
            question, client = self.socket.recvfrom(4096)
            self.asked += 1
            if question[13:17] == b"hang":
                continue
            # NXDOMAIN (RFC 1035, 4.1.1), the question repeated.
            end = question.index(b"\0", 12) + 5
            self.socket.sendto(question[:2] + b"\x81\x83" + question[4:6] + b"\0" * 6 + question[12:end], client)
