"""The numbers of the daily digest: what happened since the last day with offices open."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from receiver.operations.working_hours import is_working_day
from receiver.sentences.phrases import PARIS
from receiver.store import Store
from receiver.store.reports import activity
from receiver.store.reports.activity import SeriesCount

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Counts:
    """What was counted from one midnight in Paris to another."""

    start: datetime
    end: datetime
    kept: int = 0
    refused: int = 0
    done: int = 0
    failed: int = 0


def counts(store: Store, today: date) -> Counts:
    """Return what happened from the last working day's first minute up to last midnight.

    Raises:
        StoreUnavailable: it cannot be read.

    """
    start, end = _midnight(last_working_day(today)), _midnight(today)
    return _counted([each for each in store.read(activity.series, start) if each.hour < end], start, end)


def is_open(day: date) -> bool:
    """Whether anybody reads a digest that day."""
    return is_working_day(day, PARIS.key)


def last_working_day(today: date) -> date:
    """Return the last day before this one on which offices were open."""
    day = today - DAY
    while not is_open(day):
        day -= DAY
    return day


def _counted(found: Iterable[SeriesCount], start: datetime, end: datetime) -> Counts:
    sums: Counter[str] = Counter()
    for each in found:
        sums[each.series] += each.count
    return Counts(start, end, **sums)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), PARIS)
