"""Placements: reading and writing their rows."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, bindparam, delete, func, or_, select, update

from receiver.core.plan import Placement, Verb
from receiver.store.database.engine import chunks
from receiver.store.database.tables import events, placements
from receiver.store.work import dues

NOT_SETTLED = "not_settled"
"""Failure of an event whose placements cannot be made to agree with its facts: it is set aside."""
_PLAIN = ("desired", "applied", "item_id", "look_up_at", "recheck_at", "open_creates", "attempts", "not_before",
          "failure", "gave_up", "declined")  # fmt: skip


def placement_of(row: RowMapping) -> Placement:
    """Read a row that has the event's uid besides the placement's columns."""
    attempted = Verb(row["attempted"]) if row["attempted"] else None
    return Placement(id=row["id"], uid=row["uid"], attempted=attempted, **{name: row[name] for name in _PLAIN})


def may_be_there() -> ColumnElement[bool]:
    """Match placements whose mailbox may hold an item, as `Placement.may_be_there` does for one."""
    return or_(
        placements.c.applied.is_not(None), placements.c.look_up_at.is_not(None), placements.c.recheck_at.is_not(None)
    )


def is_settled() -> ColumnElement[bool]:
    """Match events whose placements agree with their facts."""
    not_set_aside = or_(events.c.failure.is_(None), events.c.failure != NOT_SETTLED)
    return and_(events.c.unsettled_at.is_(None), not_set_aside)


def columns_of(placement: Placement) -> dict[str, Any]:
    """Return all columns except the keys."""
    plain = {name: getattr(placement, name) for name in _PLAIN}
    return plain | {"attempted": placement.attempted, "due_at": placement.due_at}


_REWRITE = (
    update(placements)
    .where(placements.c.id == bindparam("number"))
    .values({name: bindparam(name) for name in (*_PLAIN, "attempted", "due_at")})
)


def drop(connection: Connection, numbers: Sequence[int]) -> None:
    """Delete placements."""
    for chunk in chunks(numbers):
        these = placements.c.id.in_(chunk)
        emptied = set(connection.scalars(select(placements.c.mailbox_id).where(these)))
        connection.execute(delete(placements).where(these))
        dues.prune(connection, emptied)


def keep(connection: Connection, kept: Collection[Placement]) -> None:
    """Write placements back; delete those that hold nothing any more."""
    settled = [placement.id for placement in kept if placement.settled]
    rows = [columns_of(placement) | {"number": placement.id} for placement in kept if not placement.settled]
    drop(connection, settled)
    if rows:
        connection.execute(_REWRITE, rows)


def count_due(connection: Connection, now: datetime) -> int:
    """Return how many changes wait to be written."""
    due = select(func.count()).select_from(placements).where(placements.c.due_at <= now)
    return connection.execute(due).scalar_one()
