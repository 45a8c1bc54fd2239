"""One life of the store on a recorded disk: it recovers, it takes webhooks, and everything is ended at once."""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from random import Random

from receiver.store import Store
from tests.databases import sqlalchemy_url
from tests.power_loss import disk, programs
from tests.power_loss.load import Load
from tests.power_loss.recording import Cut, Recording, Survival, read
from tests.power_loss.stores import Kind

APART = 100_000_000
"""Between the numbers of two lives' appointments."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a life is to be."""

    number: int
    webhooks: int
    """So many are acknowledged."""
    careless_webhooks: int = 0
    """So many more after that, with durability switched off."""
    careless: str = ""
    """How."""


@dataclass(frozen=True, slots=True)
class Life:
    """What was recorded of one."""

    recording: Recording
    inherited: frozenset[bytes]
    """Acknowledged in earlier lives, before the cuts that ended them."""
    acknowledged: Mapping[bytes, int]
    """Body to the number of records that the disk had answered when its 2xx had arrived."""
    unacknowledged: int
    careful: range
    careless: range
    """Numbers of records after which the power may be cut: while the store is as it should be, and after that."""

    def required(self, cut: Cut) -> frozenset[bytes]:
        """Return what must be there after a cut."""
        return self.inherited | {body for body, answered in self.acknowledged.items() if answered <= cut.after}

    def draw(self, span: range, count: int, chance: Random) -> list[Cut]:
        """Draw cuts, in the order of time.

        A third anywhere; a third right after an acknowledgement, where most is at stake; a third right before a flush
        that many writes have waited for.
        """
        told = [answered for answered in self.acknowledged.values() if answered in span]
        busy = [number for number in self.recording.busy if number in span]
        moments = [chance.choice(chance.choice((span, told or span, busy or span))) for _ in range(count)]
        return [Cut(after, chance.choice(list(Survival)), chance.getrandbits(32)) for after in sorted(moments)]

    def at_stake(self, span: range, count: int) -> list[Cut]:
        """Return the cuts that would cost most if commits were not flushed, in the order of time.

        Nothing outlives them that was not flushed. Each falls where another flush is awaited.
        """
        told: dict[int, list[int]] = {}
        for answered in self.acknowledged.values():
            if answered in span:
                told.setdefault(self.recording.flushed(answered), []).append(answered)
        most = sorted(told.values(), key=len, reverse=True)[:count]
        return [Cut(after, Survival.NONE, 0) for after in sorted(max(answered) for answered in most)]


def live(kind: Kind, plan: Plan, before: Path, folder: Path, inherited: frozenset[bytes]) -> Life:
    """Live one life on a copy of a disk: the empty one, or one that was cut."""
    log = folder / "disk.log"
    log.unlink(missing_ok=True)
    image = disk.copy(before, folder / "disk.img")
    load = Load(log, plan.number * APART)
    with disk.recorded(image, log, folder / "disk") as device, disk.mounted(device, folder / "mounted") as place:
        moments = _use(kind, plan, load, place, folder)
    recording = read(log)
    begun, careless, end = (recording.answered(moment) for moment in moments)
    acknowledged = {body: recording.answered(moment) for body, moment in load.acknowledged.items()}
    # The record at which carelessness began belongs to it: the disk may never be told of what it acknowledged.
    spans = range(begun, careless), range(careless, end + 1) if plan.careless_webhooks else range(0)
    return Life(recording, inherited, acknowledged, load.unacknowledged, *spans)


def _use(kind: Kind, plan: Plan, load: Load, place: Path, folder: Path) -> tuple[int, int, int]:
    """Return the length of the disk's log when cuts may begin, when carelessness begins, and at the end."""
    first = plan.number == 0
    if first:
        kind.make(place)
    begun = load.written if first else 0  # later lives may be cut while they put right what the cut before has left
    with kind.opened(place, folder / "store.log") as url:
        _migrate(url)
        with programs.receiver(folder, url) as webhooks:
            load.run(webhooks, plan.webhooks)
            careless, words = load.written, kind.carelessly(url, plan.careless) if plan.careless_webhooks else None
            if plan.careless_webhooks and not words:
                load.run(webhooks, plan.careless_webhooks)
        if words:
            with programs.receiver(folder, url, main=words) as webhooks:
                load.run(webhooks, plan.careless_webhooks)
        return begun, careless, load.written


def _migrate(url: str) -> None:
    with closing(Store(sqlalchemy_url(url))) as store:
        store.migrate()
