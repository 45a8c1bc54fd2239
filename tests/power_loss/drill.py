"""One drill: lives of a store, each cut at many moments in hindsight; the next goes on from what one cut has left."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random

from tests.power_loss import disk
from tests.power_loss.life import Life, Plan, live
from tests.power_loss.recording import Aftermath, Cut, Fate
from tests.power_loss.stores import KINDS
from tests.power_loss.verdict import Verdict, examine

ROOM = 2 << 30
"""Bytes that a drill may take for disks and logs."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a drill is to be."""

    store: str
    seed: int
    lives: int
    webhooks: int
    """Acknowledged in each life."""
    cuts: int
    """Examined of each life."""
    careless_webhooks: int
    """Acknowledged at the end of the last life, with durability switched off."""
    careless_cuts: int
    careless_by: str = ""
    """How it is switched off: one of the kind's ways; the first unless told."""


@dataclass(frozen=True, slots=True)
class Examined:
    """A cut, what it did to the disk, and what was found."""

    life: int
    cut: Cut
    fate: Fate
    verdict: Verdict
    left: Path | None = None
    """Where the disk and the logs are left, of a cut that failed."""


@dataclass
class Result:
    """What a drill came to."""

    order: Order
    careless_by: str
    acknowledged: int = 0
    unacknowledged: int = 0
    records: int = 0
    """Writes and flushes among which cuts could fall."""
    careful: list[Examined] = field(default_factory=list)
    careless: list[Examined] = field(default_factory=list)
    """With durability switched off: here something must be seen, or the drill is blind."""

    @property
    def failures(self) -> list[Examined]:
        """Cuts after which something was not as it must be."""
        return [each for each in self.careful if not each.verdict.holds]

    @property
    def seen(self) -> list[Examined]:
        """Cuts after which it was seen what carelessness brings."""
        return [each for each in self.careless if not each.verdict.holds]

    @property
    def passed(self) -> bool:
        """Whether nothing was wrong, and would have been seen if it had been."""
        return bool(self.careful and not self.failures and (self.seen or not self.order.careless_cuts))


def run(order: Order) -> Result:
    """Hold one drill."""
    with _folder() as folder:
        return _Drill(order, folder).run()


@contextmanager
def _folder() -> Iterator[Path]:
    """In memory if there is room: what counts is what the recorded disk was told, not how soon a real one has it."""
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and shutil.disk_usage(memory).free > ROOM
    folder = Path(tempfile.mkdtemp(prefix="power-loss-", dir=memory if roomy else None))
    folder.chmod(0o755)  # PostgreSQL's account must get through
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class _Drill:
    def __init__(self, order: Order, folder: Path) -> None:
        self._order, self._folder, self._kind = order, folder, KINDS[order.store]
        self._chance = Random(f"power-loss/{order.store}/{order.seed}")
        self._result = Result(order, careless_by=order.careless_by or self._kind.careless[0])

    def run(self) -> Result:
        before, inherited = self._folder / "before.img", frozenset[bytes]()
        disk.make(before)
        for number in range(self._order.lives):
            life = live(self._kind, self._plan(number), before, self._folder, inherited)
            self._count(life)
            inherited = life.required(self._examine(number, life, before))
        return self._result

    def _plan(self, number: int) -> Plan:
        order = self._order
        if number < order.lives - 1:
            return Plan(number, order.webhooks)
        return Plan(number, order.webhooks, order.careless_webhooks, self._result.careless_by)

    def _examine(self, number: int, life: Life, before: Path) -> Cut:
        """Look at what cuts would have left; leave the disk of one of them to the next life, and return that cut."""
        aftermath, image = Aftermath(life.recording, before, self._folder), self._folder / "cut.img"
        cuts = life.draw(life.careful, self._order.cuts, self._chance)
        heir = self._chance.choice(cuts)
        for cut in cuts:
            seen = self._look(number, life, cut, aftermath.image(cut, image))
            self._result.careful.append(seen if seen.verdict.holds else self._leave(seen))
            if cut is heir:
                disk.copy(image, before)
        for cut in life.at_stake(life.careless, self._order.careless_cuts):
            self._result.careless.append(self._look(number, life, cut, aftermath.image(cut, image)))
        return heir

    def _look(self, number: int, life: Life, cut: Cut, fate: Fate) -> Examined:
        looked_at = disk.copy(self._folder / "cut.img", self._folder / "looked-at.img")
        return Examined(number, cut, fate, examine(self._kind, looked_at, self._folder, life.required(cut)))

    def _leave(self, seen: Examined) -> Examined:
        left = Path(tempfile.mkdtemp(prefix="power-loss-failed-"))
        for path in (self._folder / "cut.img", *self._folder.glob("*.log")):
            if path.name != "disk.log":  # as large as the disk
                disk.copy(path, left / path.name)
        return replace(seen, left=left)

    def _count(self, life: Life) -> None:
        self._result.acknowledged += len(life.acknowledged)
        self._result.unacknowledged += life.unacknowledged
        self._result.records += len(life.careful)
