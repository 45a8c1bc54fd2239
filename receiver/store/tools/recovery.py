"""Records entries that were read back after a loss of the record, and drops the record of emptied mailboxes."""

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import Connection, delete, exists, insert, select, update

from receiver.core.mailboxes import Mailbox
from receiver.store.database.engine import chunks
from receiver.store.database.records import MailboxWork
from receiver.store.database.tables import adopted, events, mailboxes, placements
from receiver.store.work.leases import confirm
from receiver.store.work.mailbox_identity import is_mailbox
from receiver.store.work.placements import is_settled


def adopted_in(connection: Connection, mailbox: Mailbox) -> set[str]:
    """Return the uids of a mailbox's entries that wait to be taken over."""
    of_it = select(adopted.c.uid).join(mailboxes, mailboxes.c.id == adopted.c.mailbox_id).where(is_mailbox(mailbox))
    return set(connection.scalars(of_it))


def finished(connection: Connection, uids: Collection[str]) -> dict[str, bool]:
    """Return the known events among these, and whether each is destroyed with all its entries removed."""
    found: dict[str, bool] = {}
    for chunk in chunks(sorted(uids)):
        known = select(events.c.uid, events.c.facts, is_settled().label("settled")).where(events.c.uid.in_(chunk))
        found |= {row.uid: row.facts is None and row.settled for row in connection.execute(known)}
    return found


def note(
    connection: Connection, work: MailboxWork, items: Mapping[str, str], gone: Collection[str], now: datetime
) -> None:
    """Record what was found in a leased mailbox, and drop what is gone.

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
    """Mark the events of a mailbox's entries to be settled again.

    To be called in a transaction after the one that recorded them: an event that came meanwhile saw them, or is seen
    here. No worker writes into the mailbox before it is released.
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


def empty(connection: Connection, work: MailboxWork, kept: Collection[int]) -> None:
    """Drop the placements of a leased mailbox that holds nothing of ours any more, except some.

    Raises:
        LeaseLost: nothing was changed.

    """
    confirm(connection, work)
    numbers = select(placements.c.id).where(placements.c.mailbox_id == work.mailbox_id)
    dropped = sorted(set(connection.scalars(numbers)) - set(kept))
    for chunk in chunks(dropped):
        connection.execute(delete(placements).where(placements.c.id.in_(chunk)))
    connection.execute(delete(adopted).where(adopted.c.mailbox_id == work.mailbox_id))
