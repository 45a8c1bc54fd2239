"""Follows the arrival of a resync: tens of thousands of requests, over an hour or more. Ending this ends no resync."""

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from receiver.core.facts import Model
from receiver.operations.resync.platform_api import Api
from receiver.operations.resync.platform_http import RestError
from receiver.store import Store, counters

CLOCKS_APART = timedelta(minutes=1)
"""So far the clocks of two hosts may differ: what was received just before the start counts as received after."""


def figure(source: str) -> str:
    """Return the name under which the start of a source's last re-sync is kept."""
    return f"resync/{source}"


def note_start(store: Store, source: str, now: datetime) -> None:
    """Keep when a re-sync began."""
    store.write(counters.record, {}, {figure(source): int(now.timestamp())}, now)


def last_start(store: Store, source: str) -> datetime | None:
    """Return since when what arrived belongs to the last re-sync; None: there was none."""
    known = store.read(counters.figures_named).get(figure(source))
    return since(datetime.fromtimestamp(known.value, UTC)) if known else None


def since(start: datetime) -> datetime:
    """Return from when on what arrives belongs to a re-sync."""
    return start - CLOCKS_APART


def totals(api: Api, models: Collection[Model], organisations: Iterable[int]) -> dict[Model, int]:
    """Return how much is to come, as far as the API says; a kind that is not in the answer is not known."""
    counts: dict[Model, int] = {}
    try:
        if Model.RDV in models:
            counts[Model.RDV] = sum(api.count_rdvs(each) for each in organisations)
        if Model.ABSENCE in models:
            counts[Model.ABSENCE] = api.count_absences()
    except RestError:
        pass  # a bar without an end is drawn then; nothing depends on it
    return counts


@dataclass(frozen=True, slots=True)
class PollTimings:
    """How long to watch. Seconds."""

    every_s: float = 5.0
    first_s: float = 1800.0
    """The platform sends what is not urgent when it has time: so long may pass until the first arrives."""
    still_s: float = 300.0
    """Nothing new for so long: that was all."""
    settled_s: float = 30.0
    """The same, where as many have come as were expected: the API's numbers may be too low."""
    most_s: float = 6 * 3600.0


class End(StrEnum):
    """Why watching ended."""

    COMPLETE = "complete"
    STILL = "still"
    NOTHING_CAME = "nothing_came"
    TOO_LONG = "too_long"


@dataclass(frozen=True, slots=True)
class Clock:
    """Time, replaceable where hours must pass in a moment."""

    now_s: Callable[[], float] = time.monotonic
    sleep_s: Callable[[float], None] = time.sleep


def follow(
    count: Callable[[], Mapping[Model, int]],
    expected: Mapping[Model, int],
    models: Collection[Model],
    show: Callable[[Mapping[Model, int]], None],
    timings: PollTimings = PollTimings(),
    clock: Clock = Clock(),
) -> End:
    """Watch until all has come, or nothing more does.

    Args:
        count: returns how many events of each kind came since the start.
        expected: how many there are; known for all `models` or not used.
        models: what is waited for.
        show: told of each count.
        timings: how long.
        clock: the time.

    """
    began = changed = clock.now_s()
    before: Mapping[Model, int] = {}
    while True:
        now, counts = clock.now_s(), {model: number for model, number in count().items() if model in models}
        show(counts)
        if counts != before:
            before, changed = counts, now
        if (end := _end(counts, expected, models, now - began, now - changed, timings)) is not None:
            return end
        clock.sleep_s(timings.every_s)


def _end(
    counts: Mapping[Model, int],
    expected: Mapping[Model, int],
    models: Collection[Model],
    since_start_s: float,
    since_change_s: float,
    timings: PollTimings,
) -> End | None:
    complete = set(models) <= set(expected) and all(counts.get(model, 0) >= expected[model] for model in models)
    if complete and since_change_s >= timings.settled_s:
        return End.COMPLETE
    if not counts:
        return End.NOTHING_CAME if since_start_s >= timings.first_s else None
    if since_change_s >= timings.still_s:
        return End.STILL
    return End.TOO_LONG if since_start_s >= timings.most_s else None
