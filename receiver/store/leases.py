"""Hands out mailboxes to workers, one worker a mailbox at a time, and records what they did.

A lease is two columns committed before the first call. It ends by itself: a dead worker holds nobody up for long.
"""

import secrets
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, bindparam, exists, or_, select, update

from receiver.core.backoff import FURTHEST
from receiver.core.mailboxes import Mailbox
from receiver.core.plan import Placement
from receiver.store import identity
from receiver.store.placements import keep, placement_of
from receiver.store.records import MailboxWork, Trouble, WorkItem, read_facts
from receiver.store.tables import Moment, events, installation, mailboxes, placements

Advance = Callable[[Placement], Placement]

_NOW = bindparam("now", type_=Moment())
_FURTHEST = bindparam("furthest", type_=Moment())


class LeaseLost(Exception):
    """Another worker may have the mailbox by now: nothing may be sent or recorded any more."""


def has_work(connection: Connection, calendar: str, now: datetime) -> bool:
    """Whether `claim` would find something. Takes no lock."""
    return (
        connection.execute(_CLAIMABLE, {"calendar": calendar, "now": now, "furthest": now + FURTHEST}).first()
        is not None
    )


def claim(connection: Connection, calendar: str, now: datetime, limit: int, lease: timedelta) -> MailboxWork | None:
    """Lease the mailbox whose change has waited longest, with up to `limit` of its due placements."""
    row = connection.execute(_CLAIM, {"calendar": calendar, "now": now, "furthest": now + FURTHEST}).mappings().first()
    if row is None:
        return None
    moments = {"now": now, "furthest": now + FURTHEST}
    due = connection.execute(_DUE, {"mailbox": row["id"], "limit": limit, **moments}).mappings()
    return _leased(connection, row, now + lease, tuple(_item(each) for each in due))


def claim_one(connection: Connection, mailbox: Mailbox, now: datetime, lease: timedelta) -> MailboxWork | None:
    """Lease one mailbox, made if need be, whatever is due in it; None: a worker has it at this moment."""
    this = select(mailboxes).where(mailboxes.c.id == identity.mailbox_id(connection, mailbox)).with_for_update()
    row = connection.execute(this).mappings().one()
    if row["leased_until"] is not None and row["leased_until"] > now:
        return None
    return _leased(connection, row, now + lease, ())


def _leased(connection: Connection, row: RowMapping, until: datetime, items: tuple[WorkItem, ...]) -> MailboxWork:
    token = secrets.token_hex(16)
    connection.execute(update(mailboxes).where(mailboxes.c.id == row["id"]).values(lease=token, leased_until=until))
    return MailboxWork(
        mailbox_id=row["id"],
        mailbox=Mailbox(row["calendar"], row["address"]),
        lease=token,
        attempts=row["attempts"],
        identified=row["identity"] is not None,
        items=items,
    )


def confirm(connection: Connection, work: MailboxWork) -> None:
    """See that a lease still holds; nobody takes it before this transaction ends.

    Raises:
        LeaseLost: it does not.

    """
    mine = and_(mailboxes.c.id == work.mailbox_id, mailboxes.c.lease == work.lease)
    if connection.execute(select(mailboxes.c.id).where(mine).with_for_update()).first() is None:
        raise LeaseLost


def advance(
    connection: Connection, work: MailboxWork, changes: Mapping[int, Advance], now: datetime, lease: timedelta
) -> dict[int, Placement]:
    """Apply each change to its placement as it stands now, and hold the lease longer.

    Wishes that came while a call was under way are seen by the change and kept: only what the worker learnt is
    recorded.

    Raises:
        LeaseLost: nothing was changed.

    """
    mine = and_(mailboxes.c.id == work.mailbox_id, mailboxes.c.lease == work.lease)
    extended = connection.execute(update(mailboxes).where(mine).values(leased_until=now + lease))
    if extended.rowcount != 1:
        raise LeaseLost
    rows = connection.execute(
        select(placements, events.c.uid)
        .join(events, events.c.id == placements.c.event_id)
        .where(placements.c.id.in_(changes), placements.c.mailbox_id == work.mailbox_id)
        .with_for_update(of=placements)
    ).mappings()
    advanced = {row["id"]: changes[row["id"]](placement_of(row)) for row in rows}
    keep(connection, advanced.values())
    return advanced


def release(connection: Connection, work: MailboxWork, trouble: Trouble | None, succeeded_at: datetime | None) -> None:
    """Give the mailbox back; with a trouble, nobody takes it before that is over."""
    mine = and_(mailboxes.c.id == work.mailbox_id, mailboxes.c.lease == work.lease)
    values: dict[str, object] = {"lease": None, "leased_until": None}
    if trouble:
        values |= {"blocked_until": trouble.until, "failure": trouble.code, "attempts": mailboxes.c.attempts + 1}
    elif succeeded_at:
        values |= {"blocked_until": None, "failure": None, "attempts": 0, "succeeded_at": succeeded_at}
    connection.execute(update(mailboxes).where(mine).values(values))


def _is_open(blocked_until: ColumnElement[datetime]) -> ColumnElement[bool]:
    """Whether a mailbox may be tried: what it waits for is over, or further off than any wait."""
    return or_(blocked_until.is_(None), blocked_until <= _NOW, blocked_until > _FURTHEST)


def _is_due() -> ColumnElement[bool]:
    """Due, and not about to be settled again: its wish is then out of date.

    A removal waits for a creation of the same event, so that a move is never seen as a gap; not for one that fails, or
    whose mailbox is left alone for now.
    """
    sibling, home = placements.alias("sibling"), mailboxes.alias("home")
    arriving = exists().where(
        home.c.id == sibling.c.mailbox_id,
        _is_open(home.c.blocked_until),
        sibling.c.event_id == placements.c.event_id,
        sibling.c.desired.is_not(None),
        sibling.c.applied.is_(None),
        sibling.c.due_at <= _NOW,
        sibling.c.failure.is_(None),
    )
    stays_or_moved = or_(placements.c.desired.is_not(None), ~arriving)
    return and_(placements.c.due_at <= _NOW, events.c.unsettled_at.is_(None), stays_or_moved)


_MAY_WRITE = exists().where(~installation.c.must_adopt, installation.c.uninstalled_at.is_(None))

# Written once: SQLAlchemy takes longer to put such a statement together than a database to carry it out.
_CLAIMABLE = (
    select(mailboxes)
    .join(placements, placements.c.mailbox_id == mailboxes.c.id)
    .join(events, events.c.id == placements.c.event_id)
    .where(
        # Not by the index of calendars: SQLite would read and sort all that is due, to take the first.
        mailboxes.c.calendar.concat("") == bindparam("calendar"),
        or_(mailboxes.c.leased_until.is_(None), mailboxes.c.leased_until <= _NOW),
        _is_open(mailboxes.c.blocked_until),
        _is_due(),
        _MAY_WRITE,
    )
    .order_by(placements.c.due_at)
    .limit(1)
)
_CLAIM = _CLAIMABLE.with_for_update(skip_locked=True, of=mailboxes)
_DUE = (
    select(placements, events.c.uid, events.c.source, events.c.delivery, events.c.facts)
    .join(events, events.c.id == placements.c.event_id)
    .where(placements.c.mailbox_id == bindparam("mailbox"), _is_due())
    .order_by(placements.c.due_at)
    .limit(bindparam("limit"))
)


def _item(row: RowMapping) -> WorkItem:
    return WorkItem(
        placement=placement_of(row),
        event_id=row["event_id"],
        source=row["source"],
        delivery=row["delivery"],
        state=read_facts(row["facts"]),
    )
