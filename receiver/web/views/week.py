"""The hourly counts of a week: sources and writes. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from receiver.sentences.phrases import PARIS
from receiver.store.reports.activity import ModelCount, SeriesCount

WEEK_DAYS = 7
BUCKET_HOURS = 3
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class ModelLine:
    """Webhooks of one model from one source."""

    model: str
    last_hour: datetime
    """When the hour began in which the last one was kept."""
    this_hour: int
    day: int
    """In the last 24 hours."""


@dataclass(frozen=True, slots=True)
class SourceLine:
    """One source of webhooks."""

    name: str
    last_at: datetime | None
    this_hour: int
    day: int
    models: tuple[ModelLine, ...]


@dataclass(frozen=True, slots=True)
class Writes:
    """Writes into calendars in the last 24 hours."""

    done: int
    failed: int

    @property
    def success(self) -> float | None:
        """The share of successful writes, from 0 to 1; None: there were none."""
        total = self.done + self.failed
        return self.done / total if total else None


@dataclass(frozen=True, slots=True)
class Bucket:
    """Some hours of a day in Paris."""

    day: date
    hour: int
    """When it begins, in local time."""
    kept: int = 0
    refused: int = 0
    done: int = 0
    failed: int = 0

    @property
    def is_empty(self) -> bool:
        """Whether nothing happened."""
        return not (self.kept or self.refused or self.done or self.failed)


def week_start(now: datetime) -> datetime:
    """Return the midnight in Paris at which the week of the chart begins; today is its last day."""
    today = now.astimezone(PARIS).date()
    first = today - timedelta(days=WEEK_DAYS - 1)
    return datetime(first.year, first.month, first.day, tzinfo=PARIS)


def sources(
    names: Iterable[str], last_at: Mapping[str, datetime], counts: Sequence[ModelCount]
) -> tuple[SourceLine, ...]:
    """Return the webhooks of each source, in the order of the configuration."""
    return tuple(_source(name, last_at.get(name), [each for each in counts if each.source == name]) for name in names)


def _source(name: str, last_at: datetime | None, counts: Sequence[ModelCount]) -> SourceLine:
    models = tuple(ModelLine(each.model, each.last_hour, each.this_hour, each.day) for each in counts)
    return SourceLine(name, last_at, sum(each.this_hour for each in models), sum(each.day for each in models), models)


def writes(hours: Iterable[SeriesCount], now: datetime) -> Writes:
    """Return how the writes of the last 24 hours ended."""
    recent: Counter[str] = Counter()
    for each in hours:
        if each.hour > now - DAY:
            recent[each.series] += each.count
    return Writes(recent["done"], recent["failed"])


def week(hours: Iterable[SeriesCount], now: datetime) -> tuple[Bucket, ...]:
    """Return the week until the end of today, without gaps. The two equal hours in autumn are counted together."""
    counts: defaultdict[tuple[date, int], Counter[str]] = defaultdict(Counter)
    for each in hours:
        local = each.hour.astimezone(PARIS)
        slot = local.date(), local.hour - local.hour % BUCKET_HOURS
        counts[slot][each.series] += each.count
    return tuple(Bucket(day, hour, **counts[day, hour]) for day, hour in _slots(now))


def _slots(now: datetime) -> Iterator[tuple[date, int]]:
    first = week_start(now).date()
    for number in range(WEEK_DAYS):
        for hour in range(0, 24, BUCKET_HOURS):
            yield first + timedelta(days=number), hour
