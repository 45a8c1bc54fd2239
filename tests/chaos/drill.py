"""One drill: load and blows for so many minutes, then peace, then the verdict."""

import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import requests

from receiver.core.facts import Model
from receiver.store import Store, StoreUnavailable
from receiver.store.database.records import Reason
from receiver.store.intake import judge_batch, set_aside
from tests.chaos.deployment import LOOK_EVERY_S, SECRETS, Deployment, deployment
from tests.chaos.nemesis import Nemesis, plan, possible
from tests.chaos.post import Post
from tests.chaos.verdict import expected, read_store, shown, violations
from tests.chaos.workload import Workload

BURST_EVERY_S = 0.25
MOST_OUTSTANDING = 300
"""The emitter makes no more while so many wait for their acknowledgement: the receiver sets the pace."""
PEACE_S = 240.0
MOST_HELD = 10_000
"""Everything must be in order so long after the last blow."""
FORGET_EVERY_S = 5.0


@dataclass(frozen=True, slots=True)
class Order:
    """What a drill is to be."""

    seed: int
    minutes: float
    store: str = "sqlite"
    rate: float = 100.0
    """Webhooks that become owed each second, at most."""
    pace_s: float = 1.5
    """Between two blows, on average."""


@dataclass
class Result:
    """What a drill came to."""

    order: Order
    webhooks: int = 0
    acknowledged: int = 0
    attempts: int = 0
    retries: int = 0
    answers: dict[str, int] = field(default_factory=dict)
    kills: dict[str, int] = field(default_factory=dict)
    blows: dict[str, int] = field(default_factory=dict)
    missed: dict[str, int] = field(default_factory=dict)
    surprises: dict[str, list[int]] = field(default_factory=dict)
    """Statuses of processes that ended by themselves."""
    entries: int = 0
    """Times that the calendars must show."""
    seconds: float = 0.0
    """Under load and blows."""
    peace_s: float = 0.0
    """From the last blow until all was in order."""
    released: int = 0
    """Webhooks that would have taken out too much: held, and taken in once there was peace."""
    violations: list[str] = field(default_factory=list)
    folder: str | None = None
    """Where logs and store are left, of a drill that failed."""

    @property
    def passed(self) -> bool:
        """Whether all is as it must be."""
        return not self.violations


class Drill:
    """The load, the blows and the end, over what was started."""

    def __init__(self, order: Order, workload: Workload, opened: Deployment, began: datetime) -> None:
        self._order, self._workload, self._opened, self._began = order, workload, opened, began
        self.post = Post(opened.hosts, SECRETS.webhook, order.seed)
        blows = plan(order.seed, order.minutes * 60, possible(opened), order.pace_s)
        self.nemesis = Nemesis(opened, blows)
        self._begun_s = time.monotonic()

    def run(self) -> Result:
        """Return what came of it."""
        result = Result(self._order)
        try:
            self._make_war()
            result.seconds = time.monotonic() - self._begun_s
            peace = time.monotonic()
            self.nemesis.make_peace()
            result.violations = list(self._come_to_rest(peace + PEACE_S, result))
            result.peace_s = time.monotonic() - peace
        finally:
            self.post.close()
        self._count(result)
        return result

    def _make_war(self) -> None:
        end_s, burst_at, forget_at = self._order.minutes * 60, 0.0, 0.0
        while (at_s := time.monotonic() - self._begun_s) < end_s:
            self._opened.look_after()
            self.nemesis.turn(at_s)
            if at_s >= burst_at and self.post.outstanding < MOST_OUTSTANDING:
                self.post.send(self._workload.live(max(1, round(self._order.rate * BURST_EVERY_S))))
                burst_at = at_s + BURST_EVERY_S
            if at_s >= forget_at:
                with suppress(requests.RequestException):
                    self._opened.exchange.forget()
                forget_at = at_s + FORGET_EVERY_S
            time.sleep(LOOK_EVERY_S)  # the drill's own pace

    def _come_to_rest(self, deadline: float, result: Result) -> Iterator[str]:
        opened = self._opened
        if not opened.wait_until(lambda: not self.post.outstanding, deadline - time.monotonic()):
            yield f"not acknowledged in time ({self.post.outstanding})"
        for error in self.post.failures():
            yield f"the drill itself: {error!r}"
        wanted = expected(self.post.acknowledged, self._began)
        result.entries = sum(sum(times.values()) for times in wanted.values())

        def in_order() -> bool:
            with suppress(StoreUnavailable):
                time.sleep(0.5)  # reading everything more often would be a load of its own
                result.released += release_held(opened.store_url)
                return (
                    read_store(opened.store_url).at_rest
                    and shown(opened.exchange, self._workload.mailboxes, self._began) == wanted
                )
            return False

        opened.wait_until(in_order, deadline - time.monotonic())
        yield from violations(opened, self._workload.mailboxes, wanted, self._began)
        refused = {status: times for status, times in self.post.answers.items() if status.startswith("4")}
        if refused:
            yield f"refused: {refused}"

    def _count(self, result: Result) -> None:
        post = self.post
        result.webhooks, result.acknowledged = len(post.owed), len(post.acknowledged)
        result.attempts, result.retries = post.attempts, post.retries
        result.answers = dict(
            sorted((post.answers + Counter(f"as {word}" for word in post.acknowledged.values())).items())
        )
        result.kills = dict(sorted((+self.nemesis.kills).items()))
        result.blows = {kind.value: times for kind, times in self.nemesis.struck.items()}
        result.missed = {kind.value: times for kind, times in self.nemesis.missed.items()}
        result.surprises = {each.name: each.surprises for each in self._opened.services if each.surprises}


def release_held(url: str) -> int:
    """Take in what waits for somebody to decide, as an operator does who has looked; return how many there were.

    Of what is out of scope, absences: whether a second organisation has told of one depends on the order in which its
    older states are judged, which is nobody's to know from outside.

    Raises:
        StoreUnavailable: it is away.

    """
    with closing(Store(url)) as store:
        waiting = store.read(set_aside.waiting, MOST_HELD)
        held = [each.id for each in waiting if each.reason is not Reason.SCOPE or each.model == Model.ABSENCE]
        return store.write(judge_batch.release, held, store.now())


def run(order: Order) -> Result:
    """Hold one drill; its folder is left behind where it failed."""
    began = datetime.now(UTC)
    with _folder() as folder:
        workload = Workload(order.seed, began)
        with deployment(folder, order.store, workload.mailboxes) as opened:
            result = Drill(order, workload, opened, began).run()
            if not result.passed:
                result.folder = _leave(folder, opened)
    return result


@contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="chaos-"))
    folder.chmod(0o755)  # PostgreSQL's account must get through
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _leave(folder: Path, opened: Deployment) -> str:
    left = Path(tempfile.mkdtemp(prefix="chaos-failed-"))
    for path in (*folder.glob("*.log"), *(opened.disk.folder if opened.disk else folder).glob("store.db*")):
        shutil.copy(path, left)
    return str(left)
