"""Entries that were found in calendars after a loss of the record: settling makes placements of them.

`receiver.store.tools.recovery` notes what was found in the table `adopted`. A record that was never lost has none:
settling finds that with one query.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, RowMapping, delete, exists, func, insert, select, update

from receiver.core.plan import BELIEVED_FOR, Placement, first_placement, taken_over
from receiver.store import counters
from receiver.store.database.engine import chunks
from receiver.store.database.tables import adopted, events, figures, installation, mailboxes, placements
from receiver.store.work.placements import columns_of, keep, may_be_there, placement_of


@dataclass(frozen=True, slots=True)
class Pending:
    """What settling must consider after a loss of the record."""

    entries: bool
    """Whether found entries wait until their events are settled."""
    was_lost: bool
    """Whether the record was lost once, so that mailboxes that were not read since then may hold entries."""


TAKEN_OVER = "taken_over"
"""Name of the figure for a lost record: the moment at which a new one took the installation's id."""

_PENDING = select(exists(select(adopted.c.uid)), exists().where(figures.c.name == TAKEN_OVER))


def pending(connection: Connection) -> Pending:
    """Return what is pending. To be called after the events to be settled are locked.

    Code that adds something after this query marks all its events as unsettled, in the same or a later transaction
    (`recovery.unsettle`, `take_installation`). That waits for the lock, and the events are settled again.
    """
    return Pending(*map(bool, connection.execute(_PENDING).one()))


def take_over(connection: Connection, settled: Sequence[RowMapping], now: datetime) -> Sequence[RowMapping]:
    """Make placements of the found entries of some events, before the desired content is decided.

    Returns:
        the events' rows, read again for an event that took the uid of its entries.

    """
    if _recognise(connection, settled):
        numbers = [row["id"] for row in settled]
        settled = [
            row
            for chunk in chunks(numbers)
            for row in connection.execute(select(events).where(events.c.id.in_(chunk))).mappings()
        ]
    by_uid = {row["uid"]: row for row in settled}
    # If the server reported meanwhile that two addresses are one mailbox, the one in use counts.
    home = func.coalesce(mailboxes.c.same_as, mailboxes.c.id)
    noted = (
        select(home.label("home"), adopted)
        .join(mailboxes, mailboxes.c.id == adopted.c.mailbox_id)
        .order_by(mailboxes.c.same_as.is_not(None))
    )
    found = [
        row
        for chunk in chunks(sorted(by_uid))
        for row in connection.execute(noted.where(adopted.c.uid.in_(chunk))).mappings()
    ]
    if not found:
        return settled
    taken: dict[tuple[int, int], Placement] = {}
    held = _held(connection, [row["id"] for row in settled])
    for row in found:
        event = by_uid[row["uid"]]
        until = _until(event, row["found_at"], now)
        key = event["id"], row["home"]
        if key not in taken:
            placement = held.get(key)
            taken[key] = (
                taken_over(placement, row["item_id"], until)
                if placement
                else first_placement(row["uid"], row["item_id"], until)
            )
    _write(connection, taken)
    for chunk in chunks(sorted(by_uid)):
        connection.execute(delete(adopted).where(adopted.c.uid.in_(chunk)))
    return settled


def _recognise(connection: Connection, settled: Sequence[RowMapping]) -> bool:
    """Give events the uid that their entries have; return whether there were any.

    An event that was first known by its number keeps the uid with that number when its uuid appears. After a loss of
    the record, the first webhook may bring both.
    """
    names = {uid: row for row in settled for uid in _other_names(row)}
    borne = [
        uid
        for chunk in chunks(sorted(names))
        for uid in connection.scalars(select(adopted.c.uid).where(adopted.c.uid.in_(chunk)).distinct())
    ]
    renamed = [uid for uid in borne if _rename(connection, names[uid], uid)]
    return bool(renamed)


def _other_names(event: RowMapping) -> set[str]:
    numbers = (number for number in (event["wire_id"], event["uuid"]) if number is not None)
    return {f"{event['model']}/{number}@{event['platform']}" for number in numbers} - {event["uid"]}


def _rename(connection: Connection, event: RowMapping, uid: str) -> bool:
    """Give an event another uid, unless another event has that, or entries have the present one."""
    ours = placements.c.event_id == event["id"], may_be_there()
    if connection.execute(select(placements.c.id).where(*ours).limit(1)).first() is not None:
        return False
    if connection.execute(select(events.c.id).where(events.c.uid == uid)).first() is not None:
        return False
    connection.execute(update(events).where(events.c.id == event["id"]).values(uid=uid))
    return True


def _until(event: RowMapping, found_at: datetime, now: datetime) -> datetime:
    """Return until when facts older than the calendar wait; `now` for newer ones, and for a destroyed event."""
    is_news = event["facts"] is None or event["changed_at"] > found_at
    return now if is_news else max(now, found_at + BELIEVED_FOR)


def _held(connection: Connection, event_ids: Sequence[int]) -> dict[tuple[int, int], Placement]:
    placed = (
        select(placements, events.c.uid)
        .join(events, events.c.id == placements.c.event_id)
        .with_for_update(of=placements, key_share=True)
    )
    return {
        (row["event_id"], row["mailbox_id"]): placement_of(row)
        for chunk in chunks(event_ids)
        for row in connection.execute(placed.where(placements.c.event_id.in_(chunk))).mappings()
    }


def _write(connection: Connection, taken: Mapping[tuple[int, int], Placement]) -> None:
    keep(connection, [placement for placement in taken.values() if placement.id])
    new = [
        columns_of(placement) | {"event_id": event_id, "mailbox_id": mailbox_id}
        for (event_id, mailbox_id), placement in taken.items()
        if not placement.id
    ]
    if new:
        connection.execute(insert(placements), new)


def unread(connection: Connection, mailbox_ids: Collection[int]) -> set[int]:
    """Return the mailboxes that were not read since the record was lost: entries from before may be in them.

    A mailbox that was read or written since then has a recorded primary address.
    """
    nameless = select(mailboxes.c.id).where(mailboxes.c.identity.is_(None))
    return {
        number
        for chunk in chunks(sorted(set(mailbox_ids)))
        for number in connection.scalars(nameless.where(mailboxes.c.id.in_(chunk)))
    }


def take_installation(connection: Connection, name: str, now: datetime) -> bool:
    """Take the id of an installation whose record was lost; return whether it could: no entry has the present id.

    Nothing is written before the calendars have been read.
    """
    if connection.execute(select(placements.c.id).where(may_be_there()).limit(1)).first() is not None:
        return False
    connection.execute(update(installation).values(id=name, must_adopt=True, uninstalled_at=None))
    counters.note(connection, {TAKEN_OVER: 1}, now)
    connection.execute(update(events).values(unsettled_at=now))
    return True
