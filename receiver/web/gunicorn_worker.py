"""Limits on clients: how long a connection may hold a thread, and the answer to a malformed request.

By default gunicorn waits without a limit for the rest of a request, logs what was sent, and answers in HTML.
"""

import select
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http import HTTPStatus
from typing import Any

from gunicorn.http import errors
from gunicorn.workers.gthread import TConn, ThreadWorker

from receiver import logs

log = logs.get("web")

READ_WITHIN_S = 5.0
"""As in the proxy configurations that we ship: emitter and proxies send a request in one piece."""
LARGE_READ_WITHIN_S = 9.0
"""For a large body: the emitter gives up after 10 s, in which a line of 8 Mbit/s transfers the largest body."""
ANSWERED_WITHIN_S = 60.0
STAY_MS = 20
"""How long a thread waits for the next request of its connection, while no other connection waits for a thread."""

NOT_HTTP: tuple[type[Exception], ...] = (errors.ParseException, errors.NoMoreData)
"""The request, or its body as it is read, is not what HTTP allows, or ends too early."""

_STATUSES: Mapping[type[Exception], HTTPStatus] = {
    errors.ExpectationFailed: HTTPStatus.EXPECTATION_FAILED,
    errors.LimitRequestHeaders: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    errors.LimitRequestLine: HTTPStatus.REQUEST_URI_TOO_LONG,
    errors.UnsupportedTransferCoding: HTTPStatus.NOT_IMPLEMENTED,
    errors.InvalidResponseHeader: HTTPStatus.INTERNAL_SERVER_ERROR,
    errors.InvalidResponseHeaderName: HTTPStatus.INTERNAL_SERVER_ERROR,
}


_LARGE_READS: set[Any] = set()
"""The sockets over which a large body comes."""


@contextmanager
def longer_read(environ: Mapping[str, Any]) -> Iterator[None]:
    """Give the body of a request `LARGE_READ_WITHIN_S` to arrive, until the block ends."""
    client = environ.get("gunicorn.socket")
    _LARGE_READS.add(client)
    try:
        yield
    finally:
        _LARGE_READS.discard(client)


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn ships no annotations
    """gunicorn's threads, with limits so that many slow clients cannot occupy all of them.

    The time of a connection begins when it asks for a thread, so that connections in the queue time out together. What
    has arrived by then is still read and answered: only waiting for more ends.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._since: dict[TConn, float] = {}
        """The deadlines of connections that have a thread or wait for one; only the loop's thread adds and removes."""

    def enqueue_req(self, conn: TConn) -> None:
        """Start the time limit of a connection that sends data."""
        self._since[conn] = time.monotonic()
        super().enqueue_req(conn)

    def handle(self, conn: TConn) -> Any:
        """Answer a request, and those that follow at once on the same connection; return what gunicorn does.

        gunicorn returns a connection to its loop after each answer, and the loop passes it to a thread again. That
        passes the GIL between threads half a dozen times. A thread that no connection waits for may keep its
        connection.
        """
        while True:
            result = super().handle(conn)
            self._since[conn] = time.monotonic()
            if result is not True or not self._is_followed(conn):
                return result

    def _is_followed(self, conn: TConn) -> bool:
        """Whether there is time for another request of a connection, and one arrives within a moment."""
        if not self.alive or conn.is_http2 or len(self._since) > self.cfg.threads:
            return False
        if conn.parser.unreader.buf.getvalue():
            return True
        awaited = select.poll()
        awaited.register(conn.sock, select.POLLIN)
        return bool(awaited.poll(STAY_MS))

    def finish_request(self, conn: TConn, fs: Any) -> None:
        """Stop it."""
        self._since.pop(conn, None)
        super().finish_request(conn, fs)

    def murder_pending(self) -> None:
        """Check all time limits too: gunicorn's loop calls this each second."""
        super().murder_pending()
        now = time.monotonic()
        for conn, since in self._since.items():
            if now - since > ANSWERED_WITHIN_S:
                _hang_up(conn, socket.SHUT_RDWR)
            elif now - since > (LARGE_READ_WITHIN_S if conn.sock in _LARGE_READS else READ_WITHIN_S):
                _hang_up(conn, socket.SHUT_RD)

    def handle_error(self, _req: Any, client: socket.socket, _addr: Any, exc: Exception) -> None:
        """Answer in JSON; log the kind of error, without the request's text."""
        status = _status(exc)
        if status is HTTPStatus.INTERNAL_SERVER_ERROR:
            log.exception("unforeseen")  # noqa: LOG004  # gunicorn calls this while the exception is being handled
        else:
            log.warning("not_http", http_status=status.value, error=type(exc).__name__)
        with suppress(OSError):
            client.sendall(_answer(status))


def _hang_up(conn: TConn, how: int) -> None:
    with suppress(OSError):
        conn.sock.shutdown(how)


def _status(error: Exception) -> HTTPStatus:
    known = _STATUSES.get(type(error))
    if known is None:
        return HTTPStatus.BAD_REQUEST if isinstance(error, NOT_HTTP) else HTTPStatus.INTERNAL_SERVER_ERROR
    return known


def _answer(status: HTTPStatus) -> bytes:
    body = b'{"status":"error"}\n'
    head = f"HTTP/1.1 {status.value} {status.phrase}\r\nConnection: close\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
