"""Follows the arrival of a resync: tens of thousands of requests, in an hour or more. It may be interrupted."""

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
"""How far the clocks of two hosts may differ: webhooks received just before the start count as received after it."""


def figure(source: str) -> str:
    """Return the name of the figure for the start of a source's last re-sync."""
    return f"resync/{source}"


def note_start(store: Store, source: str, now: datetime) -> None:
    """Store when a re-sync began."""
    store.write(counters.record, {}, {figure(source): int(now.timestamp())}, now)


def last_start(store: Store, source: str) -> datetime | None:
    """Return from which moment on webhooks belong to the last re-sync; None: there was none."""
    known = store.read(counters.figures_named).get(figure(source))
    return since(datetime.fromtimestamp(known.value, UTC)) if known else None


def since(start: datetime) -> datetime:
    """Return from which moment on webhooks belong to a re-sync that begins now."""
    return start - CLOCKS_APART


def totals(api: Api, models: Collection[Model], organisations: Iterable[int]) -> dict[Model, int]:
    """Return how many events are expected, by kind, as far as the API says; a missing kind is unknown."""
    counts: dict[Model, int] = {}
    try:
        if Model.RDV in models:
            counts[Model.RDV] = sum(api.count_rdvs(each) for each in organisations)
        if Model.ABSENCE in models:
            counts[Model.ABSENCE] = api.count_absences()
    except RestError:
        pass  # the progress bar has no total then
    return counts


@dataclass(frozen=True, slots=True)
class PollTimings:
    """How long to follow, in seconds."""

    every_s: float = 5.0
    first_s: float = 1800.0
    """The time until the first event: the platform sends these webhooks with low priority."""
    still_s: float = 300.0
    """All has come if nothing new came for this time."""
    settled_s: float = 30.0
    """The same once the expected number has come: the API's numbers may be too low."""
    most_s: float = 6 * 3600.0


class End(StrEnum):
    """Why following ended."""

    COMPLETE = "complete"
    STILL = "still"
    NOTHING_CAME = "nothing_came"
    TOO_LONG = "too_long"


@dataclass(frozen=True, slots=True)
class Clock:
    """The clock; tests replace it."""

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
    """Follow until all has come, or nothing more comes.

    Args:
        count: returns how many events of each kind came since the start.
        expected: how many there are; known for all `models` or not used.
        models: what is waited for.
        show: called with each count.
        timings: how long to wait.
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
