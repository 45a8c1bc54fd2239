"""Entries read back from calendars until placements take them over, and what stops all writing meanwhile."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, RowMapping, delete, exists, func, insert, select, update

from receiver.core.mailboxes import Mailbox
from receiver.core.plan import BELIEVED_FOR, Placement, first_placement, taken_over
from receiver.store import counters
from receiver.store.database.chunks import chunks
from receiver.store.database.records import Installation, MailboxWork
from receiver.store.database.tables import adopted, events, figures, installation, mailboxes, placements
from receiver.store.place import batch_counter
from receiver.store.work.leases import confirm
from receiver.store.work.mailbox_identity import is_mailbox
from receiver.store.work.placements import columns_of, is_settled, keep, may_be_there, placement_of

TAKEN_OVER = "taken_over"
"""Name of the figure that tells of a record that was lost once, and when its name was taken over."""


def read_installation(connection: Connection) -> Installation:
    """Return who we are, and whether we may write."""
    row = connection.execute(select(installation)).one()
    return Installation(row.id, row.digest_key, row.must_adopt, row.uninstalled_at, row.counter)


# Reading back


def adopted_in(connection: Connection, mailbox: Mailbox) -> set[str]:
    """Return the uids of a mailbox's entries that wait to be taken over."""
    of_it = select(adopted.c.uid).join(mailboxes, mailboxes.c.id == adopted.c.mailbox_id).where(is_mailbox(mailbox))
    return set(connection.scalars(of_it))


def finished(connection: Connection, uids: Collection[str]) -> dict[str, bool]:
    """Return the events known among these, and whether each was destroyed and all that follows from it is done."""
    found: dict[str, bool] = {}
    for chunk in chunks(sorted(uids)):
        known = select(events.c.uid, events.c.facts, is_settled().label("settled")).where(events.c.uid.in_(chunk))
        found |= {row.uid: row.facts is None and row.settled for row in connection.execute(known)}
    return found


def note(
    connection: Connection, work: MailboxWork, items: Mapping[str, str], gone: Collection[str], now: datetime
) -> None:
    """Keep what was found in a leased mailbox, and drop what is not there any more.

    Raises:
        LeaseLost: nothing was changed.

    """
    confirm(connection, work)
    here = adopted.c.mailbox_id == work.mailbox_id
    for chunk in chunks(sorted({*items, *gone})):
        connection.execute(delete(adopted).where(here, adopted.c.uid.in_(chunk)))
    rows = [
        {"mailbox_id": work.mailbox_id, "uid": uid, "item_id": item_id, "found_at": now}
        for uid, item_id in items.items()
    ]
    if rows:
        connection.execute(insert(adopted), rows)


def unsettle(connection: Connection, work: MailboxWork, now: datetime) -> None:
    """Have the events of a mailbox's entries settled anew.

    In a transaction after the one that noted them: an event that came in meanwhile saw them or is seen here. Nobody
    writes into the mailbox before it is given back.
    """
    noted = select(adopted.c.uid).where(adopted.c.mailbox_id == work.mailbox_id)
    connection.execute(update(events).where(events.c.uid.in_(noted)).values(unsettled_at=now))


def waiting(connection: Connection) -> list[tuple[Mailbox, str]]:
    """Return mailbox and uid of every entry whose event is not known yet."""
    unknown = (
        select(mailboxes.c.calendar, mailboxes.c.address, adopted.c.uid)
        .join(mailboxes, mailboxes.c.id == adopted.c.mailbox_id)
        .where(~exists().where(events.c.uid == adopted.c.uid))
        .order_by(mailboxes.c.calendar, mailboxes.c.address, adopted.c.uid)
    )
    return [(Mailbox(row.calendar, row.address), row.uid) for row in connection.execute(unknown)]


def recognise(connection: Connection, settled: Sequence[RowMapping]) -> bool:
    """Have events go on under the uid that their entries bear; return whether there were any.

    First known by its number, one keeps that name when its uuid appears; after a loss it is first known by both.
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
    """Give an event another uid, unless that is another event's, or entries bear its own."""
    ours = placements.c.event_id == event["id"], may_be_there()
    if connection.execute(select(placements.c.id).where(*ours).limit(1)).first() is not None:
        return False
    if connection.execute(select(events.c.id).where(events.c.uid == uid)).first() is not None:
        return False
    connection.execute(update(events).where(events.c.id == event["id"]).values(uid=uid))
    return True


def take_over(connection: Connection, settled: Sequence[RowMapping], now: datetime) -> None:
    """Make placements of what was found of some events, before it is decided what should be there."""
    by_uid = {row["uid"]: row for row in settled}
    # Where the server has meanwhile told that two addresses are one mailbox, it is the one in use.
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
        return
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


def _until(event: RowMapping, found_at: datetime, now: datetime) -> datetime:
    """Facts that came after the calendar was read are newer than it; a destroyed event stays so."""
    is_news = event["facts"] is None or event["changed_at"] > found_at
    return now if is_news else max(now, found_at + BELIEVED_FOR)


def _held(connection: Connection, event_ids: Sequence[int]) -> dict[tuple[int, int], Placement]:
    placed = (
        select(placements, events.c.uid)
        .join(events, events.c.id == placements.c.event_id)
        .with_for_update(of=placements)
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


def unseen(connection: Connection, numbers: Collection[int]) -> set[int]:
    """Return the mailboxes that entries from before the loss of the record may stand in, for all that anybody knows.

    One that was read, or written into since, was asked for its name before.
    """
    lost = exists().where(figures.c.name == TAKEN_OVER)
    nameless = select(mailboxes.c.id).where(lost, mailboxes.c.identity.is_(None))
    return {
        number
        for chunk in chunks(sorted(set(numbers)))
        for number in connection.scalars(nameless.where(mailboxes.c.id.in_(chunk)))
    }


# What stops all writing


def take_installation(connection: Connection, name: str, now: datetime) -> bool:
    """Go on as an installation whose record was lost; return whether that may be: no entry bears our own name.

    Nothing is written before the calendars have been read.
    """
    if connection.execute(select(placements.c.id).where(may_be_there()).limit(1)).first() is not None:
        return False
    connection.execute(update(installation).values(id=name, must_adopt=True, uninstalled_at=None))
    counters.note(connection, {TAKEN_OVER: 1}, now)
    connection.execute(update(events).values(unsettled_at=now))
    return True


def calendars_were_read(connection: Connection) -> None:
    """Let writing begin."""
    batch_counter.go_far_ahead(connection)
    connection.execute(update(installation).values(must_adopt=False))


def begin_uninstalling(connection: Connection, now: datetime) -> None:
    """Have nothing written any more; the first moment stays."""
    here = installation.c.uninstalled_at.is_(None)
    connection.execute(update(installation).where(here).values(uninstalled_at=now))


def undo_uninstalling(connection: Connection, now: datetime) -> None:
    """Have every entry written again."""
    connection.execute(update(installation).values(uninstalled_at=None))
    connection.execute(update(events).where(events.c.facts.is_not(None)).values(unsettled_at=now))


def empty(connection: Connection, work: MailboxWork, kept: Collection[int]) -> None:
    """Forget what was placed in a leased mailbox that holds nothing of ours any more, but for some placements.

    Raises:
        LeaseLost: nothing was changed.

    """
    confirm(connection, work)
    numbers = select(placements.c.id).where(placements.c.mailbox_id == work.mailbox_id)
    dropped = sorted(set(connection.scalars(numbers)) - set(kept))
    for chunk in chunks(dropped):
        connection.execute(delete(placements).where(placements.c.id.in_(chunk)))
    connection.execute(delete(adopted).where(adopted.c.mailbox_id == work.mailbox_id))
