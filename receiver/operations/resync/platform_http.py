"""One request and its answer: time-outs, proxy, authority, retries. Independent of what is asked.

Errors carry a code; the text of a server or a library goes no further, as it may quote anything.
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
"""So long nothing may come."""
WHOLE_S = 180.0
"""So long a request may take in all, from connecting on: a page of a hundred appointments is built slowly."""
WANTED = frozenset({200, 201})
LARGEST_ANSWER = 8 * 1024 * 1024
MOST_VALUES = 250_000
"""In one answer. A page of a hundred appointments has some fifteen thousand; read, each takes up to 300 bytes."""

ATTEMPTS = 5
LONGEST_WAIT_S = 120.0
"""Somebody waits for the answer. The platform counts by the minute (50 requests for each address), and says how long to
wait."""
THROTTLED = 429
BUSY = frozenset({THROTTLED, 500, 502, 503, 504})
MAY_PASS = frozenset({"timeout", "unreachable"})


class RestError(Exception):
    """A question to the API was not answered; the code says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class AnswerTooLarge(RestError):
    """More came than an answer that could be meant; asked for less, it may be readable."""

    def __init__(self) -> None:
        super().__init__("not_understood")


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked."""

    method: str
    path: str
    query: Sequence[tuple[str, str | int]] = ()
    body: Mapping[str, object] | None = field(default=None, repr=False)

    @property
    def may_be_repeated(self) -> bool:
        """Whether a second one does nothing more than the first."""
        return self.method == "GET"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

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
        self._session.trust_env = False  # a .netrc or a proxy of the shell that runs the command was not configured
        self._session.verify = str(ca_file) if ca_file else True
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, bounded_http.Adapter(WANTED))
        self._session.proxies = {"http": http_proxy, "https": http_proxy} if http_proxy else {}

    def close(self) -> None:
        """Give the connection back."""
        self._session.close()

    def send(self, request: Request, headers: Mapping[str, str]) -> Answer:
        """Ask, and ask again where that may help; the last answer is returned whatever its status.

        Raises:
            RestError: there was none, or it is larger than any that could be meant.

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
        return b""  # it was not asked for, and is not decompressed
    if content.count(b",") + content.count(b"[") + content.count(b"{") > MOST_VALUES:
        raise BodyTooLarge
    return content


def _worth_another(request: Request, answer: Answer | None, code: str) -> bool:
    """Say whether to ask again. What changes something is repeated only where it certainly was not done."""
    if answer is not None and answer.status == THROTTLED:
        return True
    if not request.may_be_repeated:
        return False
    return code in MAY_PASS if answer is None else answer.status in BUSY


def _wait_s(answer: Answer | None, attempt: int) -> float:
    asked_s = bounded_http.retry_after_s(answer.headers, datetime.now(UTC)) if answer else None
    return min(2.0**attempt if asked_s is None else capped_retry_after_s(asked_s), LONGEST_WAIT_S)
