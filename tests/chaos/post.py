"""The emitter: bursts of webhooks in disorder, some twice, some lost on the way, each sent until acknowledged."""

import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from random import Random

import requests

from emitter.delivery import Attempt, Courier, Delivery, shuffled_with_repeats
from emitter.platforms import Platform, signer
from emitter.retries import RetryPolicy
from tests.convergence.emitters import INSERTION, Job

PATIENCE = RetryPolicy(waits_s=tuple(min(n**4, 300) for n in range(1, 400)), jitter=0.15, time_scale=0.01)
"""The emitter's n^4 seconds, a hundred times shorter and capped: it outlasts every drill."""
TIMEOUT_S = 4.0
BURSTS = 16
REPEATED, LOST, UNANSWERED = 0.10, 0.02, 0.02


@dataclass(frozen=True, slots=True)
class Lossy(Courier):
    """A courier over a bad line: a request may never arrive, and so may an answer."""

    chance: Random = field(default_factory=Random)

    def post(self, body: bytes) -> tuple[int, bytes]:
        """Send once, if the line lets it."""
        drawn = self.chance.random()
        if drawn < LOST:
            raise requests.ConnectionError
        answer = Courier.post(self, body)
        if drawn < LOST + UNANSWERED:
            raise requests.ConnectionError
        return answer


class Closed(Exception):
    """The drill is over: what is not delivered stays so."""


class Post:
    """Takes what is owed, sends it in the background, and remembers what was acknowledged. Thread-safe."""

    def __init__(self, hosts: Sequence[str], secret: str, seed: int) -> None:
        self._hosts, self._secret, self._seed = tuple(hosts), secret, seed
        self._chance = Random(f"line/{seed}")
        self._pool = ThreadPoolExecutor(BURSTS, thread_name_prefix="burst")
        self._lock = threading.Lock()
        self._rounds: list[Future[None]] = []
        self._turn = 0
        self._closed = False
        self.owed: list[Job] = []
        self.acknowledged: dict[Job, str] = {}
        """Job to the word of the first 2xx."""
        self.answers: Counter[str] = Counter()
        """Status, or `timeout` or `connection`, to how often it came."""
        self.attempts = self.retries = self.deliveries = 0

    @property
    def outstanding(self) -> int:
        """How many webhooks are not acknowledged yet."""
        return len(self.owed) - len(self.acknowledged)

    def send(self, jobs: Sequence[Job]) -> None:
        """Begin to deliver; each source has its own queue at the emitter."""
        self.owed += jobs
        by_source: dict[str, list[Job]] = {}
        for job in jobs:
            by_source.setdefault(job.source, []).append(job)
        for source, burst in by_source.items():
            self._turn += 1
            self._rounds.append(self._pool.submit(self._deliver, source, burst, self._turn))

    def close(self) -> None:
        """Stop retrying, and wait for what is under way."""
        self._closed = True
        self._pool.shutdown(cancel_futures=True)

    def failures(self) -> list[BaseException]:
        """What went wrong in the drill itself."""
        return [error for each in self._rounds if each.done() and (error := each.exception())]

    def _deliver(self, source: str, burst: Sequence[Job], turn: int) -> None:
        by_body = {job.body: job for job in burst}
        mixed = shuffled_with_repeats([Delivery(job.body, job.what) for job in burst], self._seed + turn, REPEATED)
        with self._lock:
            self.deliveries += len(mixed)
        self._courier(source, turn, by_body, mixed).deliver(mixed)

    def _courier(self, source: str, turn: int, jobs: Mapping[bytes, Job], mixed: Sequence[Delivery]) -> Lossy:
        platform = Platform.RDV_INSERTION if source == INSERTION else Platform.RDV_SERVICE_PUBLIC
        return Lossy(
            url=f"{self._hosts[turn % len(self._hosts)]}/webhooks/{source}",
            signer=signer(platform, self._secret, None),
            policy=PATIENCE,
            jobs=4,
            timeout_s=TIMEOUT_S,
            on_attempt=lambda attempt: self._note(jobs[mixed[attempt.job].body], attempt),
            chance=self._chance,
        )

    def _note(self, job: Job, attempt: Attempt) -> None:
        with self._lock:
            self.attempts += 1
            self.retries += attempt.number > 1
            self.answers[str(attempt.status or attempt.error)] += 1
            if attempt.succeeded:
                self.acknowledged.setdefault(job, attempt.answer or "")
        if self._closed:
            raise Closed
