"""What pages and metrics show beside the numbers of the moment. Reads by indexes, in a fixed number of queries."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, func, literal, select

from receiver.core.health import LEFT_ALONE
from receiver.store.records import ComingAgent
from receiver.store.tables import agents, event_agents, events, heartbeats, mailboxes, placements, tallies
from receiver.store.tallies import hour_of
from receiver.store.writes import DONE


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

    @property
    def series(self) -> str | None:
        """Return what people count it as: kept, refused, done or failed; None: left alone on purpose."""
        if self.kind == "webhook":
            return "kept"
        if self.kind == "write":
            return "done" if self.outcome == DONE else "failed"
        return None if self.outcome in LEFT_ALONE else "refused"


class FailureScope(StrEnum):
    """What it is that fails."""

    MAILBOX = "mailbox"
    """Nothing can be written into it for now; tried again by itself."""
    ENTRY = "entry"
    """The server refuses this one; not tried again by itself."""
    EVENT = "event"
    """It cannot be shown in any calendar."""


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """What fails in one scope, on one calendar server, for one reason."""

    scope: FailureScope
    code: str
    calendar: str
    """Empty for events."""
    count: int
    since: datetime | None
    """Entries and events: since when the one that waits longest is wished for so. Mailboxes: the last success that any
    of them had; None: there was none."""


@dataclass(frozen=True, slots=True)
class MailboxSight:
    """One mailbox as the workers left word of it."""

    calendar: str
    address: str
    failure: str | None
    blocked_until: datetime | None
    succeeded_at: datetime | None


UNMAPPED_EVENTS = 10_000
"""Of so many events, those over soonest, the agents are named: before anything is mapped, every event is unmapped."""


def hours(connection: Connection, since: datetime) -> list[HourCount]:
    """Return all counts from the hour of a moment on, the oldest first."""
    columns = tallies.c.hour, tallies.c.kind, tallies.c.name, tallies.c.detail, tallies.c.outcome, tallies.c["count"]
    wanted = select(*columns).where(tallies.c.hour >= hour_of(since)).order_by(*columns[:-1])
    return [HourCount(*row) for row in connection.execute(wanted)]


def failures(connection: Connection) -> list[FailureGroup]:
    """Return everything that fails, grouped: by scope, then calendar and code."""
    return [
        FailureGroup(scope, code, calendar, count, since)
        for scope, query in _FAILING.items()
        for calendar, code, count, since in connection.execute(query)
    ]


_BOXES = mailboxes.c.calendar, mailboxes.c.failure
_ENTRIES = mailboxes.c.calendar, placements.c.failure
_FAILING = {
    FailureScope.MAILBOX: select(*_BOXES, func.count(), func.max(mailboxes.c.succeeded_at))
    .where(mailboxes.c.failure.is_not(None))
    .group_by(*_BOXES)
    .order_by(*_BOXES),
    FailureScope.ENTRY: select(*_ENTRIES, func.count(), func.min(placements.c.not_before))
    .join(mailboxes, mailboxes.c.id == placements.c.mailbox_id)
    .where(placements.c.gave_up, placements.c.failure.is_not(None))
    .group_by(*_ENTRIES)
    .order_by(*_ENTRIES),
    FailureScope.EVENT: select(literal(""), events.c.failure, func.count(), func.min(events.c.changed_at))
    .where(events.c.failure.is_not(None))
    .group_by(events.c.failure)
    .order_by(events.c.failure),
}


def mailbox_page(connection: Connection, after: str, limit: int, failing: bool) -> list[MailboxSight]:
    """Return about `limit` mailboxes by address, those behind `after`; the last address with all its calendars."""
    wanted = [mailboxes.c.address > after, mailboxes.c.same_as.is_(None)]
    if failing:
        wanted.append(mailboxes.c.failure.is_not(None))
    last = select(mailboxes.c.address).where(*wanted).order_by(mailboxes.c.address).offset(limit - 1).limit(1)
    if (upto := connection.scalar(last)) is not None:
        wanted.append(mailboxes.c.address <= upto)
    columns = (
        mailboxes.c.calendar,
        mailboxes.c.address,
        mailboxes.c.failure,
        mailboxes.c.blocked_until,
        mailboxes.c.succeeded_at,
    )
    page = select(*columns).where(*wanted).order_by(mailboxes.c.address, mailboxes.c.calendar)
    return [MailboxSight(*row) for row in connection.execute(page)]


def unmapped_agents(connection: Connection, now: datetime, limit: int) -> list[ComingAgent]:
    """Return up to `limit` agents of events to come that somebody unmapped belongs to, the busiest first.

    Their mapped colleagues of the same events are among them: the mapping tells who is who.
    """
    some = (
        select(events.c.id, events.c.platform)
        .where(events.c.unmapped > 0, events.c.ends_at >= now)
        .order_by(events.c.ends_at)
        .limit(UNMAPPED_EVENTS)
        .subquery()
    )
    keys = agents.c.platform, agents.c.ident, agents.c.email
    theirs = (
        select(*keys, func.count())
        .join_from(some, event_agents, event_agents.c.event_id == some.c.id)
        .join(agents, (agents.c.ident == event_agents.c.ident) & (agents.c.platform == some.c.platform))
        .where(agents.c.email.is_not(None))
        .group_by(*keys)
        .order_by(func.count().desc(), agents.c.email)
        .limit(limit)
    )
    return [ComingAgent(*row) for row in connection.execute(theirs)]


def beats(connection: Connection) -> dict[str, datetime]:
    """Return when each process was last heard of, by name."""
    return {row.name: row.beat_at for row in connection.execute(select(heartbeats).order_by(heartbeats.c.name))}
