"""How PostgreSQL is connected to, so that one that does not answer is found out before an emitter loses patience.

An emitter waits 10 s for an answer. A machine that vanished sends no word of it: without limits a write would wait for
a quarter of an hour, and with it the threads of the web process. What the address itself asks for goes first.
"""

import time
from collections.abc import Callable
from typing import Any

import psycopg
from psycopg.abc import PQGen
from sqlalchemy import URL

_ENCODING = {"client_encoding": "utf8"}  # whatever environment and address say: texts hold any character
_CONNECTION = {
    "connect_timeout": 2,  # the shortest that libpq knows
    "tcp_user_timeout": 4_000,  # ms without a sign that what was sent has arrived
    # A connection on which only the server has something to say: 5 s of silence, then probes; dead 4 s after that.
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 2,
}
_SERVER_FIRST_S = 1.0
_REST_S = 1.0
_LOCK_TIMEOUT = "4s"  # as long as SQLite's: work that is refused for it is tried again, and cut is nothing but waiting
_SET_UNLESS_SET = """\
SELECT set_config(name, value, false) FROM unnest(%s::text[], %s::text[]) AS limits(name, value)
WHERE current_setting(name) = '0'"""


def connection_arguments(url: URL) -> dict[str, Any]:
    """Return how to connect, but for what the address says itself."""
    return _ENCODING | {name: value for name, value in _CONNECTION.items() if name not in url.query}


def limiting(timeout_s: float | None) -> Callable[[Any, object], None]:
    """Return what sets a new connection's limits, where neither address, account nor server has set any."""
    limits = {"lock_timeout": _LOCK_TIMEOUT}
    if timeout_s is not None:
        limits["statement_timeout"] = f"{timeout_s * 1000:.0f}ms"

    def limit(connection: Any, _record: object) -> None:
        connection.execute(_SET_UNLESS_SET, [list(limits), list(limits.values())])
        connection.commit()

    return limit


Connect = Callable[..., psycopg.Connection[Any]]


def connecting(timeout_s: float | None) -> Connect:
    """Return the function that connects, with a time limit for each query; None: no limit."""
    return psycopg.Connection.connect if timeout_s is None else TimedConnecting(timeout_s)


class TimedConnecting:
    """Connects where somebody waits for every answer. A server that let a connection time out rests for a moment:
    else each of those who queue would wait for it in turn.
    """

    def __init__(self, timeout_s: float) -> None:
        # The server's own limit comes first: the connection is then as good as before.
        self._timeout_s = timeout_s + _SERVER_FIRST_S
        self._rests_until = 0.0

    def __call__(self, *words: Any, **options: Any) -> psycopg.Connection[Any]:
        """Connect.

        Raises:
            OperationalError: the server cannot be reached, or rests.

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
    """Gives up a server that takes a question and never answers, which no limit of TCP's or its own would tell."""

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
            if not ready and time.monotonic() >= deadline:  # psycopg says now and then that nothing came
                self.close()
                raise psycopg.OperationalError("no answer")
