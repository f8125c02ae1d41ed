"""An HTTP proxy on loopback between the agent and a real API server: it counts each request, and fails when it is told to.

The agent speaks HTTP to it, it speaks TLS to the API server; heads and bodies pass as they are, the token too.
"""
import contextlib
import select
import socket
import ssl
import threading
import time
import urllib.parse

ALL = ("stream", "page", "watch")
PIECE = 1 << 16


class Request:
    """What the agent asked for: a streamed list, a page of a list, or a watch."""

    def __init__(self, head):
        self.at = time.monotonic()
        self.path = head.split(b" ", 2)[1].decode()
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        self.kind = "stream" if "sendInitialEvents" in query else "watch" if "watch" in query else "page"
        self.continues = "continue" in query
        self.passed = False


class Proxy:
    """To be used with `with`. `rule` is asked about each request: None lets it pass."""

    def __init__(self, host, port, cafile):
        self.target, self.tls = (host, port), ssl.create_default_context(cafile=cafile)
        self.requests, self.failed = [], None
        self.rule = lambda request: None
        self.rate = 0  # bytes a second; 0: as fast as they come
        self.silent = False  # connections stay, and nothing passes
        self.halving = 0  # so many answers are cut in the middle of what the server sends next
        self.age = 0

    def __enter__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.cut()
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    # --- what a story does

    def cut(self):
        """Ends every connection."""
        self.age += 1

    def well(self):
        """Everything passes again."""
        self.rule, self.rate, self.silent, self.halving = (lambda request: None), 0, False, 0

    def mark(self):
        """What is counted from here on."""
        self.failed = None
        return len(self.requests)

    def since(self, mark, *kinds):
        return [request for request in self.requests[mark:] if request.kind in (kinds or ALL)]

    # --- what a rule answers

    def status(self, code, *headers):
        def answer(client, _):
            self._fail()
            body = b'{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Injected","code":%d}' % code
            lines = [f"HTTP/1.1 {code} Injected", "Content-Type: application/json", f"Content-Length: {len(body)}", "Connection: close", *headers]
            client.sendall("\r\n".join([*lines, "", ""]).encode() + body)
            return False
        return answer

    def hang(self, client, _):
        """No answer, until the agent gives up."""
        self._fail()
        client.settimeout(300)
        client.recv(1)
        return False

    def stall(self, size):
        """The answer stops after so many bytes, and the connection stays."""
        def answer(client, forward):
            forward(limit=size)
            return True
        return answer

    def late(self, seconds):
        """The request passes after a while."""
        def answer(_, forward):
            time.sleep(seconds)
            forward()
            return True
        return answer

    def _fail(self):
        self.failed = self.failed or time.monotonic()

    # --- connections

    def _accept(self):
        with contextlib.suppress(OSError):  # the end
            while True:
                client, _ = self.listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        one = Connection(self, client)
        try:
            one.serve()
        except (OSError, ValueError):
            self._fail()
        finally:
            for end in (client, one.server):
                if end is not None:
                    end.close()


class Connection:
    """One of the agent's, with one to the API server behind it."""

    def __init__(self, proxy, client):
        self.proxy, self.client, self.server = proxy, client, None
        self.age, self.asked, self.left = proxy.age, b"", None

    def serve(self):
        while self.age == self.proxy.age:
            if self.proxy.silent:
                time.sleep(0.05)
                continue
            ends = [self.client, *([self.server] if self.server else [])]
            ready = [self.server] if self.server and self.server.pending() else select.select(ends, [], [], 0.1)[0]
            if self.proxy.silent or self.age != self.proxy.age:
                continue
            if self.client in ready and not self._asked():
                return
            if self.server in ready and not self._answered():
                return

    def _asked(self):
        data = self.client.recv(PIECE)
        self.asked += data
        while b"\r\n\r\n" in self.asked:
            head, self.asked = self.asked.split(b"\r\n\r\n", 1)
            request = Request(head)
            self.proxy.requests.append(request)
            answer = self.proxy.rule(request)

            def forward(limit=None, head=head, request=request):
                request.passed, self.left = True, limit
                self._forward(head + b"\r\n\r\n")
            if answer is None:
                forward()
            elif not answer(self.client, forward):
                return False
        return bool(data)

    def _forward(self, head):
        if self.server is None:
            plain = socket.create_connection(self.proxy.target, timeout=60)
            self.server = self.proxy.tls.wrap_socket(plain, server_hostname=self.proxy.target[0])
            self.server.settimeout(60)
        self.server.sendall(head)

    def _answered(self):
        data = self.server.recv(PIECE)
        if self.proxy.halving and b'"type":"' in data:
            self.proxy.halving -= 1
            self.proxy._fail()
            self.client.sendall(data[:len(data) // 2])
            return False
        if self.left is not None:
            data, self.left = data[:self.left], self.left - min(self.left, len(data))
            if not self.left:
                self.client.sendall(data)
                self.proxy._fail()
                return self._until_closed()
        for start in range(0, len(data), 4096):
            self.client.sendall(data[start:start + 4096])
            if self.proxy.rate:
                time.sleep(4096 / self.proxy.rate)
        return bool(data)

    def _until_closed(self):
        self.client.settimeout(300)
        self.client.recv(1)
        return False
