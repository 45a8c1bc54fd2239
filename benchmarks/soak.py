"""Half an hour, or a night, of steady traffic with faults: does anything grow that should not?

Webhooks good, forged, cut and repeated; pages, metrics and the API; an Exchange that drops calls, answers nonsense and
is away for a while; the worker and the watch told to read their configuration anew. Every few seconds the memory and
the open files of every process are written down. A line is fitted to the second half, when caches are full: its slope
is the figure, of the process that grows most. Beside it stands the half-width of the slope's 95 % interval: in a short
soak that is the larger of the two.
"""

import argparse
import csv
import math
import signal
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.ews_storm import refuse_memory
from benchmarks.figures import Direction, Directions, add_options, report
from benchmarks.proc import open_files, receiver_processes, resident_mb
from benchmarks.town import Town, town
from benchmarks.traffic import Traffic

COLUMNS = ("seconds", "role", "pid", "rss_mb", "fds")
SETTLING_S = 300.0
"""How long late entries may still arrive at the end: longer than the longest delay after a fault."""
DIRECTIONS: Directions = {
    "soak_rss_slope_error": Direction.NEUTRAL,
    "soak_*_slope_*": Direction.LESS,
    "soak_*_rss_mb": Direction.LESS,
    "soak_*_fds": Direction.LESS,
    "soak_unexpected_answers": Direction.LESS,
    "soak_entries_off": Direction.LESS,
    "soak_processes_replaced": Direction.LESS,
    "soak_*": Direction.NEUTRAL,
}


@dataclass(frozen=True, slots=True)
class Sample:
    """One process at one moment."""

    seconds: float
    role: str
    pid: int
    rss_mb: float
    fds: int


@dataclass(frozen=True, slots=True)
class Slope:
    """A line through the samples of one process."""

    per_hour: float
    error: float
    """Half-width of its 95 % interval, if samples were independent."""


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--minutes", type=float, default=30)
    options.add_argument("--per-s", type=float, default=5, help="good webhooks a second")
    options.add_argument("--agents", type=int, default=40)
    options.add_argument("--every-s", type=float, default=5, help="between two samples")
    options.add_argument("--samples", type=Path, metavar="FILE", help="write every sample there, as CSV")
    add_options(options)
    arguments = options.parse_args()
    refuse_memory(arguments.folder)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that all that was started is stopped
    with tempfile.TemporaryDirectory(prefix="rdv-bench-", dir=arguments.folder) as folder:
        samples, figures = soak(
            Path(folder).resolve(), arguments.minutes * 60, arguments.agents, arguments.per_s, arguments.every_s
        )
    if arguments.samples:
        write(samples, arguments.samples)
    report(figures, arguments.json, DIRECTIONS)


def soak(
    folder: Path, seconds: float, agents: int, per_s: float, every_s: float
) -> tuple[list[Sample], dict[str, float]]:
    """Run traffic for so long; return all samples, and the figures."""
    with town(folder, agents) as place:
        traffic = Traffic(place, agents, per_s)
        with traffic.flowing():
            samples = list(_watched(place, seconds, every_s))
        missing = _settled(place, traffic)
        letters = len(place.letters)
    counted = {f"soak_{name}": traffic.counts[name] for name in ("accepted", "refused", "read", "faults", "reloads")}
    return samples, {
        **_slopes(samples, seconds),
        **counted,
        "soak_minutes": seconds / 60,
        "soak_unexpected_answers": traffic.counts["unexpected"],
        "soak_entries_off": missing,
        "soak_alerts": letters,
        "soak_processes_replaced": len({sample.pid for sample in samples}) - _at_once(samples),
    }


def _watched(place: Town, seconds: float, every_s: float) -> Iterator[Sample]:
    begun = time.monotonic()
    while (now := time.monotonic() - begun) < seconds:
        for process in receiver_processes(place.supervisor):
            rss_mb, fds = resident_mb(process.pid), open_files(process.pid)
            if rss_mb is not None and fds is not None:
                yield Sample(now, process.role, process.pid, rss_mb, fds)
        time.sleep(max(0.0, begun + now + every_s - time.monotonic()))


def _settled(place: Town, traffic: Traffic) -> int:
    """Wait for late entries; return by how many entries the calendars differ at the end."""
    deadline = time.monotonic() + SETTLING_S
    while time.monotonic() < deadline and place.entries() != traffic.live:
        time.sleep(1)
    return abs(place.entries() - traffic.live)


def _at_once(samples: Sequence[Sample]) -> int:
    return len({sample.pid for sample in samples if sample.seconds == samples[0].seconds})


def _slopes(samples: Iterable[Sample], seconds: float) -> dict[str, float]:
    """Return the steepest slopes of all processes, and memory's of each role."""
    lives: defaultdict[tuple[str, int], list[Sample]] = defaultdict(list)
    for sample in samples:
        if sample.seconds >= seconds / 2:
            lives[sample.role, sample.pid].append(sample)
    whole = max(len(life) for life in lives.values())
    lasting = {key: life for key, life in lives.items() if len(life) > whole / 2}
    memory = {key: fit([(each.seconds, each.rss_mb) for each in life]) for key, life in lasting.items()}
    files = {key: fit([(each.seconds, each.fds) for each in life]) for key, life in lasting.items()}
    worst = max(memory.values(), key=lambda slope: slope.per_hour)
    return {
        "soak_rss_slope_mb_per_hour": worst.per_hour,
        "soak_rss_slope_error": worst.error,
        "soak_fd_slope_per_hour": max(slope.per_hour for slope in files.values()),
        **{f"soak_{role}_rss_slope_mb_per_hour": value for role, value in _by_role(memory).items()},
        **{f"soak_{role}_rss_mb": lasting[role, pid][-1].rss_mb for role, pid in lasting},
        **{f"soak_{role}_fds": lasting[role, pid][-1].fds for role, pid in lasting},
    }


def _by_role(slopes: Mapping[tuple[str, int], Slope]) -> dict[str, float]:
    roles = sorted({role for role, _ in slopes})
    return {role: max(slope.per_hour for (other, _), slope in slopes.items() if other == role) for role in roles}


def fit(points: Sequence[tuple[float, float]]) -> Slope:
    """Fit a line by least squares to (seconds, value)."""
    hours = [seconds / 3600 for seconds, _ in points]
    values = [value for _, value in points]
    slope, intercept = statistics.linear_regression(hours, values)
    left = sum((value - slope * hour - intercept) ** 2 for hour, value in zip(hours, values, strict=True))
    mean = statistics.fmean(hours)
    spread = sum((hour - mean) ** 2 for hour in hours)
    free = max(len(points) - 2, 1)
    return Slope(slope, 1.96 * math.sqrt(left / free / spread))


def write(samples: Iterable[Sample], file: Path) -> None:
    """Write samples as CSV, which `benchmarks.plot` draws."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", encoding="utf-8", newline="") as out:
        rows = csv.writer(out)
        rows.writerow(COLUMNS)
        rows.writerows([f"{each.seconds:.1f}", each.role, each.pid, f"{each.rss_mb:.2f}", each.fds] for each in samples)


if __name__ == "__main__":
    main()
