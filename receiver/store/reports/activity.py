"""Activity, from the hourly counts. The database adds them up, as a busy week has thousands of rows."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, case, func, select

from receiver.core.refusal_reasons import IGNORED
from receiver.store.counters import hour_of
from receiver.store.database.tables import tallies
from receiver.store.work.write_history import DONE


@dataclass(frozen=True, slots=True)
class HourCount:
    """How often something happened within an hour."""

    hour: datetime
    """When the hour began."""
    kind: str
    """``webhook``, ``refused`` or ``write``."""
    name: str
    """The source, or the calendar."""
    detail: str
    """The model, or the verb."""
    outcome: str
    count: int


@dataclass(frozen=True, slots=True)
class SeriesCount:
    """How much happened within an hour, in a few categories."""

    hour: datetime
    """When the hour began."""
    series: str
    """``kept`` or ``refused`` webhooks, writes ``done`` or ``failed``. What was left out on purpose is not counted."""
    count: int


@dataclass(frozen=True, slots=True)
class ModelCount:
    """The webhooks of one model that were kept from one source."""

    source: str
    model: str
    last_hour: datetime
    """When the hour began in which the last one was kept."""
    this_hour: int
    day: int
    """In the hours that began within the last 24."""


_COUNT = tallies.c["count"]
_KEPT, _WRITTEN = tallies.c.kind == "webhook", tallies.c.kind == "write"
_SERIES = case(
    (_KEPT, "kept"),
    (_WRITTEN & (tallies.c.outcome == DONE), "done"),
    (_WRITTEN, "failed"),
    (tallies.c.outcome.not_in(sorted(IGNORED)), "refused"),
)


def hours(connection: Connection, since: datetime) -> list[HourCount]:
    """Return all counts since the hour of a moment, the oldest first."""
    columns = tallies.c.hour, tallies.c.kind, tallies.c.name, tallies.c.detail, tallies.c.outcome, _COUNT
    wanted = select(*columns).where(tallies.c.hour >= hour_of(since)).order_by(*columns[:-1])
    return [HourCount(*row) for row in connection.execute(wanted)]


def series(connection: Connection, since: datetime) -> list[SeriesCount]:
    """Return the sums of each hour since that of a moment, the oldest first."""
    series = _SERIES.label("series")
    each = select(tallies.c.hour, series, _COUNT).where(tallies.c.hour >= hour_of(since)).subquery()
    key = each.c.hour, each.c.series
    sums = select(*key, func.sum(each.c["count"])).where(each.c.series.is_not(None)).group_by(*key).order_by(*key)
    return [SeriesCount(hour, name, int(count)) for hour, name, count in connection.execute(sums)]


def models(connection: Connection, since: datetime, day_ago: datetime, now: datetime) -> list[ModelCount]:
    """Return the webhooks kept since the hour of a moment, by source and model."""
    key = tallies.c.name, tallies.c.detail
    wanted = (
        select(*key, func.max(tallies.c.hour), _sum_since(hour_of(now)), _sum_since(day_ago))
        .where(tallies.c.hour >= hour_of(since), _KEPT)
        .group_by(*key)
        .order_by(*key)
    )
    return [ModelCount(*row[:3], *map(int, row[3:])) for row in connection.execute(wanted)]


def _sum_since(start: datetime) -> ColumnElement[int]:
    return func.coalesce(func.sum(_COUNT).filter(tallies.c.hour >= start), 0)
