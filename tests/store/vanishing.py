"""A way to a database that can be made to lead nowhere: what is sent arrives, and no answer comes."""

import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Way:
    """Carries bytes between clients and a server of this machine, until told to keep them."""

    def __init__(self, port: int) -> None:
        self._server = port
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self.blocked = threading.Event()
        self._closed = threading.Event()
        self._other: dict[socket.socket, socket.socket] = {}
        self._thread = threading.Thread(target=self._carry)
        self._thread.start()

    def close(self) -> None:
        self._closed.set()
        self._thread.join()
        for each in (self._listening, *self._other):
            each.close()

    def _carry(self) -> None:
        while not self._closed.is_set():
            if self.blocked.is_set():
                self._closed.wait(0.02)
                continue
            ready, _, _ = select.select([self._listening, *self._other], [], [], 0.02)
            for each in ready:
                if each is self._listening:
                    self._open()
                elif each in self._other:
                    self._pass_on(each)

    def _open(self) -> None:
        client, _ = self._listening.accept()
        server = socket.create_connection(("127.0.0.1", self._server))
        self._other |= {client: server, server: client}

    def _pass_on(self, one: socket.socket) -> None:
        with suppress(OSError):
            if data := one.recv(65536):
                self._other[one].sendall(data)
                return
        other = self._other.pop(one)
        self._other.pop(other)
        one.close()
        other.close()


@contextmanager
def way_to(port: int) -> Iterator[Way]:
    """Open a way to a port."""
    way = Way(port)
    try:
        yield way
    finally:
        way.close()
