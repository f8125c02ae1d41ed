"""A relay on loopback that counts what passes: TLS goes through it unopened."""
import contextlib
import socket
import threading


class Relay:
    """To be used with `with`."""

    def __init__(self, port):
        self.target = port
        self.connections = self.sent = self.received = 0  # as the client sees it
        self.open = []

    def __enter__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        for one in (self.listener, *self.open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self):
        with contextlib.suppress(OSError):  # the end
            while True:
                client, _ = self.listener.accept()
                server = socket.create_connection(("127.0.0.1", self.target))
                self.connections += 1
                self.open += [client, server]
                for pair in ((client, server, self._sent), (server, client, self._received)):
                    threading.Thread(target=pump, args=pair, daemon=True).start()

    def _sent(self, size):
        self.sent += size

    def _received(self, size):
        self.received += size


def pump(source, target, count):
    with contextlib.suppress(OSError):
        while data := source.recv(1 << 18):
            count(len(data))
            target.sendall(data)
    for one in (source, target):
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
