"""Lists failures, and what an operator may do about them: retry or dismiss."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, Table, and_, case, or_, select, update

from receiver.core import plan
from receiver.core.backoff import DAY_S, LONGEST_DELAY_S, MAX_RETRY_AFTER_S, shortened
from receiver.core.other_installations import OTHER_INSTALLATION
from receiver.core.plan import Placement
from receiver.core.servers import PAUSED, retried
from receiver.store.database.tables import events, mailboxes, placements
from receiver.store.intake import inbox
from receiver.store.reports.overview import FailureScope
from receiver.store.work import dues, leases, servers
from receiver.store.work.placements import keep, placement_of

AT_ONCE = 500
"""Rows that one transaction changes, so that web and worker wait only briefly."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """Selects failures: those that match all given values."""

    code: str | None = None
    calendar: str | None = None
    address: str | None = None
    event: str | None = None
    """An event's uid, or the number that the platform shows."""


@dataclass(frozen=True, slots=True)
class Failing:
    """One thing that fails."""

    code: str
    calendar: str = ""
    address: str = ""
    event: str = ""
    """Model and number as the platform shows them, or the uid if there is no number."""
    installation: str = ""
    """The installation whose entries block the mailbox."""


def listed(
    connection: Connection, scope: FailureScope, chosen: Chosen, after: int, limit: int
) -> tuple[list[Failing], int | None]:
    """Return up to `limit` failures, and where to continue; None: that was all."""
    if scope is FailureScope.SERVER:  # its group already names it
        return [], None
    query, key = _QUERIES[scope]
    wanted = query.where(*_meant(scope, chosen), key > after).order_by(key).limit(limit)
    rows = connection.execute(wanted).mappings().all()
    found = [
        Failing(
            row["failure"],
            row.get("calendar", ""),
            row.get("address", ""),
            _event_name(row),
            row.get("installation") or "",
        )
        for row in rows
    ]
    return found, rows[-1]["id"] if len(rows) == limit else None


def meant_events(connection: Connection, chosen: Chosen) -> list[str]:
    """Return the uids of the events with a number: each model and platform has its own numbers."""
    return list(connection.scalars(select(events.c.uid).where(*_named(chosen)).order_by(events.c.uid).limit(AT_ONCE)))


def retry_servers(connection: Connection, chosen: Chosen, now: datetime) -> int:
    """Try paused servers at once, unless their account was refused; return how many."""
    if chosen.address is not None or chosen.event is not None:
        return 0
    meant = [
        server.name
        for server in servers.listed(connection)
        if chosen.calendar in {None, server.name}
        and server.blocked_until is not None
        and server.blocked_until > now
        and chosen.code in {None, server.failure or PAUSED}
    ]
    return sum(servers.change(connection, name, retried).blocked_until is None for name in meant)


def retry_mailboxes(connection: Connection, chosen: Chosen) -> int:
    """Retry mailboxes that wait at once; return how many."""
    return leases.end_waits(connection, and_(*_meant(FailureScope.MAILBOX, chosen)))


def retry_entries(connection: Connection, chosen: Chosen, now: datetime, after: int = 0) -> tuple[int, int | None]:
    """Make the next entries that wait or were given up due at once; return how many, and where to continue.

    For a named event, entries that an operator dismissed are included.
    """
    failing = placements.c.failure.is_not(None)
    meant = or_(failing, placements.c.gave_up) if chosen.event is not None else failing
    return _change(connection, [meant, *_placed(chosen)], lambda placement: plan.retry(placement, now), after)


def retry_events(connection: Connection, chosen: Chosen, now: datetime) -> int:
    """Mark events that no calendar can show to be settled again; return how many."""
    meant = update(events).where(*_meant(FailureScope.EVENT, chosen))
    retried = connection.execute(meant.values(unsettled_at=now)).rowcount
    nothing_else = chosen.calendar is chosen.address is chosen.event is None
    return retried + (inbox.take_up(connection) if nothing_else and chosen.code in {None, inbox.NOT_JUDGED} else 0)


def shorten_waits(connection: Connection, now: datetime) -> int:
    """Shorten waits of servers, mailboxes and entries that an earlier version recorded; return how many."""
    return _shorten_servers(connection, now) + _shorten_mailboxes(connection, now) + _shorten_entries(connection, now)


def _shorten_servers(connection: Connection, now: datetime) -> int:
    found = [each for each in servers.listed(connection) if each.blocked_until != shortened(each.blocked_until, now)]
    for each in found:
        servers.change(
            connection, each.name, lambda server: replace(server, blocked_until=shortened(server.blocked_until, now))
        )
    return len(found)


def _shorten_mailboxes(connection: Connection, now: datetime) -> int:
    longest, granted = (now + timedelta(seconds=each) for each in (LONGEST_DELAY_S, MAX_RETRY_AFTER_S))
    rarely = now + timedelta(seconds=DAY_S)  # mailboxes that the server does not know wait longer on purpose
    late = or_(and_(dues.is_known(), mailboxes.c.blocked_until > longest), mailboxes.c.blocked_until > rarely)
    if connection.execute(select(mailboxes.c.id).where(late).limit(1)).first() is None:
        return 0
    dues.release(connection, late)
    return connection.execute(update(mailboxes).where(late).values(blocked_until=granted)).rowcount


def _shorten_entries(connection: Connection, now: datetime) -> int:
    longest = now + timedelta(seconds=LONGEST_DELAY_S)
    waits = [placements.c.failure.is_not(None), placements.c.not_before > longest]
    if connection.execute(select(placements.c.id).where(*waits).limit(1)).first() is None:
        return 0
    return _change(connection, waits, lambda placement: plan.shortened(placement, now), 0)[0]


def dismiss(connection: Connection, chosen: Chosen) -> tuple[int, int]:
    """Neither retry nor report what cannot be written, until it changes; return how many entries and events."""
    entries, _ = _change(connection, [placements.c.failure.is_not(None), *_placed(chosen)], plan.dismiss, 0)
    if chosen.address is not None:
        return entries, 0
    meant = update(events).where(*_meant(FailureScope.EVENT, chosen))
    return entries, connection.execute(meant.values(failure=None)).rowcount


def _change(
    connection: Connection,
    conditions: Sequence[ColumnElement[bool]],
    change: Callable[[Placement], Placement],
    after: int,
) -> tuple[int, int | None]:
    query = (
        select(placements, events.c.uid)
        .join(mailboxes, mailboxes.c.id == placements.c.mailbox_id)
        .join(events, events.c.id == placements.c.event_id)
        .where(*conditions, placements.c.id > after)
        .order_by(placements.c.id)
        .limit(AT_ONCE)
        .with_for_update(of=placements, key_share=True)
    )
    standing = [placement_of(row) for row in connection.execute(query).mappings()]
    changed = [new for old in standing if (new := change(old)) != old]
    keep(connection, changed)
    dues.announce_placements(connection, [placement.id for placement in changed])
    return len(changed), standing[-1].id if len(standing) == AT_ONCE else None


_NAMES = events.c.model, events.c.wire_id, events.c.uid
_QUERIES: Mapping[FailureScope, tuple[Select[Any], ColumnElement[int]]] = {
    FailureScope.MAILBOX: (
        select(
            mailboxes.c.id,
            mailboxes.c.failure,
            mailboxes.c.calendar,
            mailboxes.c.address,
            case((mailboxes.c.failure == OTHER_INSTALLATION, mailboxes.c.other_installation)).label("installation"),
        ),
        mailboxes.c.id,
    ),
    FailureScope.ENTRY: (
        select(placements.c.id, placements.c.failure, mailboxes.c.calendar, mailboxes.c.address, *_NAMES)
        .join(mailboxes, mailboxes.c.id == placements.c.mailbox_id)
        .join(events, events.c.id == placements.c.event_id),
        placements.c.id,
    ),
    FailureScope.EVENT: (select(events.c.id, events.c.failure, *_NAMES), events.c.id),
}


def _meant(scope: FailureScope, chosen: Chosen) -> list[ColumnElement[bool]]:
    match scope:
        case FailureScope.MAILBOX:
            return [mailboxes.c.failure.is_not(None), *_code(mailboxes, chosen), *_boxes(chosen)]
        case FailureScope.ENTRY:
            return [placements.c.gave_up, placements.c.failure.is_not(None), *_placed(chosen)]
        case FailureScope.EVENT:
            return [events.c.failure.is_not(None), *_code(events, chosen), *_named(chosen)]
        case FailureScope.SERVER:
            raise ValueError("a server is its own group")


def _placed(chosen: Chosen) -> list[ColumnElement[bool]]:
    return [*_code(placements, chosen), *_boxes(chosen), *_named(chosen)]


def _code(table: Table, chosen: Chosen) -> list[ColumnElement[bool]]:
    return [] if chosen.code is None else [table.c.failure == chosen.code]


def _boxes(chosen: Chosen) -> list[ColumnElement[bool]]:
    wanted = {mailboxes.c.calendar: chosen.calendar, mailboxes.c.address: chosen.address}
    return [column == value for column, value in wanted.items() if value is not None]


def _named(chosen: Chosen) -> list[ColumnElement[bool]]:
    if chosen.event is None:
        return []
    if (
        chosen.event.isascii() and chosen.event.isdigit() and len(chosen.event) < 19
    ):  # the largest integer that a database accepts
        return [events.c.wire_id == int(chosen.event)]
    return [events.c.uid == chosen.event]


def _event_name(row: RowMapping) -> str:
    if "uid" not in row:
        return ""
    return row["uid"] if row["wire_id"] is None else f"{row['model']} {row['wire_id']}"
