"""The table `dues`: in which mailboxes something is due, by source and organisation. Claiming reads only this table.

It is derived from placements. Settling adds rows for what it made due; releasing a mailbox computes its rows again.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    bindparam,
    case,
    delete,
    exists,
    func,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from receiver.core.mailboxes import MISSING_MAILBOX_CODES
from receiver.core.plan import EPOCH
from receiver.store.database.engine import chunks
from receiver.store.database.tables import Moment, dues, events, mailboxes, placements

CHECK_AGAIN = timedelta(seconds=1)
"""When to check again what is due but cannot be claimed yet, unless settling announces it before."""
WALKED = 5_000
"""The most changes of one mailbox that are read, those due for longest."""

_COLUMNS = ("mailbox_id", "source", "organisation", "calendar", "known", "next_at")


def is_known() -> ColumnElement[bool]:
    """Match mailboxes that the server knows, by its last report."""
    missing = mailboxes.c.failure.in_([literal_column(f"'{code}'") for code in sorted(MISSING_MAILBOX_CODES)])
    return and_(mailboxes.c.identity.is_not(None), or_(mailboxes.c.failure.is_(None), ~missing))


def _later(one: ColumnElement[Any], other: ColumnElement[Any]) -> ColumnElement[Any]:
    return case((other > one, other), else_=one)


def _due(*conditions: ColumnElement[bool]) -> Select[Any]:
    """Select the rows that follow from placements.

    Leases are not considered: one may end, unseen by this transaction, before the announcement is committed.
    """
    next_at = _later(placements.c.due_at, mailboxes.c.blocked_until)
    organisation = func.coalesce(events.c.organisation, literal_column("0"))
    return (
        select(
            mailboxes.c.id, events.c.source, organisation, mailboxes.c.calendar, is_known(),
            func.min(next_at, type_=Moment()),
        )
        .select_from(placements)
        .join(events, events.c.id == placements.c.event_id)
        .join(mailboxes, mailboxes.c.id == placements.c.mailbox_id)
        .where(placements.c.due_at.is_not(None), *conditions)
        .group_by(mailboxes.c.id, events.c.source, organisation)
        .order_by(mailboxes.c.id, events.c.source, organisation)  # two workers lock the same rows in the same order
    )  # fmt: skip


def first_of_mailbox() -> Select[tuple[int]]:
    """Select what has been due for longest in the mailbox that the parameter names."""
    here = placements.c.mailbox_id == bindparam("mailbox"), placements.c.due_at.is_not(None)
    return select(placements.c.id).where(*here).order_by(placements.c.due_at).limit(literal_column(str(WALKED)))


class _Announcement:
    """Upserts the rows that follow from placements; the statement is built once for each database."""

    def __init__(self, *conditions: ColumnElement[bool]) -> None:
        found = _due(*conditions)
        self._statements: dict[str, Any] = {}
        for name, insert in (("sqlite", sqlite.insert), ("postgresql", postgresql.insert)):
            put_in = insert(dues).from_select(_COLUMNS, found)
            self._statements[name] = put_in.on_conflict_do_update(
                index_elements=["mailbox_id", "source", "organisation"],
                set_={"next_at": put_in.excluded.next_at},
                where=put_in.excluded.next_at < dues.c.next_at,
            )

    def make(self, connection: Connection, values: dict[str, Any] | None = None) -> None:
        connection.execute(self._statements[connection.dialect.name], values or {})


# Literal values, as in `receiver.store.intake.judge_agents`: PostgreSQL would cache a plan made for small tables.
_OF_EVENTS = _Announcement(placements.c.event_id.in_(bindparam("numbers", expanding=True, literal_execute=True)))
_REMOVALS = _Announcement(
    placements.c.event_id.in_(bindparam("numbers", expanding=True)), placements.c.desired.is_(None)
)
_OF_PLACEMENTS = _Announcement(placements.c.id.in_(bindparam("numbers", expanding=True)))
_OF_MAILBOX = _Announcement(placements.c.id.in_(first_of_mailbox()))
_LACKING = ~exists().where(dues.c.mailbox_id == placements.c.mailbox_id)
_OF_ALL = _Announcement(_LACKING)
_ANY_LACKS = select(placements.c.id).where(placements.c.due_at.is_not(None), _LACKING).limit(1)
NOW = bindparam("now", type_=Moment())
IS_FREE = and_(
    or_(mailboxes.c.leased_until.is_(None), mailboxes.c.leased_until <= NOW),
    or_(mailboxes.c.blocked_until.is_(None), mailboxes.c.blocked_until <= NOW),
)
"""Matches mailboxes that may be claimed at the moment of the parameter ``now``."""
_DUE_BY_NOW = exists().where(placements.c.mailbox_id == mailboxes.c.id, placements.c.due_at <= NOW)
_LATE = (
    select(dues.c.mailbox_id)
    .join(mailboxes, mailboxes.c.id == dues.c.mailbox_id)
    .where(dues.c.next_at > NOW, IS_FREE, _DUE_BY_NOW)
)
_FORGET = delete(dues).where(dues.c.mailbox_id == bindparam("mailbox"))
_NOTHING_DUE = ~exists().where(placements.c.mailbox_id == dues.c.mailbox_id, placements.c.due_at.is_not(None))
_PUT_OFF = (
    update(dues)
    .where(dues.c.mailbox_id == bindparam("mailbox"), dues.c.next_at < bindparam("until", type_=Moment()))
    .values(next_at=bindparam("until", type_=Moment()))
)


def announce(connection: Connection, event_ids: Collection[int]) -> None:
    """Add what became due of some events."""
    for chunk in chunks(sorted(event_ids)):
        _OF_EVENTS.make(connection, {"numbers": chunk})


def announce_removals(connection: Connection, event_ids: Collection[int]) -> None:
    """Add removals that waited for another entry of their event to be written."""
    for chunk in chunks(sorted(event_ids)):
        _REMOVALS.make(connection, {"numbers": chunk})


def announce_placements(connection: Connection, numbers: Collection[int]) -> None:
    """Add what became due of some placements."""
    for chunk in chunks(sorted(numbers)):
        _OF_PLACEMENTS.make(connection, {"numbers": chunk})


def refresh(connection: Connection, mailbox_id: int) -> None:
    """Compute again what is due in a mailbox: after it was released or merged."""
    connection.execute(_FORGET, {"mailbox": mailbox_id})
    _OF_MAILBOX.make(connection, {"mailbox": mailbox_id})


def put_off(connection: Connection, mailbox_id: int, until: datetime) -> None:
    """Put a mailbox off until a moment, unless something is announced."""
    connection.execute(_PUT_OFF, {"mailbox": mailbox_id, "until": until})


def prune(connection: Connection, mailbox_ids: Collection[int]) -> None:
    """Drop the rows of mailboxes in which nothing is due any more."""
    for chunk in chunks(sorted(mailbox_ids)):
        connection.execute(delete(dues).where(dues.c.mailbox_id.in_(chunk), _NOTHING_DUE))


def release(connection: Connection, meant: ColumnElement[bool]) -> None:
    """Make mailboxes that waited for the end of a trouble due at once."""
    connection.execute(
        update(dues).where(dues.c.mailbox_id.in_(select(mailboxes.c.id).where(meant))).values(next_at=EPOCH)
    )


def lacks_any(connection: Connection, now: datetime) -> bool:
    """Whether something is due without a row, or with a row of a later moment.

    Programs of the former schema add no rows; and a block may end while a row is being added.
    """
    if connection.execute(_ANY_LACKS).first() is not None:
        return True
    return connection.execute(_LATE.limit(1), {"now": now}).first() is not None


def make_up(connection: Connection, now: datetime) -> None:
    """Add the rows that are missing, and correct those that are too late."""
    _OF_ALL.make(connection)
    connection.execute(update(dues).where(dues.c.mailbox_id.in_(_LATE)).values(next_at=now), {"now": now})
