"""One POST at a time over a few kept connections; what became of each is told apart as far as the network allows.

In place of exchangelib's own protocol, which tells a refused connection and a lost answer by the same exception,
waits for a free session without end, shares its sessions process-wide by address and password (two authorities, or a
changed password, would go unnoticed), and after a time-out reports "busy" where the work may have been done.
"""

import queue
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from http.cookiejar import DefaultCookiePolicy
from ssl import SSLError
from typing import Any

import requests
import urllib3
from exchangelib.transport import DEFAULT_HEADERS
from requests.adapters import HTTPAdapter
from requests_ntlm import HttpNtlmAuth
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from connectors.ews.errors import (
    CONNECTION_LOST,
    NEVER_CONNECTED,
    NO_CONNECTION_FREE,
    NOT_EWS,
    NOT_SENT_IN_TIME,
    TIMED_OUT,
    TLS_FAILED,
    CallFailed,
    Ruling,
)
from connectors.ews.settings import EwsSettings

CONNECT_TIMEOUT_S = 10.0
IDLE_LIMIT_S = 50.0
"""A connection unused for longer is made anew: a server that hangs up at the moment we write leaves us in doubt."""
LARGEST_ANSWER = 64 * 1024 * 1024
PIECE = 64 * 1024

AUTHENTICATIONS: Mapping[str, Callable[[str, str], requests.auth.AuthBase]] = {
    "ntlm": HttpNtlmAuth,
    # As bytes: requests would take text outside Latin-1 for an error, and Exchange reads UTF-8.
    "basic": lambda user, password: requests.auth.HTTPBasicAuth(user.encode(), password.encode()),
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, read to its end."""

    status: int
    retry_after_s: float | None
    body: bytes = field(repr=False)

    def iter_content(self) -> Iterator[bytes]:
        """Give the body in the way that exchangelib's parser takes it."""
        yield self.body


class Wire:
    """The connections to one server. Thread-safe."""

    def __init__(self, settings: EwsSettings) -> None:
        self._settings = settings
        self._closed = False
        self._free: queue.LifoQueue[_Line] = queue.LifoQueue()
        for _ in range(settings.connections):
            self._free.put(_Line(settings))

    def post(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Send one request; wait for a free connection and for the answer no longer than the time-out in all.

        Raises:
            CallFailed: no complete answer came; the ruling says what may have been done.

        """
        deadline = time.monotonic() + self._settings.timeout_s
        with self._line() as line:
            return line.post(self._settings.server, body, headers, deadline)

    def close(self) -> None:
        """Hang up. Connections in use are closed when their call ends."""
        self._closed = True
        for line in list(self._free.queue):
            line.hang_up()

    @contextmanager
    def _line(self) -> Iterator["_Line"]:
        try:
            line = self._free.get(timeout=self._settings.timeout_s)
        except queue.Empty:
            raise CallFailed(NO_CONNECTION_FREE) from None
        try:
            yield line
        finally:
            if self._closed:
                line.hang_up()
            self._free.put(line)


class _Line:
    """One kept connection with its authentication; used by one thread at a time."""

    def __init__(self, settings: EwsSettings) -> None:
        self._adapter = _Adapter()
        self._session = _session(settings, self._adapter)
        self._used_at = 0.0

    def post(self, url: str, body: bytes, headers: Mapping[str, str], deadline: float) -> Answer:
        if time.monotonic() - self._used_at > IDLE_LIMIT_S:
            self.hang_up()
        try:
            answer = self._post(url, body, headers, deadline)
        except BaseException:
            self.hang_up()
            raise
        if answer.status == 401:
            self.hang_up()  # whatever the connection was authenticated as, begin anew
        self._used_at = time.monotonic()
        return answer

    def hang_up(self) -> None:
        self._adapter.close()

    def _post(self, url: str, body: bytes, headers: Mapping[str, str], deadline: float) -> Answer:
        self._adapter.begin(deadline)
        try:
            response = self._session.post(url, data=body, headers=dict(headers), allow_redirects=False, stream=True)
        except CallFailed:
            raise
        except requests.RequestException:
            raise CallFailed(self._adapter.lost_between_legs()) from None
        except Exception:  # noqa: BLE001  # the authentication library raises builtins of many kinds
            return self._adapter.last_answer()
        with _classified(), response:
            return _read(response, deadline)


def _session(settings: EwsSettings, adapter: HTTPAdapter) -> requests.Session:
    session = requests.Session()
    # Else proxies, passwords of ~/.netrc and certificates from the environment would come before what is configured.
    session.trust_env = False
    # Cookies of one mailbox would route the calls for the next one.
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.headers.update(DEFAULT_HEADERS)
    session.headers["User-Agent"] = "rdv-receiver"
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    session.verify = str(settings.ca_file) if settings.ca_file else True
    session.auth = AUTHENTICATIONS[settings.auth](settings.username, settings.password)
    return session


def _read(response: requests.Response, deadline: float) -> Answer:
    """Read the body in pieces as they come: a server that trickles must not hold a call beyond its deadline."""
    body = bytearray()
    while piece := response.raw.read1(PIECE, decode_content=True):
        body += piece
        if time.monotonic() > deadline:
            raise CallFailed(TIMED_OUT)
        if len(body) > LARGEST_ANSWER:
            raise CallFailed(NOT_EWS)
    return Answer(response.status_code, _retry_after_s(response), bytes(body))


def _retry_after_s(response: requests.Response) -> float | None:
    """Read Retry-After, in seconds or as a date (RFC 9110, 10.2.3)."""
    value = response.headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        return max(parsedate_to_datetime(value).timestamp() - time.time(), 0.0)
    except (ValueError, OverflowError):
        return None


@contextmanager
def _classified() -> Iterator[None]:
    """Tell a time-out from a lost connection. The request was under way: in either case it may be done."""
    try:
        yield
    except (requests.Timeout, urllib3.exceptions.TimeoutError, TimeoutError):
        raise CallFailed(TIMED_OUT) from None
    except (requests.RequestException, HTTPError, OSError):
        raise CallFailed(CONNECTION_LOST) from None


class _Adapter(HTTPAdapter):
    """Sends the legs of one call; all of them share its deadline."""

    def __init__(self) -> None:
        super().__init__(pool_connections=1, pool_maxsize=1, max_retries=0)
        self._deadline = 0.0
        self._last: requests.Response | None = None

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _PlainPool, "https": _TlsPool}

    def close(self) -> None:
        """Hang up now: urllib3 leaves it to the garbage collector."""
        for key in self.poolmanager.pools.keys():  # noqa: SIM118  # it cannot be iterated
            self.poolmanager.pools[key].close()
        super().close()

    def begin(self, deadline: float) -> None:
        self._deadline, self._last = deadline, None

    def lost_between_legs(self) -> Ruling:
        """Say what a failure between two legs of a handshake means: after a 401 nothing was done."""
        return NEVER_CONNECTED if self._last is None or self._last.status_code == 401 else CONNECTION_LOST

    def last_answer(self) -> Answer:
        """Return the answer that a handshake did not go on from, without its body: it was not what was asked for."""
        if self._last is None:
            raise CallFailed(NEVER_CONNECTED)
        return Answer(self._last.status_code, _retry_after_s(self._last), b"")

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        left_s = self._deadline - time.monotonic()
        if left_s <= 0:  # while waiting for a free connection, or after legs that were answered by 401
            raise CallFailed(NOT_SENT_IN_TIME)
        kwargs["timeout"] = (min(left_s, CONNECT_TIMEOUT_S), left_s)
        with _classified():
            self._last = super().send(request, *args, **kwargs)
        return self._last

    def cert_verify(self, *args: Any, **kwargs: Any) -> None:
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
