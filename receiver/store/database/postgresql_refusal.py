"""Finds the code with which a PostgreSQL server refuses a connection: libpq does not expose it while connecting.

The server's message is in the server's language. So after a refusal one more connection records the protocol.
"""

import os
import re
import time
from collections.abc import Callable
from contextlib import suppress
from select import POLLIN, POLLOUT, poll
from typing import Any

import psycopg
from psycopg import pq
from psycopg.conninfo import make_conninfo

from receiver.store.database.causes import Cause
from receiver.store.database.refusals import client_cause

_TIMEOUT_S = 2.0
_MOST_KNOWN = 32
_CODE = re.compile(rb'^[^\n]*\tErrorResponse\t[^\n]*? C "([0-9A-Z]{5})"', re.MULTILINE)
_LONGEST_RECORD = 64 * 1024
_NOT_AUTHORISED = "28000"
_WITHOUT_TLS = {"disable", "allow"}
_TLS_FILES = {
    "sslrootcert": Cause.TLS_UNTRUSTED,
    "sslcrl": Cause.TLS_UNTRUSTED,
    "sslcert": Cause.TLS_FAILED,
    "sslkey": Cause.TLS_FAILED,
}

Connect = Callable[..., psycopg.Connection[Any]]


class Explained:
    """Connects. If that fails, the error gets the cause, as `sqlstate` or `rdv_cause`."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self._known: dict[str, tuple[str, Cause | None]] = {}
        """Codes by the server's message. Each further attempt costs memory that libpq never frees."""

    def __call__(self, *words: Any, **options: Any) -> psycopg.Connection[Any]:
        """Connect.

        Raises:
            OperationalError: the server cannot be reached, or refuses.

        """
        _refuse_pipes(options)
        try:
            return self._connect(*words, **options)
        except psycopg.OperationalError as error:
            if error.sqlstate is None and client_cause(str(error)) is None:
                self._explain(error, words, options)
            raise

    def _explain(self, error: psycopg.OperationalError, words: tuple[Any, ...], options: dict[str, Any]) -> None:
        known = self._known.get(str(error))
        if known is None:
            known = _found_out(make_conninfo(*words, **_parameters(options)))
            if known[0]:
                self._known = {**dict(list(self._known.items())[1 - _MOST_KNOWN :]), str(error): known}
        state, cause = known
        if state:
            error.sqlstate = state
        if cause is not None:
            error.rdv_cause = cause  # type: ignore[attr-defined]


def _refuse_pipes(options: dict[str, Any]) -> None:
    """Refuse a certificate path that is no regular file: libpq would wait for a pipe without a limit."""
    for name, cause in _TLS_FILES.items():
        path = options.get(name)
        if path and os.path.exists(path) and not os.path.isfile(path):  # noqa: PTH110, PTH113  # raise nothing
            error = psycopg.OperationalError(f"{name}: not a regular file")
            error.rdv_cause = cause  # type: ignore[attr-defined]
            raise error


def _parameters(options: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters of libpq, without psycopg's own."""
    return {name: value for name, value in options.items() if name not in {"context", "autocommit", "cursor_factory"}}


def _found_out(conninfo: str) -> tuple[str, Cause | None]:
    """Return the server's code (empty: it sent none this time), and the cause if the code does not give it."""
    state = refused_with(conninfo)
    if state == _NOT_AUTHORISED and _sslmode(conninfo) in _WITHOUT_TLS:
        over_tls = refused_with(make_conninfo(conninfo, sslmode="require"))
        if over_tls not in {_NOT_AUTHORISED, _NO_WORD}:
            return state, Cause.TLS_REQUIRED
    return state or _NO_WORD, None


_NO_WORD = ""


def refused_with(conninfo: str) -> str | None:
    """Return the code with which the server refuses; None: it accepts the connection; empty: it sent none."""
    record = os.memfd_create("rdv-receiver", os.MFD_CLOEXEC)  # it may hold a proof of the password: never on a disk
    pen = os.dup(record)
    try:
        with suppress(psycopg.NotSupportedError):  # libpq records only on Linux
            if _comes_through(conninfo, pen):
                return None
        codes = _CODE.findall(os.pread(record, _LONGEST_RECORD, 0))
    finally:
        os.close(pen)
        os.close(record)
    return codes[-1].decode() if codes else _NO_WORD


def _comes_through(conninfo: str, pen: int) -> bool:
    connection = pq.PGconn.connect_start(conninfo.encode())
    try:
        if connection.status == pq.ConnStatus.BAD:
            return False
        connection.trace(pen)
        try:
            return _is_let_in(connection)
        finally:
            connection.untrace()  # flushes the record
    finally:
        connection.finish()


def _is_let_in(connection: Any) -> bool:
    deadline = time.monotonic() + _TIMEOUT_S
    while (left_s := deadline - time.monotonic()) > 0:
        match connection.connect_poll():
            case pq.PollingStatus.OK:
                return True
            case pq.PollingStatus.FAILED:
                return False
            case state:
                awaited = poll()
                awaited.register(connection.socket, POLLIN if state == pq.PollingStatus.READING else POLLOUT)
                awaited.poll(left_s * 1000)
    return False


def _sslmode(conninfo: str) -> str:
    parsed = pq.Conninfo.parse(conninfo.encode())
    value = next((each.val for each in parsed if each.keyword == b"sslmode"), None)
    return (value or os.environ.get("PGSSLMODE", "").encode()).decode()
