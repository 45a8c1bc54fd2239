"""From the webhook to the calendar: how long until a change is in Exchange, on an idle receiver and under load.

Idle: `benchmarks.lone_change`, with its bare create as the baseline. Under load: appointments of 40 agents come, move
and go at a steady rate, while one agent more gets one appointment after the other, whose ways are timed.
"""

import argparse
import itertools
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import requests

from benchmarks import lone_change
from benchmarks.ews_storm import refuse_memory
from benchmarks.figures import Direction, Directions, add_options, report
from benchmarks.town import Town, town
from benchmarks.webhooks import Appointments, agent

AGENTS = 40
"""Those of the load; the next one is timed."""
TIMED = 10_000_000
"""Numbers of timed appointments begin about here."""
TIMEOUT_S = 20.0
LOOK_EVERY_S = 0.005
WARM_UP = 5
DIRECTIONS: Directions = {
    **lone_change.DIRECTIONS,
    "loaded_latency_*": Direction.LESS,
    "loaded_webhooks_per_s": Direction.NEUTRAL,
}


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--changes", type=int, default=100, help="lone ones, and timed ones under load")
    options.add_argument("--per-s", type=float, default=20, help="webhooks of the load")
    add_options(options)
    arguments = options.parse_args()
    refuse_memory(arguments.folder)
    with tempfile.TemporaryDirectory(prefix="rdv-bench-", dir=arguments.folder) as folder:
        figures = measure(Path(folder).resolve(), arguments.changes, arguments.per_s)
    report(figures, arguments.json, DIRECTIONS)


def measure(folder: Path, changes: int, per_s: float) -> dict[str, float]:
    """Return the figures of so many changes, alone and under load."""
    for name in ("idle", "loaded"):
        (folder / name).mkdir()
    return lone_change.measure(folder / "idle", changes) | measure_loaded(folder / "loaded", changes, per_s)


def measure_loaded(folder: Path, changes: int, per_s: float) -> dict[str, float]:
    """Return the figures under load."""
    with town(folder, AGENTS + 1) as place, requests.Session() as session:
        load = Load(place, per_s)
        with load.flowing():
            timed = Timed(place, session)
            for _ in range(WARM_UP):
                timed.change()
            begun, before = time.monotonic(), load.sent
            waits = [timed.change() for _ in range(changes)]
            rate = (load.sent - before) / (time.monotonic() - begun)
    return {
        "loaded_latency_median_ms": statistics.median(waits) * 1000,
        "loaded_latency_p99_ms": statistics.quantiles(waits, n=100)[98] * 1000,
        "loaded_webhooks_per_s": rate,
    }


@dataclass
class Load:
    """Webhooks at a steady rate."""

    town: Town
    per_s: float
    sent: int = 0
    stopping: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def flowing(self) -> Iterator[None]:
        """Send them while the block runs."""
        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(self._send)
            try:
                yield
            finally:
                self.stopping.set()
        running.result()

    def _send(self) -> None:
        appointments = Appointments(AGENTS)
        due = time.monotonic()
        with requests.Session() as session:
            for number in itertools.count():
                for tell in (appointments.created, appointments.moved, appointments.destroyed):
                    due += 1 / self.per_s
                    if self.stopping.wait(max(0.0, due - time.monotonic())):
                        return
                    self.town.post(session, tell(number))
                    self.sent += 1


@dataclass
class Timed:
    """Appointments of one agent, each sent after the one before has arrived."""

    town: Town
    session: requests.Session
    made: int = 0

    def change(self) -> float:
        """Send a new appointment; return the seconds until its entry is in the mailbox."""
        # Of as many agents as there are, the last one's.
        number = (TIMED // (AGENTS + 1) + self.made) * (AGENTS + 1) + AGENTS
        body = Appointments(AGENTS + 1).created(number)
        begun = time.monotonic()
        self.town.post(self.session, body)
        while self._entries() <= self.made:
            if time.monotonic() > begun + TIMEOUT_S:
                raise TimeoutError("the entry never came")
            time.sleep(LOOK_EVERY_S)
        self.made += 1
        return time.monotonic() - begun

    def _entries(self) -> int:
        found = self.session.get(f"{self.town.control}/items", params={"mailbox": agent(AGENTS)}, timeout=TIMEOUT_S)
        return len(found.json())


if __name__ == "__main__":
    main()
