"""One connection to one server: sends requests, and tells what failed before a byte left from what failed later."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from ssl import SSLError
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

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

CONNECT_TIMEOUT_S = 10.0


@contextmanager
def classified() -> Iterator[None]:
    """Tell a time-out from a lost connection. The request was under way: in either case it may be done."""
    try:
        yield
    except (requests.Timeout, urllib3.exceptions.TimeoutError, TimeoutError):
        raise CallFailed(TIMED_OUT) from None
    except (requests.RequestException, HTTPError, OSError):
        raise CallFailed(CONNECTION_LOST) from None


class Adapter(HTTPAdapter):
    """Sends the legs of one call after the other over one connection; all of them share its deadline."""

    def __init__(self, guard: Guard) -> None:
        super().__init__(pool_connections=1, pool_maxsize=1, max_retries=0)
        self._guard = guard
        self._deadline = 0.0
        self._last: requests.Response | None = None
        self._has_turn = False
        self.proofs = 0
        """How many requests of this call carried a proof of identity."""
        self.proven = False
        """The connection that stands was accepted."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Have the connections tell what failed before they stood."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _PlainPool, "https": _TlsPool}

    def close(self) -> None:
        """Hang up now: urllib3 leaves it to the garbage collector."""
        self.proven = False
        for key in self.poolmanager.pools.keys():  # noqa: SIM118  # it cannot be iterated
            self.poolmanager.pools[key].close()
        super().close()

    @contextmanager
    def call(self, deadline: float) -> Iterator[None]:
        """Begin a call; what comes out of it is judged before another connection shows the account."""
        self._deadline, self._last, self.proofs = deadline, None, 0
        try:
            yield
        finally:
            if self._has_turn:
                self._has_turn = False
                self._guard.give_turn_back()

    @property
    def challenge(self) -> str:
        """How the server last said that it wants us to prove ourselves."""
        return "" if self._last is None else self._last.headers.get("WWW-Authenticate", "")

    def lost_between_legs(self) -> Ruling:
        """Say what a failure between two legs of a handshake means: after a 401 nothing was done."""
        return NEVER_CONNECTED if self._last is None or self._last.status_code == 401 else CONNECTION_LOST

    def last_response(self) -> requests.Response:
        """Return the response that a handshake did not go on from."""
        if self._last is None:
            raise CallFailed(NEVER_CONNECTED)
        return self._last

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """Send one leg.

        Raises:
            CallFailed: there is no answer; the ruling says what may have been done.

        """
        if "Authorization" in request.headers:
            self._before_proof()
        self._guard.check()
        left_s = self._deadline - time.monotonic()
        if left_s <= 0:  # while waiting for a free connection, or after legs that were answered by 401
            raise CallFailed(NOT_SENT_IN_TIME)
        kwargs["timeout"] = (min(left_s, CONNECT_TIMEOUT_S), left_s)
        with classified():
            self._last = super().send(request, *args, **kwargs)
        if self._last.status_code == 401:
            self.proven = False  # as where the connection was lost, and silently made anew
        return self._last

    def _before_proof(self) -> None:
        if not self.proven and not self._has_turn:
            self._has_turn = self._guard.take_turn(self._deadline)
        self.proofs += 1

    def cert_verify(self, *args: Any, **kwargs: Any) -> None:
        """Choose the authorities, whose file may be gone."""
        try:
            super().cert_verify(*args, **kwargs)  # type: ignore[no-untyped-call]  # so in types-requests
        except OSError:  # the authorities' file is gone
            raise CallFailed(TLS_FAILED) from None


@contextmanager
def _connecting() -> Iterator[None]:
    """Whatever goes wrong before a connection stands, no byte of the request has left."""
    try:
        yield
    except (SSLError, urllib3.exceptions.SSLError):
        raise CallFailed(TLS_FAILED) from None
    except (HTTPError, OSError, UnicodeError):
        raise CallFailed(NEVER_CONNECTED) from None


class _PlainConnection(HTTPConnection):
    def connect(self) -> None:
        with _connecting():
            super().connect()


class _TlsConnection(HTTPSConnection):
    def connect(self) -> None:
        with _connecting():
            super().connect()


class _PlainPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _PlainConnection


class _TlsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _TlsConnection
