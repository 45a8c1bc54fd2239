"""What pages and metrics show besides the numbers of the moment. It uses indexes and a fixed number of queries."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Select,
    and_,
    bindparam,
    case,
    cast,
    func,
    literal,
    null,
    or_,
    select,
    union_all,
)

from receiver.core.backoff import LONGEST_MAILBOX_PAUSE, LONGEST_PAUSE
from receiver.core.other_installations import OTHER_INSTALLATION
from receiver.core.servers import PAUSED
from receiver.store.database.records import ComingAgent
from receiver.store.database.tables import (
    Moment,
    agents,
    event_agents,
    events,
    inbox,
    mailboxes,
    placements,
    servers,
)


class FailureScope(StrEnum):
    """The kind of what fails."""

    MAILBOX = "mailbox"
    """A mailbox into which nothing can be written for now; retried by itself."""
    ENTRY = "entry"
    """An entry that the server refuses; not retried by itself."""
    EVENT = "event"
    """An event that no calendar can show."""
    SERVER = "server"
    """A server that is in trouble, or paused as it asked for."""


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """What fails in one scope, on one calendar server, for one reason."""

    scope: FailureScope
    code: str
    calendar: str
    """Empty for events."""
    count: int
    since: datetime | None
    """Since when the content of the longest waiting one is desired. For mailboxes: since when a change waits and none
    was written, in the first of them; None: nothing waits any more."""
    until: datetime | None = None
    """For mailboxes and servers: when the last of them is retried at the latest; None: as soon as possible."""
    installations: tuple[str, ...] = ()
    """The installations whose entries block some of the mailboxes."""


@dataclass(frozen=True, slots=True)
class MailboxSight:
    """One mailbox, as the workers recorded it."""

    calendar: str
    address: str
    failure: str | None
    blocked_until: datetime | None
    succeeded_at: datetime | None
    installation: str | None = None
    """The installation whose entries block it."""


MOST_INSTALLATIONS = 3
"""The most other installations that are named; more are shown when these are resolved."""
UNMAPPED_EVENTS = 10_000
"""The most events whose agents are named, those that end soonest: at first every event is unmapped."""


RETRIED = 6
"""This number of consecutive failures takes more than a minute: what is not written then is overdue."""
MOST_RETRIED = 10_000


def failures(connection: Connection, now: datetime) -> list[FailureGroup]:
    """Return everything that fails, grouped: by scope, then calendar and code."""
    return failures_and_retries(connection, now)[0]


def failures_and_retries(connection: Connection, now: datetime) -> tuple[list[FailureGroup], list[FailureGroup]]:
    """Return everything that fails, and the entries that a server refuses repeatedly, counted up to a limit.

    These entries are in mailboxes without trouble; their `until` is when the last of them is retried.
    """
    moments = {"now": now, "furthest": now + LONGEST_PAUSE, "furthest_of_mailboxes": now + LONGEST_MAILBOX_PAUSE}
    rows = connection.execute(_FAILING, moments).all()
    others = _others(connection) if any(code == OTHER_INSTALLATION for _, _, code, *_ in rows) else {}
    found = [
        FailureGroup(
            FailureScope(scope),
            code,
            calendar,
            count,
            since,
            until,
            others.get(calendar, ()) if code == OTHER_INSTALLATION else (),
        )
        for scope, calendar, code, count, since, until in rows
        if scope != _TRIED
    ]
    retried = [
        FailureGroup(FailureScope.ENTRY, code, calendar, *more)
        for scope, calendar, code, *more in rows
        if scope == _TRIED
    ]
    found += [
        FailureGroup(FailureScope.SERVER, row.failure or PAUSED, row.name, 1, row.failing_since, row.blocked_until)
        for row in connection.execute(_LEFT_ALONE, moments)
    ]
    return sorted(found, key=_place), sorted(retried, key=_place)


def _place(group: FailureGroup) -> tuple[int, str, str]:
    return _SCOPES.index(group.scope), group.calendar, group.code


def _others(connection: Connection) -> dict[str, tuple[str, ...]]:
    """Return the other installations whose entries block mailboxes, the first by name, by calendar server."""
    pair = mailboxes.c.calendar, mailboxes.c.other_installation
    named = mailboxes.c.failure == OTHER_INSTALLATION, mailboxes.c.other_installation.is_not(None)
    found: defaultdict[str, list[str]] = defaultdict(list)
    for calendar, name in connection.execute(select(*pair).where(*named).distinct().order_by(*pair)):
        found[calendar].append(name)
    return {calendar: tuple(names[:MOST_INSTALLATIONS]) for calendar, names in found.items()}


_SCOPES = tuple(FailureScope)
_WAITING_SINCE = (
    select(func.min(placements.c.due_at))
    .where(placements.c.mailbox_id == mailboxes.c.id, placements.c.due_at <= bindparam("now", type_=Moment()))
    .scalar_subquery()
)
_UNTIL = case(
    (
        mailboxes.c.blocked_until.between(
            bindparam("now", type_=Moment()), bindparam("furthest_of_mailboxes", type_=Moment())
        ),
        mailboxes.c.blocked_until,
    )
)
_IS_LEFT_ALONE = and_(
    servers.c.blocked_until > bindparam("now", type_=Moment()),
    servers.c.blocked_until <= bindparam("furthest", type_=Moment()),
)
_LEFT_ALONE = select(
    servers.c.name,
    servers.c.failure,
    servers.c.failing_since,
    case((_IS_LEFT_ALONE, servers.c.blocked_until)).label("blocked_until"),
).where(or_(servers.c.failure.is_not(None), _IS_LEFT_ALONE))
_FAILING_SINCE = case((mailboxes.c.succeeded_at > _WAITING_SINCE, mailboxes.c.succeeded_at), else_=_WAITING_SINCE)


def _groups(
    scope: FailureScope, key: Sequence[Column[str]], since: ColumnElement[datetime], until: ColumnElement[Any]
) -> Select[Any]:
    """Group what fails by code, and by calendar before it where there is one."""
    calendar = [] if len(key) > 1 else [literal("")]
    columns = *calendar, *key, func.count(), func.min(since, type_=Moment()), func.max(until, type_=Moment())
    return select(literal(scope.value), *columns).where(key[-1].is_not(None)).group_by(*key)


_NEVER = cast(null(), Moment())
_TRIED = "tried"
"""A further group: entries that are retried again and again."""
_some = (
    select(mailboxes.c.calendar, placements.c.failure, placements.c.not_before)
    .join_from(placements, mailboxes, mailboxes.c.id == placements.c.mailbox_id)
    .where(placements.c.failure.is_not(None), ~placements.c.gave_up, placements.c.due_at.is_not(None))
    .where(placements.c.attempts >= RETRIED, mailboxes.c.failure.is_(None))
    .limit(MOST_RETRIED)
    .subquery()
)
_RETRIED = select(
    literal(_TRIED),
    _some.c.calendar,
    _some.c.failure,
    func.count(),
    _NEVER,
    func.max(_some.c.not_before, type_=Moment()),
).group_by(_some.c.calendar, _some.c.failure)
_FAILING = union_all(
    _groups(FailureScope.MAILBOX, (mailboxes.c.calendar, mailboxes.c.failure), _FAILING_SINCE, _UNTIL),
    _groups(FailureScope.ENTRY, (mailboxes.c.calendar, placements.c.failure), placements.c.not_before, _NEVER)
    .join_from(placements, mailboxes, mailboxes.c.id == placements.c.mailbox_id)
    .where(placements.c.gave_up),
    _groups(FailureScope.EVENT, (events.c.failure,), events.c.changed_at, _NEVER),
    _groups(FailureScope.EVENT, (inbox.c.failure,), inbox.c.received_at, _NEVER),
    _RETRIED,
)


def mailbox_page(connection: Connection, after: str, limit: int, failing: bool) -> list[MailboxSight]:
    """Return about `limit` mailboxes by address after `after`; the last address with all its calendars."""
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
        case((mailboxes.c.failure == OTHER_INSTALLATION, mailboxes.c.other_installation)),
    )
    page = select(*columns).where(*wanted).order_by(mailboxes.c.address, mailboxes.c.calendar)
    return [MailboxSight(*row) for row in connection.execute(page)]


def unmapped_agents(connection: Connection, now: datetime, limit: int) -> list[ComingAgent]:
    """Return up to `limit` agents of coming events that have an unmapped agent, the busiest first.

    The mapped agents of these events are included: the caller tells them apart by the mapping.
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


def coming_agents(connection: Connection, now: datetime) -> list[ComingAgent]:
    """Return every agent with an e-mail who has coming events, the busiest first."""
    here = and_(event_agents.c.event_id == events.c.id, events.c.ends_at >= now)
    same = and_(agents.c.ident == event_agents.c.ident, agents.c.platform == events.c.platform)
    keys = agents.c.platform, agents.c.ident, agents.c.email
    theirs = (
        select(*keys, func.count())
        .select_from(event_agents)
        .join(events, here)
        .join(agents, same)
        .where(agents.c.email.is_not(None))
        .group_by(*keys)
        .order_by(func.count().desc(), agents.c.email)
    )
    return [ComingAgent(*row) for row in connection.execute(theirs)]
