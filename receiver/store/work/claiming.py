"""Finds the mailbox to work on next. If more than a few wait, sources and organisations within them take turns.

The search reads the table `dues`; only for the mailbox that is about to be claimed it reads placements.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Select,
    and_,
    bindparam,
    exists,
    func,
    or_,
    select,
)

from receiver.store.database.tables import dues, events, installation, mailboxes, placements
from receiver.store.fairness import Rota
from receiver.store.work import dues as due_rows

CROWD = 20
"""Up to this number of ready mailboxes, the one that has waited longest is next: all are soon done."""
LOOKED_AT = 100
"""The most mailboxes that are checked for work; with more, some certainly have work."""
TURNS = 4
"""The most sources or organisations that are tried in turn; all mailboxes of one may be in use."""

_NOW = due_rows.NOW


def is_due() -> ColumnElement[bool]:
    """Match placements that are due and not about to be settled again, as their desired content is then outdated.

    A removal waits for a creation of the same event, so that an event that moves is always in a calendar. It also waits
    while a write has no outcome in the mailbox that is to hold the entry: the write may be refused, or be an earlier
    removal. It does not wait for a creation that fails, or whose mailbox waits.
    """
    sibling, home = placements.alias("sibling"), mailboxes.alias("home")
    arriving = exists().where(
        home.c.id == sibling.c.mailbox_id,
        or_(home.c.blocked_until.is_(None), home.c.blocked_until <= _NOW),
        sibling.c.event_id == placements.c.event_id,
        sibling.c.desired.is_not(None),
        or_(sibling.c.look_up_at.is_not(None), and_(sibling.c.applied.is_(None), sibling.c.due_at <= _NOW)),
        sibling.c.failure.is_(None),
    )
    stays_or_moved = or_(placements.c.desired.is_not(None), ~arriving)
    return and_(placements.c.due_at <= _NOW, events.c.unsettled_at.is_(None), stays_or_moved)


_MAY_WRITE = exists().where(~installation.c.must_adopt, installation.c.uninstalled_at.is_(None))
_CLAIMABLE = exists(
    select(placements.c.id)
    .join(events, events.c.id == placements.c.event_id)
    .where(placements.c.mailbox_id == mailboxes.c.id, is_due())
).label("claimable")

# Built once: SQLAlchemy takes longer to build such a statement than a database to execute it.
_READY = and_(
    dues.c.calendar == bindparam("calendar"),
    dues.c.known == bindparam("known"),
    dues.c.next_at <= _NOW,
)
_OLDEST = (
    select(mailboxes, _CLAIMABLE)
    .join(dues, dues.c.mailbox_id == mailboxes.c.id)
    .where(_READY, due_rows.IS_FREE, _MAY_WRITE)
    .order_by(dues.c.next_at)
    .limit(1)
    .with_for_update(skip_locked=True, of=mailboxes, key_share=True)
)
_OF_GROUP = _OLDEST.where(dues.c.source == bindparam("source"), dues.c.organisation == bindparam("organisation"))
_BEYOND = select(dues.c.mailbox_id).where(_READY).order_by(dues.c.next_at).offset(CROWD).limit(1)
_NEXT_SOURCE = select(dues.c.source).where(_READY, dues.c.source > bindparam("after")).order_by(dues.c.source).limit(1)
_NEXT_ORGANISATION = (
    select(dues.c.organisation)
    .where(_READY, dues.c.source == bindparam("source"), dues.c.organisation > bindparam("after"))
    .order_by(dues.c.organisation)
    .limit(1)
)
_FIRST = (
    select(mailboxes.c.id, _CLAIMABLE)
    .join(dues, dues.c.mailbox_id == mailboxes.c.id)
    .where(_READY, due_rows.IS_FREE, _MAY_WRITE)
    .order_by(dues.c.next_at)
    .limit(LOOKED_AT)
    .subquery()
)
_IS_FIRST = (
    select(_CLAIMABLE)
    .select_from(mailboxes)
    .join(dues, dues.c.mailbox_id == mailboxes.c.id)
    .where(_READY, due_rows.IS_FREE, _MAY_WRITE)
    .order_by(dues.c.next_at)
    .limit(1)
)
_ANY = select(func.count(), func.count().filter(_FIRST.c.claimable)).select_from(_FIRST)


def any_claimable(connection: Connection, calendar: str, known: bool, now: datetime) -> bool:
    """Whether there is a mailbox to claim; with many mailboxes, whether there may be one. Takes no lock."""
    values = {"calendar": calendar, "known": known, "now": now}
    first = connection.scalar(_IS_FIRST, values)
    if first is None or first:
        return bool(first)
    seen, claimable = connection.execute(_ANY, values).one()
    return bool(claimable) or seen == LOOKED_AT


def find(connection: Connection, calendar: str, known: bool, now: datetime, rota: Rota) -> RowMapping | None:
    """Lock and return the mailbox that is next; None: there is none to claim."""
    values = {"calendar": calendar, "known": known, "now": now}
    if connection.execute(_BEYOND, values).first() is not None:
        for _ in range(TURNS):
            turn = _turn(connection, values, rota)
            if turn and (row := _claimable(connection, _OF_GROUP, values | turn, now)) is not None:
                return row
    return _claimable(connection, _OLDEST, values, now)


def _turn(connection: Connection, values: Mapping[str, Any], rota: Rota) -> dict[str, Any] | None:
    """Return the next source, and its next organisation; None: nothing is ready any more."""
    source = _following(connection, _NEXT_SOURCE, values, rota.source, "")
    if source is None:
        return None
    last = rota.last.get(source, -1)
    organisation = _following(connection, _NEXT_ORGANISATION, {**values, "source": source}, last, -1)
    if organisation is None:
        return None
    rota.source, rota.last[source] = source, organisation
    return {"source": source, "organisation": organisation}


def _following(connection: Connection, query: Select[Any], values: Mapping[str, Any], after: Any, first: Any) -> Any:
    """Return the next value after one, or the first where it was the last."""
    found = connection.scalar(query, {**values, "after": after})
    return found if found is not None or after == first else connection.scalar(query, {**values, "after": first})


def _claimable(
    connection: Connection, query: Select[Any], values: Mapping[str, Any], now: datetime
) -> RowMapping | None:
    """Return the first mailbox with work that can be done now; those before it are checked again later."""
    for _ in range(LOOKED_AT):
        row = connection.execute(query, values).mappings().first()
        if row is None or row["claimable"]:
            return row
        due_rows.refresh(connection, row["id"])
        due_rows.put_off(connection, row["id"], now + due_rows.CHECK_AGAIN)
    return None


# What is due in one mailbox

_HERE = placements.c.mailbox_id == bindparam("mailbox")
_ITEMS = select(placements, events.c.uid, events.c.source, events.c.delivery, events.c.facts).join(
    events, events.c.id == placements.c.event_id
)
_DUE = _ITEMS.where(_HERE, is_due()).order_by(placements.c.due_at).limit(bindparam("limit"))
_RANKED = (
    select(
        placements.c.id,
        placements.c.due_at,
        events.c.source,
        func.row_number()
        .over(partition_by=[events.c.source, events.c.organisation], order_by=placements.c.due_at)
        .label("place"),
    )
    .join(events, events.c.id == placements.c.event_id)
    .where(placements.c.id.in_(due_rows.first_of_mailbox()), is_due())
    .subquery()
)
_PLACE = func.row_number().over(partition_by=_RANKED.c.source, order_by=[_RANKED.c.place, _RANKED.c.due_at])
_SHARED_OUT = select(_RANKED.c.id).order_by(_PLACE, _RANKED.c.due_at).limit(bindparam("limit"))
_SHARED = _ITEMS.where(placements.c.id.in_(_SHARED_OUT)).order_by(placements.c.due_at)


def due_in(connection: Connection, mailbox_id: int, now: datetime, limit: int) -> list[RowMapping]:
    """Return up to `limit` changes of a mailbox; if there are more, each source and organisation gets a share."""
    values = {"mailbox": mailbox_id, "now": now, "limit": limit}
    found = connection.execute(_DUE, values).mappings().all()
    return list(found if len(found) < limit else connection.execute(_SHARED, values).mappings())
