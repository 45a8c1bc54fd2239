"""POSTs over a few kept connections, and how far each came: not sent, perhaps done, or answered.

In place of exchangelib's own protocol, which tells a refused connection and a lost answer by the same exception,
waits for a free session without end, shares its sessions process-wide by address and password (two authorities, or a
changed password, would go unnoticed), and after a time-out reports "busy" where the work may have been done.
"""

import queue
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.cookiejar import DefaultCookiePolicy

import requests
from exchangelib.transport import DEFAULT_HEADERS

from connectors import bounded_http
from connectors.bounded_http import BodyTooLarge
from connectors.ews.adapter import Adapter, classified
from connectors.ews.authentication import NewAuthentication, authentication, is_offered
from connectors.ews.errors import (
    AUTH_NOT_OFFERED,
    NO_CONNECTION_FREE,
    AnswerTooLarge,
    CallFailed,
    of_status,
)
from connectors.ews.guard import Guard
from connectors.ews.settings import EwsSettings

IDLE_LIMIT_S = 50.0
"""An idle connection is replaced after this time: if the server closes it while we write, the outcome is in doubt."""
LARGEST_ANSWER = 2 * 1024 * 1024
"""Bytes as received. A page of 500 entries is a quarter of it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete answer."""

    status: int
    retry_after_s: float | None
    body: bytes = field(repr=False)
    """As received, not inflated."""
    encoding: str = ""
    """Its `Content-Encoding`."""
    clock_ahead_s: float | None = None
    """How far the server's clock is ahead of ours, by the header Date."""


class Wire:
    """The connections to one server. Thread-safe."""

    def __init__(self, settings: EwsSettings) -> None:
        self._settings = settings
        self._closed = False
        self._guard = Guard(settings.authentication_pause_s)
        new_authentication = authentication(settings, self._guard)
        self._free: queue.LifoQueue[_Line] = queue.LifoQueue()
        for _ in range(settings.connections):
            self._free.put(_Line(settings, self._guard, new_authentication))

    def post(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Send one request. Waiting for a free connection and for the answer together is limited by the timeout.

        An account that was refused is not shown again before its pause is over.

        Raises:
            CallFailed: no complete answer came, or the account is refused; the ruling says what may have been done.

        """
        self._guard.check()
        deadline = time.monotonic() + self._settings.timeout_s
        with self._line() as line:
            return line.post(self._settings.server, body, headers, deadline)

    def close(self) -> None:
        """Close the connections; those in use when their call ends."""
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
    """One connection with its authentication, used by one thread at a time."""

    def __init__(self, settings: EwsSettings, guard: Guard, new_authentication: NewAuthentication) -> None:
        self._guard = guard
        self._auth = settings.auth
        self._adapter = Adapter(guard)
        self._session = _session(settings, self._adapter)
        self._session.auth = new_authentication()
        self._used_at = 0.0

    def post(self, url: str, body: bytes, headers: Mapping[str, str], deadline: float) -> Answer:
        if time.monotonic() - self._used_at > IDLE_LIMIT_S:
            self.hang_up()
        try:
            with self._adapter.call(deadline):
                answer = self._judged(self._post(url, body, headers))
        except BaseException:
            self.hang_up()  # after a 401 too: the next call authenticates anew
            raise
        self._used_at = time.monotonic()
        return answer

    def _judged(self, answer: Answer) -> Answer:
        """Return an answer to the account. Before the next connection may show it: one refusal is enough."""
        if answer.status == 401:
            offered = is_offered(self._auth, self._adapter.challenge, self._adapter.proofs)
            raise CallFailed(self._guard.refuse(of_status(401, answer.retry_after_s) if offered else AUTH_NOT_OFFERED))
        if answer.status < 200:
            self.hang_up()  # the rest of the answer would be read as the answer to the next request
        if answer.status == 200:
            self._adapter.authenticated = True
            self._guard.accept()
        return answer

    def hang_up(self) -> None:
        self._adapter.close()

    def _post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        try:
            response = self._session.post(url, data=body, headers=dict(headers), allow_redirects=False, stream=True)
        except CallFailed:
            raise
        except requests.RequestException:
            raise CallFailed(self._adapter.failure_between_requests()) from None
        except Exception:  # noqa: BLE001  # the authentication library raises builtins of many kinds
            return _answer_of(self._adapter.last_response(), b"")  # an unwanted answer; its body is not used
        if response.status_code == 401:
            return _answer_of(response, b"")  # the body of a refusal is not used, and may be incomplete
        with classified(), response:
            try:
                return _answer_of(response, bounded_http.read(response, LARGEST_ANSWER))
            except BodyTooLarge:
                raise AnswerTooLarge from None


def _session(settings: EwsSettings, adapter: Adapter) -> requests.Session:
    session = requests.Session()
    # Otherwise proxies, passwords of ~/.netrc and certificates from the environment would override the configuration.
    session.trust_env = False
    # Cookies of one mailbox would route calls for another one.
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.headers.update(DEFAULT_HEADERS)
    session.headers["User-Agent"] = "rdv-receiver"
    session.headers["Accept-Encoding"] = "gzip"
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    session.verify = str(settings.ca_file) if settings.ca_file else True
    return session


def _answer_of(response: requests.Response, body: bytes) -> Answer:
    return Answer(
        status=response.status_code,
        retry_after_s=bounded_http.retry_after_s(response.headers, datetime.now(UTC)),
        body=body,
        encoding=response.headers.get("Content-Encoding", ""),
        clock_ahead_s=_clock_ahead_s(response),
    )


def _clock_ahead_s(response: requests.Response) -> float | None:
    """Compare the server's Date (RFC 9110, 6.6.1), in whole seconds, with our clock."""
    moment = bounded_http.http_date(response.headers.get("Date", ""))
    return None if moment is None else moment.timestamp() + 0.5 - time.time()
