"""A server that says what it is told to, byte by byte."""

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager


@contextmanager
def listener(answer: bytes, pause_s: float = 0.0, pieces: int = 1) -> Iterator[str]:
    """A server that reads one request for each connection and answers as told, perhaps piece by piece."""
    server = socket.create_server(("127.0.0.1", 0))
    stopping = threading.Event()

    def serve() -> None:
        while not stopping.is_set():
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection, closing(connection.makefile("rb")) as reader:
                length = 0
                while (line := reader.readline().strip()) != b"":
                    name, _, value = line.partition(b":")
                    length = int(value) if name.lower() == b"content-length" else length
                reader.read(length)
                size = max(len(answer) // pieces, 1)
                try:
                    for start in range(0, len(answer), size):
                        connection.sendall(answer[start : start + size])
                        stopping.wait(pause_s)
                except OSError:
                    continue

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/EWS/Exchange.asmx"
    finally:
        stopping.set()
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join()
