"""One connection to one server: sends requests, and separates failures before the first byte from later ones."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from ssl import SSLError
from typing import Any

import requests
import urllib3
from urllib3.exceptions import HTTPError

from connectors import bounded_http, deadline
from connectors.bounded_http import CONNECT_S
from connectors.deadline import Deadline
from connectors.ews.errors import (
    CONNECTION_LOST,
    NEVER_CONNECTED,
    NOT_SENT_IN_TIME,
    TIMED_OUT,
    TLS_FAILED,
    CallFailed,
    Ruling,
)
from connectors.ews.guard import Guard

WANTED = frozenset({200})
"""Statuses whose body may be long. A fault (500) is short."""


@contextmanager
def classified() -> Iterator[None]:
    """Distinguish a timeout from a lost connection. The request was sent: in both cases it may have been done."""
    try:
        yield
    except (requests.Timeout, urllib3.exceptions.TimeoutError, TimeoutError):
        raise CallFailed(TIMED_OUT) from None
    except (requests.RequestException, HTTPError, HTTPException, OSError):
        raise CallFailed(TIMED_OUT if _is_over() else CONNECTION_LOST) from None


def _is_over() -> bool:
    """Whether the connection was shut down at the call's deadline; libraries report it as lost."""
    call = deadline.current()
    return call is not None and call.over


class Adapter(bounded_http.Adapter):
    """Sends the requests of one call (its handshake included) over one connection, with one deadline."""

    def __init__(self, guard: Guard) -> None:
        super().__init__(WANTED)
        self._guard = guard
        self._call = Deadline(0.0)
        self._last: requests.Response | None = None
        self._has_turn = False
        self.proofs = 0
        """How many requests of this call carried credentials."""
        self.authenticated = False
        """The open connection is authenticated."""

    def pools(self) -> dict[str, type[urllib3.HTTPConnectionPool]]:
        """Make the connections report what failed before they were open."""
        return {"http": _PlainPool, "https": _TlsPool}

    def close(self) -> None:
        """Close the connections now: urllib3 leaves that to the garbage collector."""
        self.authenticated = False
        for key in self.poolmanager.pools.keys():  # noqa: SIM118  # it cannot be iterated
            self.poolmanager.pools[key].close()
        super().close()

    @contextmanager
    def call(self, at: float) -> Iterator[None]:
        """Begin a call; what comes out of it is judged before another connection shows the account.

        `at`: the moment of the monotonic clock at which it ends.
        """
        self._last, self.proofs = None, 0
        try:
            with deadline.until(at) as self._call:
                yield
        finally:
            if self._has_turn:
                self._has_turn = False
                self._guard.release()

    @property
    def challenge(self) -> str:
        """The server's last `WWW-Authenticate`."""
        return "" if self._last is None else self._last.headers.get("WWW-Authenticate", "")

    def failure_between_requests(self) -> Ruling:
        """Return what a failure between two requests of a handshake means: after a 401 nothing was done."""
        return NEVER_CONNECTED if self._last is None or self._last.status_code == 401 else CONNECTION_LOST

    def last_response(self) -> requests.Response:
        """Return the response at which a handshake stopped."""
        if self._last is None:
            raise CallFailed(NEVER_CONNECTED)
        return self._last

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """Send one request of the call.

        Raises:
            CallFailed: there is no answer; the ruling says what may have been done.

        """
        if "Authorization" in request.headers:
            self._wait_for_turn()
        self._guard.check()
        if self._call.over:  # while waiting for a free connection, or after requests that were answered with 401
            raise CallFailed(NOT_SENT_IN_TIME)
        left_s = self._call.left_s
        kwargs["timeout"] = (min(left_s, CONNECT_S), left_s)
        with classified():
            self._last = super().send(request, *args, **kwargs)
        if self._last.status_code == 401:
            self.authenticated = False  # the connection may have been lost and opened again
        return self._last

    def _wait_for_turn(self) -> None:
        if not self.authenticated and not self._has_turn:
            self._has_turn = self._guard.acquire(self._call.at)
        self.proofs += 1

    def cert_verify(self, *args: Any, **kwargs: Any) -> None:
        """Choose the certificate authorities, whose file may be gone."""
        try:
            super().cert_verify(*args, **kwargs)
        except OSError:
            raise CallFailed(TLS_FAILED) from None


@contextmanager
def _connecting() -> Iterator[None]:
    """Reports a failure before the connection is open as such: no byte of the request was sent."""
    try:
        yield
    except (SSLError, urllib3.exceptions.SSLError):
        raise CallFailed(NEVER_CONNECTED if _is_over() else TLS_FAILED) from None
    except (HTTPError, OSError, UnicodeError):
        raise CallFailed(NEVER_CONNECTED) from None


class _PlainConnection(bounded_http.PlainConnection):
    def connect(self) -> None:
        with _connecting():
            super().connect()


class _TlsConnection(bounded_http.TlsConnection):
    def connect(self) -> None:
        with _connecting():
            super().connect()


class _PlainPool(bounded_http.PlainPool):
    ConnectionCls = _PlainConnection


class _TlsPool(bounded_http.TlsPool):
    ConnectionCls = _TlsConnection
