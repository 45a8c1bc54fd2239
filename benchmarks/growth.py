"""Growth: what keeping, judging, settling, writing, `status` and purging cost at 10,000 and at 1,000,000 events.

Both stores are filled as two years of use fill them, in the middle of an outage (see `benchmarks.million`): the larger
has 100 times as much of everything, also of what waits. Each operation does the same amount of work in both, in turns,
so that a noisy neighbour meets both alike; what counts is the ratio of the medians, of the time on the clock and, on
SQLite, of the processor's time, in which the disk has no part.

On SQLite and, where its server is installed, PostgreSQL, with every commit on the disk.
"""

import argparse
import hashlib
import random
import secrets
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.ews_storm import refuse_memory
from benchmarks.figures import Direction, Directions, add_options, report
from benchmarks.million import YEARS_S, Size, fill
from benchmarks.pages import settings
from connectors.base import Done
from receiver.core.facts import AgentRef, Delivery, Emitter, EventKind, LocationType, Model, RdvState, Version
from receiver.core.mailboxes import MailboxMap
from receiver.core.plan import CallLimits, Verb, begin, end
from receiver.core.ruleset import Ruleset
from receiver.operations import rules
from receiver.operations.erasure import purge
from receiver.operations.status import status
from receiver.store import Incoming, Store
from receiver.store.database.tables import mailboxes
from receiver.store.intake import inbox
from receiver.store.tools import retention, unused
from receiver.store.tools.retention import PAUSE_S
from receiver.store.work import leases, settling
from tests.databases import new_database, postgres_binaries, postgres_cluster, sqlalchemy_url

SMALL, LARGE = 10_000, 1_000_000
BATCH = 100
SETTLED = 20
PURGED = 50
"""Rows of the journal that become due between two purges."""
NEW = 100_000_000
"""Numbers of new appointments begin here."""
TIMINGS = CallLimits.of(30)
LEASE = timedelta(seconds=300)
PURGING_S = 5.0
DIRECTIONS: Directions = {
    "growth_*_ratio": Direction.LESS,
    "growth_*_ms": Direction.LESS,
    "purge_longest_wait_ms": Direction.LESS,
}

Prepared = Callable[[], object]


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--small", type=int, default=SMALL, help="events")
    options.add_argument("--large", type=int, default=LARGE, help="events")
    options.add_argument("--rounds", type=int, default=60)
    add_options(options)
    arguments = options.parse_args()
    refuse_memory(arguments.folder)
    sizes = arguments.small, arguments.large
    with tempfile.TemporaryDirectory(prefix="rdv-bench-", dir=arguments.folder) as folder:
        urls = [f"sqlite:///{Path(folder).resolve()}/{events}.db" for events in sizes]
        figures = measure(urls, sizes, arguments.rounds, with_cpu=True)
    if postgres_binaries():
        refuse_memory(Path(tempfile.gettempdir()))
        with postgres_cluster(fsync=True) as cluster:
            urls = [sqlalchemy_url(new_database(cluster)) for _ in sizes]
            found = measure(urls, sizes, arguments.rounds, with_cpu=False)
        figures |= {f"postgresql_{name}": value for name, value in found.items()}
    figures["growth_worst_ratio"] = max(value for name, value in figures.items() if name.endswith("growth_worst_ratio"))
    report(figures, arguments.json, DIRECTIONS)


@dataclass
class Place:
    """One store, and the state of its operations."""

    store: Store
    size: Size
    now: datetime
    """When it was filled."""
    rules: Ruleset
    chance: random.Random = field(default_factory=lambda: random.Random(1))
    made: int = 0
    purged: int = 0

    def keep_one(self) -> Prepared:
        """Keep a new appointment in the inbox: what a webhook waits for."""
        [news] = self._news(1)
        return lambda: self.store.keep(news)

    def keep_batch(self) -> Prepared:
        """Keep a batch in one transaction, as for many waiting threads: half new appointments, half changes."""
        rows = [self.store._appender.prepared(incoming) for incoming in self._news(BATCH)]  # noqa: SLF001
        return lambda: self.store._intake.submit(rows)  # noqa: SLF001  # threads would be measured too

    def judge(self) -> Prepared:
        """Judge as many."""
        self.store.judge_all(datetime.now(UTC))
        self.keep_batch()()
        return lambda: self._judge(datetime.now(UTC))

    def _judge(self, now: datetime) -> None:
        judged = self.store.judge(now, BATCH)
        assert len(judged) == BATCH, len(judged)
        assert all(each.receipt for each in judged), "some cannot be judged"

    def settle(self) -> Prepared:
        """Work out the placements of the events that have waited longest."""
        now = datetime.now(UTC)
        return lambda: self._settle(now)

    def _settle(self, now: datetime) -> None:
        settled = self.store.settle(lambda view: rules.decide(self.rules, view, now), now, SETTLED)
        assert settled == SETTLED, settled

    def write(self) -> Prepared:
        """Claim a mailbox, record that its changes are sent and confirmed, give it back."""
        return self._write

    def _write(self) -> None:
        now = datetime.now(UTC)
        work = self.store.claim("ecole", now, BATCH, LEASE)
        assert work, "nothing was due"
        numbers = [item.placement.id for item in work.items]
        begun = dict.fromkeys(numbers, lambda placement: begin(placement, Verb.CREATE, now, TIMINGS))
        self.store.advance(work, begun, now, LEASE)
        done = dict.fromkeys(numbers, lambda placement: end(placement, placement.desired, Done("item"), now, 0.5))
        self.store.advance(work, done, now, LEASE)
        self.store.release(work, succeeded_at=now)

    def look_for_work(self) -> Prepared:
        """Ask whether work is due, as a worker does ten times a second with SQLite."""
        return self._look_for_work

    def _look_for_work(self) -> None:
        self.store.read(inbox.is_empty)
        self.store.read(settling.has_unsettled)
        self.store.read(leases.has_work, "ecole", datetime.now(UTC))

    def status(self) -> Prepared:
        """Read the state, as `status` does, and the watch every 15 seconds."""
        return lambda: status(settings(), self.store, datetime.now(UTC))

    def purge(self) -> Prepared:
        """Purge the few rows of the journal that became due since the last purge."""
        self.purged += 1
        apart_s = max(YEARS_S // self.size.events, 1)
        oldest_left = self.now - timedelta(seconds=(self.size.events - self.purged * PURGED) * apart_s)
        return lambda: self._purge(oldest_left + timedelta(days=30))

    def _purge(self, now: datetime) -> None:
        purged = purge(self.store, now, 30, 30)
        assert purged, "nothing was old"

    def find_unused(self) -> Prepared:
        """Check some mailboxes for references, as is done with all of them every hour: here, the last ones made."""
        return self._find_unused

    def _find_unused(self) -> None:
        behind = (self.size.mailboxes - min(self.size.mailboxes, unused.AT_ONCE),)
        self.store.read(unused.seen, mailboxes, behind)

    def _news(self, count: int) -> list[Incoming]:
        numbers = [self.chance.randint(1, self.size.events) for _ in range(count // 2)]
        numbers += range(NEW + self.made, NEW + self.made + count - count // 2)
        self.made += count
        return [_incoming(number, number % self.size.mailboxes + 1) for number in numbers]


OPERATIONS: Mapping[str, Callable[[Place], Prepared]] = {
    "keep_one": Place.keep_one,
    "keep_batch": Place.keep_batch,
    "judge": Place.judge,
    "settle": Place.settle,
    "look_for_work": Place.look_for_work,
    "write": Place.write,
    "status": Place.status,
    "purge": Place.purge,
    "find_unused": Place.find_unused,
}


def measure(urls: Sequence[str], sizes: Sequence[int], rounds: int, *, with_cpu: bool) -> dict[str, float]:
    """Fill two fresh stores, the smaller first; return what each operation costs in both, and the ratios."""
    now = datetime.now(UTC)
    for url, events in zip(urls, sizes, strict=True):
        with _opened(url) as store:
            store.migrate()
        fill(url, Size(events), now)
    with _opened(urls[0]) as small, _opened(urls[1]) as large:
        ruleset = _rules()
        places = [Place(store, Size(events), now, ruleset) for store, events in zip((small, large), sizes, strict=True)]
        wall, cpu = _in_turns(places, rounds)
        ratios = _ratios("ratio", wall) | (_ratios("cpu_ratio", cpu) if with_cpu else {})
        figures = {"growth_worst_ratio": max(ratios.values())} | ratios | _medians(wall)
        return figures | {"purge_longest_wait_ms": _longest_wait_ms(places[1], urls[1])}


@contextmanager
def _opened(url: str) -> Iterator[Store]:
    store = Store(url)
    try:
        yield store
    finally:
        store.close()


def _rules() -> Ruleset:
    known = settings()
    domains = {"mairie.example": "mairie.example"}
    return Ruleset(MailboxMap("mairie", domains=domains), known.ruleset().sources, None, known.ruleset().wording)


Times = dict[str, tuple[list[float], ...]]
"""By operation: the milliseconds of each round, in the smaller store and in the larger."""


def _in_turns(places: Sequence[Place], rounds: int) -> tuple[Times, Times]:
    """Run all operations in both stores in alternation; return elapsed and processor times."""
    wall: Times = {name: ([], []) for name in OPERATIONS}
    cpu: Times = {name: ([], []) for name in OPERATIONS}
    for turn in range(rounds + 1):
        for name, operation in OPERATIONS.items():
            for which in ((0, 1), (1, 0))[turn % 2]:
                block = operation(places[which])
                begun, begun_cpu = time.perf_counter(), time.process_time()
                block()
                if turn:  # the first round warms up
                    cpu[name][which].append((time.process_time() - begun_cpu) * 1000)
                    wall[name][which].append((time.perf_counter() - begun) * 1000)
    return wall, cpu


def _ratios(word: str, times: Times) -> dict[str, float]:
    return {
        f"growth_{name}_{word}": statistics.median(large) / statistics.median(small)
        for name, (small, large) in times.items()
    }


def _medians(times: Times) -> dict[str, float]:
    named = {name: dict(zip(("small", "large"), both, strict=True)) for name, both in times.items()}
    return {
        f"growth_{name}_{size}_ms": statistics.median(values)
        for name, both in named.items()
        for size, values in both.items()
    }


def _longest_wait_ms(place: Place, url: str) -> float:
    """Purge for some seconds the rows of two years; return the longest time that a webhook waited to be kept."""
    with _opened(url) as other, ThreadPoolExecutor(1) as pool:
        deadline = time.monotonic() + PURGING_S
        purging = pool.submit(_purge_until, other, place.now, deadline)
        waits = []
        while not purging.done() and time.monotonic() < deadline:
            block = place.keep_one()
            begun = time.perf_counter()
            block()
            waits.append((time.perf_counter() - begun) * 1000)
            time.sleep(0.02)
        purging.result()
    return max(waits)


def _purge_until(store: Store, now: datetime, deadline: float) -> None:
    """As `receiver.operations.erasure.purge`, which would take minutes."""
    while store.write(retention.drop_old, now, 30, 30) and time.monotonic() < deadline:
        time.sleep(PAUSE_S)


def _incoming(number: int, agent: int) -> Incoming:
    now = datetime.now(UTC)
    delivery = secrets.token_hex(16)
    kind = EventKind.CREATED if number >= NEW else EventKind.UPDATED
    start = now.replace(hour=8, minute=0, second=0, microsecond=0) + timedelta(days=2, minutes=number % 600)
    state = RdvState(
        starts_at=start,
        ends_at=start + timedelta(minutes=30),
        motif="Consultation PMI",
        location_type=LocationType.PHONE,
        organisation=12,
        verticale="rdv_solidarites",
        rdv=number,
    )
    news = Delivery(
        model=Model.RDV,
        wire_id=number,
        uuid=None,
        organisation=12,
        version=Version(kind, now - timedelta(seconds=1)),
        purge=False,
        state=state,
        agents=(AgentRef(str(agent), f"agent{agent}@mairie.example"),),
    )
    digest = hashlib.sha256(delivery.encode()).digest()[:16]
    return Incoming(delivery, "mds", "production", Emitter.RDV_SERVICE_PUBLIC, digest, news, now)


if __name__ == "__main__":
    main()
