"""Sending as the emitters' job queues do: in parallel, out of order, with retries.

A job that waits for its retry holds no thread: it lies in a heap until it is due. The body of a retry is the first
attempt's, byte for byte; the signature is made anew, as a bearer token would have expired.
"""

import heapq
import json
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from random import Random
from typing import Protocol

import requests

from emitter.retries import RetryPolicy

TIMEOUT_S = 10.0
LARGEST_ANSWER = 1 << 16

Signer = Callable[[bytes], Mapping[str, str]]
"""Body -> headers, called at every attempt."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One webhook to be sent."""

    body: bytes = field(repr=False)
    description: str = ""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request and its outcome."""

    job: int
    """Position of the delivery among those handed over."""
    number: int
    started_s: float
    """Seconds since the first delivery was handed over."""
    latency_s: float
    status: int | None
    """HTTP status; None: no answer."""
    answer: str | None = None
    """`status` of the JSON answer."""
    html: bool = False
    """An answer 2xx with ``<html>``: a firewall answered instead of the receiver."""
    error: str | None = None
    """Why there was no answer: `timeout` or `connection`."""

    @property
    def succeeded(self) -> bool:
        """Whether the emitter considers the job done."""
        return self.status is not None and 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """All attempts of one `deliver`."""

    deliveries: tuple[Delivery, ...]
    attempts: tuple[Attempt, ...]
    """In the order in which they ended."""

    @property
    def undelivered(self) -> tuple[int, ...]:
        """Jobs that never had a 2xx."""
        delivered = {attempt.job for attempt in self.attempts if attempt.succeeded}
        return tuple(job for job in range(len(self.deliveries)) if job not in delivered)

    @property
    def firewall_pages(self) -> tuple[Attempt, ...]:
        """Attempts answered by a page instead of the receiver."""
        return tuple(attempt for attempt in self.attempts if attempt.html)


class Clock(Protocol):
    """Monotonic time; replaceable, so that a week of retries takes no time."""

    def now_s(self) -> float:
        """Seconds since whenever."""
        ...

    def sleep_s(self, duration_s: float) -> None:
        """Let time pass."""
        ...


class MonotonicClock:
    """The machine's own time."""

    def now_s(self) -> float:
        """Seconds since whenever."""
        return time.monotonic()

    def sleep_s(self, duration_s: float) -> None:
        """Let time pass."""
        time.sleep(duration_s)


@dataclass(frozen=True, slots=True)
class Courier:
    """Sends deliveries to one endpoint."""

    url: str
    signer: Signer
    policy: RetryPolicy = field(default_factory=RetryPolicy)
    jobs: int = 4
    """Parallel requests; 1 keeps the order of first attempts."""
    timeout_s: float = TIMEOUT_S
    ca_file: str | None = None
    on_attempt: Callable[[Attempt], None] = lambda _attempt: None
    """Called with each attempt when it ends, in the caller's thread."""
    clock: Clock = field(default_factory=MonotonicClock)

    def deliver(self, deliveries: Sequence[Delivery]) -> DeliveryReport:
        """Send all, retry what fails, and return when each was delivered or given up.

        Raises:
            ValueError: the address is none.
            Exception: whatever the signer raises; what is under way is finished first.

        """
        return _Round(self, tuple(deliveries)).run()

    def post(self, body: bytes) -> tuple[int, bytes]:
        """Send once, follow no redirect: status and content of the answer.

        Raises:
            requests.RequestException: no whole answer came in time.

        """
        deadline_s = time.monotonic() + self.timeout_s
        with requests.Session() as session:
            session.trust_env = False  # a .netrc would overwrite the signature's Authorization header
            session.verify = self.ca_file or True
            with session.post(
                self.url,
                data=body,
                headers={**self.signer(body)},
                timeout=self.timeout_s,
                allow_redirects=False,
                stream=True,
            ) as response:
                return response.status_code, _read(response, deadline_s)


def shuffled_with_repeats(deliveries: Sequence[Delivery], seed: int, repeated: float = 0.25) -> list[Delivery]:
    """Shuffle deliveries and repeat some, as the emitter's queue may on a busy day."""
    random = Random(seed)
    again = [delivery for delivery in deliveries if random.random() < repeated]
    mixed = [*deliveries, *again]
    random.shuffle(mixed)
    return mixed


@dataclass(order=True, slots=True)
class _Due:
    at_s: float
    turn: int
    """Keeps equal times in the order in which they were queued."""
    job: int = field(compare=False)
    number: int = field(compare=False)


class _Round:
    """One call of `deliver`: the heap of due jobs and the requests under way. Used from one thread."""

    def __init__(self, courier: Courier, deliveries: tuple[Delivery, ...]) -> None:
        self._courier = courier
        self._deliveries = deliveries
        self._begun_s = courier.clock.now_s()
        self._heap: list[_Due] = []
        self._turn = 0
        self._under_way: set[Future[Attempt]] = set()
        self._attempts: list[Attempt] = []

    def run(self) -> DeliveryReport:
        for job in range(len(self._deliveries)):
            self._queue(self._begun_s, job, 1)
        with ThreadPoolExecutor(max_workers=self._courier.jobs, thread_name_prefix="emitter") as pool:
            while self._heap or self._under_way:
                self._start_due(pool)
                self._wait()
        return DeliveryReport(self._deliveries, tuple(self._attempts))

    def _queue(self, at_s: float, job: int, number: int) -> None:
        self._turn += 1
        heapq.heappush(self._heap, _Due(at_s, self._turn, job, number))

    def _start_due(self, pool: ThreadPoolExecutor) -> None:
        while self._heap and self._has_free_thread() and self._heap[0].at_s <= self._courier.clock.now_s():
            due = heapq.heappop(self._heap)
            self._under_way.add(pool.submit(self._attempt, due.job, due.number))

    def _has_free_thread(self) -> bool:
        return len(self._under_way) < self._courier.jobs

    def _wait(self) -> None:
        if not self._under_way:
            self._courier.clock.sleep_s(max(0.0, self._heap[0].at_s - self._courier.clock.now_s()))
            return
        ended, self._under_way = wait(self._under_way, self._until_next_s(), return_when=FIRST_COMPLETED)
        attempts = [future.result() for future in ended]
        for attempt in sorted(attempts, key=lambda attempt: attempt.started_s + attempt.latency_s):
            self._record(attempt)

    def _until_next_s(self) -> float | None:
        """How long only the answers matter: until a thread could take the next due job."""
        if not self._heap or not self._has_free_thread():
            return None
        return max(0.0, self._heap[0].at_s - self._courier.clock.now_s())

    def _record(self, attempt: Attempt) -> None:
        self._attempts.append(attempt)
        self._courier.on_attempt(attempt)
        wait_s = self._courier.policy.wait_s(attempt.number, attempt.job)
        if not attempt.succeeded and wait_s is not None:
            self._queue(self._courier.clock.now_s() + wait_s, attempt.job, attempt.number + 1)

    def _attempt(self, job: int, number: int) -> Attempt:
        clock = self._courier.clock
        started_s = clock.now_s()
        status, content, error = self._post(job)
        good = status is not None and 200 <= status < 300
        return Attempt(
            job=job,
            number=number,
            started_s=started_s - self._begun_s,
            latency_s=clock.now_s() - started_s,
            status=status,
            answer=_answered_status(content),
            html=good and b"<html>" in content.lower(),
            error=error,
        )

    def _post(self, job: int) -> tuple[int | None, bytes, str | None]:
        try:
            status, content = self._courier.post(self._deliveries[job].body)
        except requests.Timeout:
            return None, b"", "timeout"
        except requests.RequestException as error:
            if isinstance(error, ValueError):  # an invalid URL: a retry cannot help
                raise
            return None, b"", "connection"
        return status, content, None


def _read(response: requests.Response, deadline_s: float) -> bytes:
    """Read as much of the answer as is used, with a total timeout; requests' own starts anew with every byte."""
    content = bytearray()
    try:
        # Byte by byte: reading a larger piece waits until it is complete, however slowly it arrives.
        for byte in response.iter_content(1):
            content += byte
            if time.monotonic() > deadline_s:
                raise requests.Timeout
            if len(content) >= LARGEST_ANSWER:
                break
    except requests.ConnectionError:
        # requests raises this for a timeout within the body.
        if time.monotonic() > deadline_s:
            raise requests.Timeout from None
        raise
    return bytes(content)


def _answered_status(content: bytes) -> str | None:
    try:
        answer = json.loads(content)
    except ValueError:
        return None
    status = answer.get("status") if isinstance(answer, dict) else None
    return status if isinstance(status, str) else None
