"""Counts by the hour, and single figures: what pages, metrics and alerts show without counting rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, Connection, and_, case, func, insert, or_, select, update

from receiver.store.database.tables import figures, tallies


@dataclass(frozen=True, slots=True, order=True)
class Tally:
    """What is counted."""

    kind: str
    """``webhook``, ``refused`` or ``write``."""
    name: str
    """The source, or the calendar."""
    detail: str
    """The model, or the verb."""
    outcome: str


@dataclass(frozen=True, slots=True)
class Figure:
    """A number, and when it was taken."""

    value: int
    taken_at: datetime


KEPT = timedelta(days=35)
LARGEST = 2**62
"""Upper bound of a count; no honest count comes near it."""
SET_BACK = timedelta(minutes=2)
"""A clock counts as set back if it differs by more than this: `Thresholds.clock_off`."""
EVER = datetime(1970, 1, 1, tzinfo=UTC)
"""The hour under which totals since the beginning are kept: counters of metrics must never decrease."""


def hour_of(moment: datetime) -> datetime:
    """Return when the moment's hour began."""
    return moment.replace(minute=0, second=0, microsecond=0)


def record(connection: Connection, counts: Mapping[Tally, int], values: Mapping[str, int], now: datetime) -> None:
    """Add to the counts of the hour; replace figures."""
    add(connection, counts, now)
    note(connection, values, now)


def add(connection: Connection, counts: Mapping[Tally, int], now: datetime) -> None:
    """Add to the counts of the hour and to the totals, in a fixed order, so that two hosts never deadlock."""
    for tally, count in sorted(counts.items()):
        key = {"kind": tally.kind, "name": tally.name, "detail": tally.detail, "outcome": tally.outcome}
        same = [tallies.c[column] == value for column, value in key.items()]
        hours = [EVER, hour_of(now)]
        added = update(tallies).where(tallies.c.hour.in_(hours), *same).values(count=_raised(count))
        # The rows that were updated, not those that exist: another process may have inserted one meanwhile.
        there = set(connection.scalars(added.returning(tallies.c.hour)))
        for hour in [each for each in hours if each not in there]:
            connection.execute(insert(tallies).values(key | {"hour": hour, "count": count}))


def _raised(count: int) -> ColumnElement[int]:
    """Add to a count, unless it is too large, as a web host may have falsified it: work must not fail on overflow."""
    return case((tallies.c.count < LARGEST, tallies.c.count + count), else_=tallies.c.count)


def ever(connection: Connection) -> dict[Tally, int]:
    """Return what was counted since the beginning."""
    columns = tallies.c.kind, tallies.c.name, tallies.c.detail, tallies.c.outcome, tallies.c["count"]
    rows = connection.execute(select(*columns).where(tallies.c.hour == EVER))
    return {Tally(*row[:4]): row[4] for row in rows}


def refused(connection: Connection, start: datetime) -> dict[tuple[str, str], int]:
    """Return how many requests were refused since the hour of a moment, by (source, reason)."""
    mine = [tallies.c.name, tallies.c.detail, tallies.c.outcome]
    wanted = tallies.c.hour >= hour_of(start), tallies.c.kind == "refused"
    rows = connection.execute(select(*mine, func.sum(tallies.c.count)).where(*wanted).group_by(*mine))
    return {(row[0], row[2]): int(row[3]) for row in rows}


def refused_by_hour(connection: Connection, start: datetime) -> dict[tuple[str, str], list[tuple[datetime, int]]]:
    """Return the requests refused since the hour of a moment, by (source, reason), the oldest hour first."""
    wanted = tallies.c.hour >= hour_of(start), tallies.c.kind == "refused"
    columns = tallies.c.name, tallies.c.outcome, tallies.c.hour, func.sum(tallies.c.count)
    found: dict[tuple[str, str], list[tuple[datetime, int]]] = {}
    key = columns[:3]
    for name, outcome, hour, count in connection.execute(select(*columns).where(*wanted).group_by(*key).order_by(*key)):
        found.setdefault((name, outcome), []).append((hour, int(count)))
    return found


def note(connection: Connection, values: Mapping[str, int], now: datetime) -> None:
    """Replace figures; an older one never replaces a newer."""
    for name, value in sorted(values.items()):
        fresh = {"value": value, "taken_at": now}
        is_older = or_(figures.c.taken_at <= now, is_of_the_future(now))
        known = connection.execute(update(figures).where(figures.c.name == name, is_older).values(fresh))
        if not known.rowcount and connection.scalar(select(figures.c.name).where(figures.c.name == name)) is None:
            connection.execute(insert(figures).values(fresh | {"name": name}))


def is_of_the_future(now: datetime) -> ColumnElement[bool]:
    """Match figures taken by a clock that was set back since; the clocks of two hosts never differ that much."""
    return figures.c.taken_at > now + SET_BACK


def figures_named(connection: Connection) -> dict[str, Figure]:
    """Return every figure by name."""
    return {row.name: Figure(row.value, row.taken_at) for row in connection.execute(select(figures))}


TURN = "turn/"
"""How the names of turns begin among the figures. A turn is the moment at which one process took a periodic task."""


def take_turn(connection: Connection, task: str, every: timedelta, now: datetime) -> bool:
    """Take a periodic task for the caller, if it is due; return whether it was.

    Of all processes on all hosts, one takes it within `every`. A turn in the future does not count: the clock was set
    back since, and the task may be the one that detects a wrong clock.
    """
    mine = figures.c.name == TURN + task
    is_time = or_(figures.c.taken_at <= now - every, is_of_the_future(now))
    if connection.execute(update(figures).where(mine, is_time).values(taken_at=now)).rowcount:
        return True
    if connection.scalar(select(figures.c.name).where(mine)) is not None:
        return False
    connection.execute(insert(figures).values(name=TURN + task, value=0, taken_at=now))
    return True


def set_turn_back(connection: Connection, task: str, to: datetime) -> None:
    """Record an earlier moment as the last turn of a task, so that it is due sooner."""
    mine = figures.c.name == TURN + task
    connection.execute(update(figures).where(mine, figures.c.taken_at > to).values(taken_at=to))


def is_old(now: datetime) -> ColumnElement[bool]:
    """Match counts that are past their retention."""
    return and_(tallies.c.hour > EVER, tallies.c.hour < hour_of(now - KEPT))
