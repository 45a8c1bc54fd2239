"""One HTTP request and its answer: time-outs, proxy, certificate authority, retries.

Errors carry a code. Texts of a server or a library are dropped, as they may quote anything.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.client import HTTPException
from pathlib import Path

import requests
from urllib3.exceptions import HTTPError, ReadTimeoutError

from connectors import bounded_http, deadline
from connectors.bounded_http import CONNECT_S, BodyTooLarge
from receiver.core.backoff import capped_retry_after_s

SILENCE_S = 60.0
"""How long the server may send nothing."""
WHOLE_S = 180.0
"""How long a request may take in all, with connecting: the platform needs long for a page of a hundred appointments."""
WANTED = frozenset({200, 201})
LARGEST_ANSWER = 8 * 1024 * 1024
MOST_VALUES = 250_000
"""Values in one answer. A page of a hundred appointments has some fifteen thousand, of up to 300 bytes each."""

ATTEMPTS = 5
LONGEST_WAIT_S = 120.0
"""In seconds: an operator waits for the answer. The platform limits requests by the minute (50 for each address), and
says how long to wait."""
THROTTLED = 429
BUSY = frozenset({THROTTLED, 500, 502, 503, 504})
MAY_PASS = frozenset({"timeout", "unreachable"})


class RestError(Exception):
    """A request to the API failed; the code says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class AnswerTooLarge(RestError):
    """The answer was larger than allowed. A request for fewer objects may succeed."""

    def __init__(self) -> None:
        super().__init__("not_understood")


@dataclass(frozen=True, slots=True)
class Request:
    """One request."""

    method: str
    path: str
    query: Sequence[tuple[str, str | int]] = ()
    body: Mapping[str, object] | None = field(default=None, repr=False)

    @property
    def may_be_repeated(self) -> bool:
        """Whether the request is idempotent."""
        return self.method == "GET"


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(repr=False)


class Transport:
    """A connection to one host. For one thread."""

    def __init__(
        self,
        url: str,
        http_proxy: str | None,
        ca_file: Path | None,
        sleep: Callable[[float], None] = time.sleep,
        attempts: int | None = None,
    ) -> None:
        self._url = url
        self._attempts = attempts
        self._sleep = sleep
        self._session = requests.Session()
        self._session.trust_env = False  # neither .netrc nor proxy variables of the shell count
        self._session.verify = str(ca_file) if ca_file else True
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, bounded_http.Adapter(WANTED))
        self._session.proxies = {"http": http_proxy, "https": http_proxy} if http_proxy else {}

    def close(self) -> None:
        """Give the connection back."""
        self._session.close()

    def send(self, request: Request, headers: Mapping[str, str]) -> Answer:
        """Send a request, and retry where that may help; return the last answer, whatever its status.

        Raises:
            RestError: there was no answer, or it was too large.

        """
        attempt = 1
        while True:
            answer, code = self._attempt(request, headers)
            if attempt >= (self._attempts or ATTEMPTS) or not _worth_another(request, answer, code):
                break
            self._sleep(_wait_s(answer, attempt))
            attempt += 1
        if code == "too_large":
            raise AnswerTooLarge
        if answer is None:
            raise RestError(code)
        return answer

    def _attempt(self, request: Request, headers: Mapping[str, str]) -> tuple[Answer | None, str]:
        with deadline.until(time.monotonic() + WHOLE_S) as call:
            answer, code = self._answer(request, headers)
            if call.over and code in {"tls", "proxy", "unreachable"}:  # the connection was shut down
                code = "timeout"
            return answer, code

    def _answer(self, request: Request, headers: Mapping[str, str]) -> tuple[Answer | None, str]:
        try:
            return self._once(request, headers), ""
        except requests.exceptions.SSLError:
            return None, "tls"
        except requests.exceptions.ProxyError:
            return None, "proxy"
        except (requests.Timeout, ReadTimeoutError, TimeoutError):
            return None, "timeout"
        except BodyTooLarge:
            return None, "too_large"
        except (requests.RequestException, HTTPError, HTTPException, OSError):
            return None, "unreachable"

    def _once(self, request: Request, headers: Mapping[str, str]) -> Answer:
        with self._session.request(
            request.method,
            f"{self._url}{request.path}",
            params=[(name, str(value)) for name, value in request.query],
            json=request.body,
            headers={"Accept": "application/json", "Accept-Encoding": "identity", **headers},
            timeout=(CONNECT_S, SILENCE_S),
            allow_redirects=False,  # the token would be sent to another server
            stream=True,
        ) as response:
            return Answer(response.status_code, response.headers, _read(response))


def _read(response: requests.Response) -> bytes:
    content = bounded_http.read(response, LARGEST_ANSWER)
    if response.headers.get("Content-Encoding", "identity").strip().lower() not in {"", "identity"}:
        return b""  # compression was not asked for: the body is dropped
    if content.count(b",") + content.count(b"[") + content.count(b"{") > MOST_VALUES:
        raise BodyTooLarge
    return content


def _worth_another(request: Request, answer: Answer | None, code: str) -> bool:
    """Return whether to retry. A request that changes something is repeated only if it certainly had no effect."""
    if answer is not None and answer.status == THROTTLED:
        return True
    if not request.may_be_repeated:
        return False
    return code in MAY_PASS if answer is None else answer.status in BUSY


def _wait_s(answer: Answer | None, attempt: int) -> float:
    asked_s = bounded_http.retry_after_s(answer.headers, datetime.now(UTC)) if answer else None
    return min(2.0**attempt if asked_s is None else capped_retry_after_s(asked_s), LONGEST_WAIT_S)
