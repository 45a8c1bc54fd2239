"""What the store shows of how things go. Reads only, a fixed number of queries."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, func, select

from receiver.store import rulesets
from receiver.store.tables import deliveries, events, heartbeats, installation, mailboxes, placements

WORKERS = "worker/"
"""How the names of workers begin among the heartbeats."""


@dataclass(frozen=True, slots=True)
class FailureCount:
    """How many share one failure."""

    code: str
    count: int
    calendar: str = ""


@dataclass(frozen=True, slots=True)
class Sight:
    """The numbers of one moment."""

    created_at: datetime
    """When the store was made."""
    worker_beat_at: datetime | None
    due: int
    """Changes that wait to be written."""
    unsettled: int
    """Events whose placements are about to be worked out."""
    oldest_due_at: datetime | None
    """Since when the change waits that has waited longest, of mailboxes that are not in trouble."""
    removals_held: int | None
    mailboxes: tuple[FailureCount, ...] = ()
    entries: tuple[FailureCount, ...] = ()
    """Those that are not tried again."""
    events: tuple[FailureCount, ...] = ()
    last_webhook: dict[str, datetime] = field(default_factory=dict)
    """By source: when the last one was kept."""


def look(connection: Connection, sources: Iterable[str], calendars_down: Iterable[str], now: datetime) -> Sight:
    """Look once.

    Args:
        connection: to read from.
        sources: whose last webhook is asked for.
        calendars_down: servers in trouble; what waits for them is no backlog of its own.
        now: the moment.

    """
    due = placements.c.due_at <= now
    return Sight(
        created_at=connection.execute(select(installation.c.created_at)).scalar_one(),
        worker_beat_at=last_beat(connection, WORKERS),
        due=connection.execute(select(func.count()).select_from(placements).where(due)).scalar_one(),
        unsettled=connection.execute(
            select(func.count()).select_from(events).where(events.c.unsettled_at.is_not(None))
        ).scalar_one(),
        oldest_due_at=_oldest_due(connection, calendars_down, now),
        removals_held=rulesets.held(connection),
        mailboxes=_failing_mailboxes(connection),
        entries=_refused_entries(connection),
        events=_failing_events(connection),
        last_webhook={name: at for name in sources if (at := _last_webhook(connection, name))},
    )


def last_beat(connection: Connection, prefix: str) -> datetime | None:
    """Return when a process whose name begins so was last heard of."""
    named = heartbeats.c.name.startswith(prefix, autoescape=True)
    newest: datetime | None = connection.scalar(select(func.max(heartbeats.c.beat_at)).where(named))
    return newest


def _oldest_due(connection: Connection, calendars_down: Iterable[str], now: datetime) -> datetime | None:
    oldest = (
        select(placements.c.due_at)
        .join(mailboxes, mailboxes.c.id == placements.c.mailbox_id)
        .where(
            placements.c.due_at <= now,
            mailboxes.c.failure.is_(None),
            mailboxes.c.calendar.not_in(sorted(calendars_down)),
        )
        .order_by(placements.c.due_at)
        .limit(1)
    )
    return connection.scalar(oldest)


def _failing_mailboxes(connection: Connection) -> tuple[FailureCount, ...]:
    keys = mailboxes.c.failure, mailboxes.c.calendar
    found = select(*keys, func.count()).where(mailboxes.c.failure.is_not(None)).group_by(*keys).order_by(*keys)
    return tuple(FailureCount(code, count, calendar) for code, calendar, count in connection.execute(found))


def _refused_entries(connection: Connection) -> tuple[FailureCount, ...]:
    keys = placements.c.failure, mailboxes.c.calendar
    found = (
        select(*keys, func.count())
        .join(mailboxes, mailboxes.c.id == placements.c.mailbox_id)
        .where(placements.c.gave_up, placements.c.failure.is_not(None))
        .group_by(*keys)
        .order_by(*keys)
    )
    return tuple(FailureCount(code, count, calendar) for code, calendar, count in connection.execute(found))


def _failing_events(connection: Connection) -> tuple[FailureCount, ...]:
    found = select(events.c.failure, func.count()).where(events.c.failure.is_not(None)).group_by(events.c.failure)
    return tuple(FailureCount(code, count) for code, count in connection.execute(found.order_by(events.c.failure)))


def _last_webhook(connection: Connection, source: str) -> datetime | None:
    """Walk back from the newest: a source that is alive is met at once."""
    newest = (
        select(deliveries.c.received_at)
        .where(deliveries.c.source == source)
        .order_by(deliveries.c.received_at.desc())
        .limit(1)
    )
    return connection.scalar(newest)
