"""Whether one source delays the others: lone RDV of a small source beside a constant backlog of a large one.

The large source sent 20,000 webhooks that name 100,000 mailboxes, none of which exists at Exchange. They were
acknowledged by the web process while no worker ran; then nobody sends any more, and a worker starts. A small source
sends one RDV about every second, whose entries are waited for in its agents' calendars, which are known:

- `quiet`: before there is any backlog.
- `arriving`: from the worker's start on, while the backlog is judged and settled.
- `unknown`: once all of it is settled, and the mailboxes that do not exist are tried.

`fairness_ratio` is the worse of the two medians beside the backlog, divided by the quiet one: required 5, goal 2. A RDV
that is not in its calendar at the timeout counts with the time it has waited, and in `fairness_late`: the ratio is
then a lower bound. `fairness_left_webhooks` of the backlog were not judged when the measurement of `arriving` ended;
`fairness_tried_mailboxes`, none of which exist, were tried when that of `unknown` did.

Everything is real, on SQLite and, where its server is installed, PostgreSQL, with every commit on the disk; Exchange is
the mock, with 40 ms before each answer.
"""

import argparse
import random
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count as numbers
from pathlib import Path

import requests

from benchmarks.ews_storm import refuse_memory
from benchmarks.fair_town import FairTown, fair_town
from benchmarks.figures import POSTGRESQL, Direction, Directions, add_options, report
from benchmarks.memory import flood
from benchmarks.webhooks import FIRST_ID, Appointments, agent, uuid_of, with_agents
from tests.databases import new_database, postgres_binaries, postgres_cluster, sqlalchemy_url

LONE_AGENTS = 10
AGENTS_EACH = 5
"""Agents of each webhook of the backlog; no other webhook names them."""
LOOK_EVERY_S = 0.01
LOOK_SHARE = 0.02
"""An entry that is late is polled less often, as polling costs the mock time."""
SETTLING_S = 3600.0
DIRECTIONS: Directions = {
    "fairness_ratio": Direction.LESS,
    "fairness_*_ratio": Direction.LESS,
    "fairness_*_median_ms": Direction.LESS,
    "fairness_late": Direction.LESS,
    "fairness_*": Direction.NEUTRAL,
}


@dataclass(frozen=True, slots=True)
class Size:
    """How much of it."""

    webhooks: int
    """Of the backlog."""
    changes: int
    """Lone RDV of each measurement."""
    every_s: float
    """Between two of them, in the mean."""
    timeout_s: float
    """From the last one on."""
    latency_ms: float
    """Of the mock."""


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--webhooks", type=int, default=20_000, help="of the backlog; each names 5 mailboxes")
    options.add_argument("--changes", type=int, default=30, help="lone RDV of each measurement")
    options.add_argument("--every-s", type=float, default=1.0, help="between two lone RDV, in the mean")
    options.add_argument("--timeout-s", type=float, default=120.0, help="maximum wait for a lone RDV")
    options.add_argument("--latency-ms", type=float, default=40.0, help="before each answer of the mock")
    options.add_argument("--postgresql", action=argparse.BooleanOptionalAction, default=postgres_binaries() is not None)
    add_options(options)
    arguments = options.parse_args()
    refuse_memory(arguments.folder)
    size = Size(
        arguments.webhooks, arguments.changes, arguments.every_s, arguments.timeout_s, arguments.latency_ms
    )  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="rdv-bench-", dir=arguments.folder) as folder:
        path = Path(folder).resolve()
        figures = measure(path, f"sqlite:///{path}/store.db", size)
    if arguments.postgresql:
        refuse_memory(Path(tempfile.gettempdir()))
        with tempfile.TemporaryDirectory(prefix="rdv-bench-", dir=arguments.folder) as folder:
            found = measure_on_postgresql(Path(folder).resolve(), size)
        figures |= {f"{POSTGRESQL}{name}": value for name, value in found.items()}
    report(figures, arguments.json, DIRECTIONS)


def measure_on_postgresql(folder: Path, size: Size) -> dict[str, float]:
    """Return the figures over a cluster of its own."""
    with postgres_cluster(fsync=True) as cluster:
        return measure(folder, sqlalchemy_url(new_database(cluster)), size)


def measure(folder: Path, url: str, size: Size) -> dict[str, float]:
    """Return the figures over an empty store."""
    boxes = [agent(number) for number in range(LONE_AGENTS)]
    with fair_town(folder, url, boxes, size.latency_ms) as place, requests.Session() as session:
        lone = Lone(place, session, size)
        with place.worker():
            lone.waits(LONE_AGENTS)  # mailboxes become known
            quiet = lone.waits(size.changes)
        if quiet.late:
            raise TimeoutError("lone RDV never came, with nothing beside them")
        begun = time.monotonic()
        flood(place.large, size.webhooks, backlog)
        filling_s = time.monotonic() - begun
        with place.worker():
            arriving = lone.waits(size.changes)
            left = place.waiting_webhooks()
            place.wait_until_settled(SETTLING_S)
            unknown = lone.waits(size.changes)
            tried = place.failing_mailboxes()
    ratios = {name: waits.median_s / quiet.median_s for name, waits in (("arriving", arriving), ("unknown", unknown))}
    return {
        "fairness_ratio": max(ratios.values()),
        **{f"fairness_{name}_ratio": ratio for name, ratio in ratios.items()},
        "fairness_quiet_median_ms": quiet.median_s * 1000,
        "fairness_arriving_median_ms": arriving.median_s * 1000,
        "fairness_unknown_median_ms": unknown.median_s * 1000,
        "fairness_late": quiet.late + arriving.late + unknown.late,
        "fairness_filling_s": filling_s,
        "fairness_webhooks": size.webhooks,
        "fairness_mailboxes": size.webhooks * AGENTS_EACH,
        "fairness_left_webhooks": left,
        "fairness_tried_mailboxes": tried,
    }


def backlog(number: int) -> bytes:
    """Tell of a new appointment in another organisation, of five agents who have no mailbox."""
    first = number * AGENTS_EACH
    emails = {1_000_000 + each: f"absent.{each:06}@departement.example" for each in range(first, first + AGENTS_EACH)}
    return with_agents(FIRST_ID * 2 + number, emails, organisation=FairTown.LARGE)


@dataclass(frozen=True, slots=True)
class Waits:
    """How long some lone RDV took."""

    seconds: Sequence[float]
    late: int
    """Those that timed out: their seconds are the time waited."""

    @property
    def median_s(self) -> float:
        """Return the median."""
        return statistics.median(self.seconds)


@dataclass
class Lone:
    """Lone RDV of the small source."""

    place: FairTown
    session: requests.Session
    size: Size
    chance: random.Random = field(default_factory=lambda: random.Random(30))
    _numbers: "numbers[int]" = field(default_factory=numbers)
    _appointments: Appointments = field(default_factory=lambda: Appointments(LONE_AGENTS))

    def waits(self, count: int) -> Waits:
        """Send so many, whether or not those before have arrived; return how long each took to its calendar."""
        sent: dict[int, float] = {}
        waited: list[float] = []
        due = time.monotonic()
        ends = due + count * self.size.every_s * 1.5 + self.size.timeout_s
        left = count
        while (left or sent) and (now := time.monotonic()) < ends:
            if left and now >= due:
                number = next(self._numbers)
                sent[number] = now
                self._send(number)
                left -= 1
                # Not in step with a worker that polls ten times a second.
                due += self.size.every_s * self.chance.uniform(0.5, 1.5)
            waited += self._arrived(sent)
            if sent:
                time.sleep(max(LOOK_EVERY_S, LOOK_SHARE * (time.monotonic() - max(sent.values()))))
            elif left:
                time.sleep(max(0.0, due - time.monotonic()))
        now = time.monotonic()
        return Waits([*waited, *(now - begun for begun in sent.values())], late=len(sent) + left)

    def _send(self, number: int) -> None:
        body = self._appointments.created(number)
        answer = self.session.post(self.place.small.webhooks, body, headers=self.place.small.signed(body), timeout=30)
        if answer.status_code != 202:
            raise RuntimeError(f"a lone RDV was answered by {answer.status_code}")
        if number % LONE_AGENTS == 0:
            self.place.forget_requests()

    def _arrived(self, sent: dict[int, float]) -> list[float]:
        """Take out those that are in their calendars; return how long they took."""
        found: list[float] = []
        for box in {number % LONE_AGENTS for number in sent}:
            there = " ".join(self.place.uids(self.session, agent(box)))
            now = time.monotonic()
            found += [now - sent.pop(number) for number in list(sent) if uuid_of(number) in there]
        return found


if __name__ == "__main__":
    main()
