"""A server that answers whatever it likes, for as long as it likes, and remembers what it was told."""

import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field

Reply = Callable[[bytes], Iterable[bytes]]
"""From the head of a request to the pieces of its answer, perhaps without end."""


@dataclass
class Hostile:
    """Where it is, and the heads of the requests that it had."""

    address: str
    heard: list[bytes] = field(default_factory=list)
    sent: int = 0


def answer(body: bytes, *headers: str, status: str = "200 OK") -> Reply:
    """Return one that always answers the same."""
    head = "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Content-Type: text/xml", *headers])
    return lambda _: [f"{head}\r\n\r\n".encode(), body]


@contextmanager
def hostile(reply: Reply) -> Iterator[Hostile]:
    """Run one until the block ends."""
    server = socket.create_server(("127.0.0.1", 0))
    self = Hostile(f"http://127.0.0.1:{server.getsockname()[1]}")
    stopping = threading.Event()

    def serve(connection: socket.socket) -> None:
        with connection, closing(connection.makefile("rb")) as reader, suppress(OSError):
            while head := _request(reader):
                self.heard.append(head)
                for piece in reply(head):
                    if stopping.is_set():
                        return
                    connection.sendall(piece)
                    self.sent += len(piece)

    def listen() -> None:
        with suppress(OSError):
            while True:
                connection, _ = server.accept()
                connection.settimeout(5)
                threads.append(threading.Thread(target=serve, args=(connection,)))
                threads[-1].start()

    threads = [threading.Thread(target=listen)]
    threads[0].start()
    try:
        yield self
    finally:
        stopping.set()
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        for thread in threads:
            thread.join()


def _request(reader: object) -> bytes:
    head, length = b"", 0
    while (line := reader.readline()) not in {b"", b"\r\n"}:  # type: ignore[attr-defined]
        head += line
        name, _, value = line.partition(b":")
        length = int(value) if name.lower() == b"content-length" else length
    reader.read(length)  # type: ignore[attr-defined]
    return head
