"""Placements as rows."""

from typing import Any

from sqlalchemy import Connection, RowMapping, delete, update

from receiver.core.plan import Placement, Verb
from receiver.store.tables import placements

_PLAIN = ("desired", "applied", "item_id", "look_up_at", "recheck_at", "open_creates", "attempts", "not_before",
          "failure", "gave_up", "declined")  # fmt: skip


def placement_of(row: RowMapping) -> Placement:
    """Read a row that carries the event's uid beside the placement's columns."""
    attempted = Verb(row["attempted"]) if row["attempted"] else None
    return Placement(id=row["id"], uid=row["uid"], attempted=attempted, **{name: row[name] for name in _PLAIN})


def columns_of(placement: Placement) -> dict[str, Any]:
    """Write everything but the keys."""
    plain = {name: getattr(placement, name) for name in _PLAIN}
    return plain | {"attempted": placement.attempted, "due_at": placement.due_at}


def keep(connection: Connection, placement: Placement) -> None:
    """Write the placement back; drop it once there is nothing left to remember."""
    mine = placements.c.id == placement.id
    if placement.settled:
        connection.execute(delete(placements).where(mine))
    else:
        connection.execute(update(placements).where(mine).values(columns_of(placement)))
