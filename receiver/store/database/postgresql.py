"""Connections to PostgreSQL with limits, so that a server that does not answer is detected before an emitter times out.

An emitter waits 10 s for an answer. A machine that has failed sends nothing: without limits a write, and with it a
thread of the web process, would wait for a quarter of an hour. Settings in the database's address take precedence.
"""

import time
from collections.abc import Callable
from typing import Any

import psycopg
from psycopg.abc import PQGen
from sqlalchemy import URL

_ENCODING = {"client_encoding": "utf8"}  # whatever environment and address say: texts may hold any character
_CONNECTION = {
    "connect_timeout": 2,  # the shortest that libpq accepts
    "tcp_user_timeout": 4_000,  # ms until sent data must be acknowledged
    # While we wait for the server: probes after 5 s without data; the connection counts as dead 4 s later.
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 2,
}
_SERVER_FIRST_S = 1.0
_REST_S = 1.0
_LOCK_TIMEOUT = "4s"  # as SQLite's: it ends only waits, and the work is retried
_SET_UNLESS_SET = """\
SELECT set_config(name, value, false) FROM unnest(%s::text[], %s::text[]) AS limits(name, value)
WHERE current_setting(name) = '0'"""


def connection_arguments(url: URL) -> dict[str, Any]:
    """Return the arguments of a connection that the address does not set itself."""
    return _ENCODING | {name: value for name, value in _CONNECTION.items() if name not in url.query}


def limiting(timeout_s: float | None) -> Callable[[Any, object], None]:
    """Return a function that sets the limits of a new connection, unless address, account or server set them."""
    limits = {"lock_timeout": _LOCK_TIMEOUT}
    if timeout_s is not None:
        limits["statement_timeout"] = f"{timeout_s * 1000:.0f}ms"

    def limit(connection: Any, _record: object) -> None:
        connection.execute(_SET_UNLESS_SET, [list(limits), list(limits.values())])
        connection.commit()

    return limit


Connect = Callable[..., psycopg.Connection[Any]]


def connecting(timeout_s: float | None) -> Connect:
    """Return a function that connects, with a time limit for each query; None: no limit."""
    return psycopg.Connection.connect if timeout_s is None else TimedConnecting(timeout_s)


class TimedConnecting:
    """Connects with a time limit for each query. After a connection timed out, further attempts fail at once for a
    moment: otherwise each waiting thread would wait for a timeout of its own.
    """

    def __init__(self, timeout_s: float) -> None:
        # The server's own limit ends first: the connection can then still be used.
        self._timeout_s = timeout_s + _SERVER_FIRST_S
        self._rests_until = 0.0

    def __call__(self, *words: Any, **options: Any) -> psycopg.Connection[Any]:
        """Connect.

        Raises:
            OperationalError: the server cannot be reached, or a connection timed out a moment ago.

        """
        if time.monotonic() < self._rests_until:
            raise psycopg.OperationalError("left alone for a moment")
        try:
            connection = TimedConnection.connect(*words, **options)
        except psycopg.errors.ConnectionTimeout:
            self._rests_until = time.monotonic() + _REST_S
            raise
        connection.timeout_s = self._timeout_s
        return connection


class TimedConnection(psycopg.Connection[Any]):
    """Closes itself if the server accepts a query and never answers: no limit of TCP or the server detects that."""

    timeout_s: float

    def wait(self, gen: PQGen[Any], *args: Any, **options: Any) -> Any:
        """Wait for an answer.

        Raises:
            OperationalError: it did not come; the connection is closed.

        """
        return super().wait(self._limited(gen), *args, **options)

    def _limited(self, gen: PQGen[Any]) -> PQGen[Any]:
        deadline = time.monotonic() + self.timeout_s
        ready: Any = None
        while True:
            try:
                awaited = gen.send(ready)
            except StopIteration as end:
                return end.value
            ready = yield awaited
            if not ready and time.monotonic() >= deadline:  # psycopg calls this at intervals without data
                self.close()
                raise psycopg.OperationalError("no answer")
