"""Lives of a disk: load until the power is cut, at many places at once in hindsight; the next life starts from one of them."""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from receiver.store import Store
from tests.databases import sqlalchemy_url
from tests.power_loss import disk, programs
from tests.power_loss.load import Load
from tests.power_loss.recording import Aftermath, Cut, Fate, Recording, Survival, copy, read
from tests.power_loss.stores import Kind
from tests.power_loss.verdict import Verdict, examine

APART = 100_000_000
"""Between the numbers of two lives' appointments."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a drill is to be."""

    kind: Kind
    seed: int
    lives: int
    seconds: float
    """Of load in each life."""
    cuts: int
    """Examined of each life."""
    careless_s: float = 0
    """Of load at the end of the last life, with durability switched off."""
    careless_cuts: int = 0


@dataclass(frozen=True, slots=True)
class Examined:
    """A cut, what it did to the disk, and what was found."""

    life: int
    cut: Cut
    fate: Fate
    verdict: Verdict


@dataclass
class Result:
    """What a drill came to."""

    order: Order
    acknowledged: int = 0
    unacknowledged: int = 0
    records: int = 0
    """Writes and flushes in which cuts could fall."""
    examined: list[Examined] = field(default_factory=list)
    careless: list[Examined] = field(default_factory=list)

    @property
    def failures(self) -> list[Examined]:
        """Cuts after which something was not as it must be."""
        return [each for each in self.examined if not each.verdict.holds]


@dataclass(frozen=True, slots=True)
class _Life:
    """What was recorded of one life."""

    number: int
    recording: Recording
    inherited: frozenset[bytes]
    """Acknowledged in earlier lives, before the cuts that ended them."""
    acknowledged: dict[bytes, int]
    """Body to the number of records at that moment."""
    begun: int
    careless: int
    """So many records were complete when load began, and when durability was switched off."""

    def required(self, cut: Cut) -> frozenset[bytes]:
        """Return what must be there after a cut."""
        return self.inherited | {body for body, answered in self.acknowledged.items() if answered <= cut.after}


def run(order: Order) -> Result:
    """Hold one drill."""
    with _folder() as folder:
        return _Drill(order, folder).run()


@contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="power-loss-"))
    folder.chmod(0o755)  # PostgreSQL's account must get through
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class _Drill:
    """One after the other: live, then look at what cuts would have left, then live on from one of them."""

    def __init__(self, order: Order, folder: Path) -> None:
        self._order, self._folder = order, folder
        self._chance = Random(f"power-loss/{order.seed}")
        self._before, self._image = folder / "before.img", folder / "disk.img"
        self._result = Result(order)

    def run(self) -> Result:
        disk.make(self._before)
        inherited: frozenset[bytes] = frozenset()
        for number in range(self._order.lives):
            life = self._live(number, inherited)
            last = self._examine(life)
            inherited = life.required(last)
        return self._result

    def _live(self, number: int, inherited: frozenset[bytes]) -> _Life:
        log = self._folder / "disk.log"
        log.unlink(missing_ok=True)
        copy(self._before, self._image)
        load = Load(log, number * APART)
        with disk.recorded(self._image, log, self._folder / "disk") as device:
            begun, careless = self._use(device, load, first=number == 0, last=number == self._order.lives - 1)
        recording = read(log)
        acknowledged = {body: recording.answered(position) for body, position in load.acknowledged.items()}
        self._result.acknowledged += len(acknowledged)
        self._result.unacknowledged += load.unacknowledged
        counts = recording.answered(begun), recording.answered(careless)
        return _Life(number, recording, inherited, acknowledged, *counts)

    def _use(self, device: Path, load: Load, *, first: bool, last: bool) -> tuple[int, int]:
        """Live one life; return the lengths of the log between which cuts may fall."""
        kind, folder = self._order.kind, self._folder
        with disk.mounted(device, folder / "mounted") as place:
            if first:
                kind.make(place)
            with kind.opened(place, folder / "store.log") as url:
                if first:
                    _migrate(url)
                # Later lives may be cut from the first, while what the cut before has left is put right.
                begun = load.log.stat().st_size if first else 0
                with programs.receiver(folder, url) as webhooks:
                    load.run(webhooks, self._order.seconds)
                end = load.log.stat().st_size
                if last and self._order.careless_s:
                    with programs.receiver(folder, url, main=kind.carelessly(url)) as webhooks:
                        load.run(webhooks, self._order.careless_s)
        return begun, end

    def _examine(self, life: _Life) -> Cut:
        """Look at what cuts would have left; return the last, from which the next life starts."""
        order = self._order
        chosen = self._draw(life, range(life.begun, life.careless), order.cuts)
        # By chance one of them, though what comes after it must not be built on its disk.
        heir = self._chance.randrange(len(chosen))
        aftermath = Aftermath(life.recording, self._before, self._folder)
        image = self._folder / "after.img"
        for each in chosen:
            fate = aftermath.image(each, image)
            ...
        return chosen[heir]


def _migrate(url: str) -> None:
    with closing(Store(sqlalchemy_url(url))) as store:
        store.migrate()
