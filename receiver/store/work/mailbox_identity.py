"""Which addresses are one mailbox, as the server reports. Until it was asked, each address counts as a mailbox."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, bindparam, delete, insert, or_, select, update

from receiver.core.mailboxes import Mailbox
from receiver.store.database.engine import chunks
from receiver.store.database.records import MailboxWork
from receiver.store.database.tables import events, mailboxes, placements
from receiver.store.work import dues
from receiver.store.work.placements import may_be_there, placement_of


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Another mailbox of the same server that holds something of an event that is about to be written."""

    mailbox_id: int
    address: str


def is_mailbox(mailbox: Mailbox) -> ColumnElement[bool]:
    """Match the row of a mailbox."""
    return and_(mailboxes.c.calendar == mailbox.calendar, mailboxes.c.address == mailbox.address)


def mailbox_id(connection: Connection, mailbox: Mailbox) -> int:
    """Return the row of a mailbox; create it if needed."""
    return mailbox_ids(connection, [mailbox])[mailbox]


def mailbox_ids(connection: Connection, wanted: Collection[Mailbox]) -> Mapping[Mailbox, int]:
    """Return the rows of some mailboxes; create them if needed."""
    known = _known_ids(connection, wanted)
    # In order, so that two hosts that create the same rows cannot deadlock.
    if new := sorted(set(wanted) - known.keys()):
        rows = [{"calendar": mailbox.calendar, "address": mailbox.address, "attempts": 0} for mailbox in new]
        known |= {Mailbox(row.calendar, row.address): row.id for row in connection.execute(_MAKE, rows)}
    return known


def _known_ids(connection: Connection, wanted: Collection[Mailbox]) -> dict[Mailbox, int]:
    asked = set(wanted)
    # By address only: SQLite uses no index for a list of pairs.
    named = chunks(sorted({mailbox.address for mailbox in asked}))
    rows = (row for chunk in named for row in connection.execute(_AT, {"addresses": chunk}))
    return {found: row.id for row in rows if (found := Mailbox(row.calendar, row.address)) in asked}


_AT = select(mailboxes.c.id, mailboxes.c.calendar, mailboxes.c.address).where(
    mailboxes.c.address.in_(bindparam("addresses", expanding=True))
)
_MAKE = insert(mailboxes).returning(mailboxes.c.id, mailboxes.c.calendar, mailboxes.c.address)
_primary = mailboxes.alias("primary_mailbox")
_ALIASES = (
    select(mailboxes.c.calendar, mailboxes.c.address, _primary.c.address)
    .join(_primary, _primary.c.id == mailboxes.c.same_as)
    .where(mailboxes.c.same_as.is_not(None))
)


def in_use(connection: Connection) -> list[Mailbox]:
    """Return every mailbox that entries go to; of several addresses of one, the one in use."""
    named = select(mailboxes.c.calendar, mailboxes.c.address).where(mailboxes.c.same_as.is_(None))
    return [Mailbox(row.calendar, row.address) for row in connection.execute(named)]


def aliases(connection: Connection) -> Mapping[Mailbox, Mailbox]:
    """Return every alias, with the address of its mailbox."""
    rows = connection.execute(_ALIASES)
    return {Mailbox(calendar, alias): Mailbox(calendar, address) for calendar, alias, address in rows}


def identify(connection: Connection, work: MailboxWork, primary: str, now: datetime) -> bool:
    """Note the primary address of a mailbox; return whether that is another address, which its events then use."""
    connection.execute(update(mailboxes).where(mailboxes.c.id == work.mailbox_id).values(identity=primary))
    if primary == work.mailbox.address:
        return False
    target = mailbox_id(connection, Mailbox(work.mailbox.calendar, primary))
    merge(connection, work.mailbox_id, target, now)
    return True


def neighbours(connection: Connection, work: MailboxWork) -> list[Neighbour]:
    """Return the server's other mailboxes with entries of the work's events: for instance an agent's former mailbox."""
    others = (
        select(mailboxes.c.id, mailboxes.c.address)
        .join(placements, placements.c.mailbox_id == mailboxes.c.id)
        .where(
            mailboxes.c.id != work.mailbox_id,
            mailboxes.c.calendar == work.mailbox.calendar,
            may_be_there(),
        )
        .distinct()
    )
    found = {
        row.id: row.address
        for chunk in chunks([item.event_id for item in work.items])
        for row in connection.execute(others.where(placements.c.event_id.in_(chunk)))
    }
    return [Neighbour(number, address) for number, address in found.items()]


def is_leased(connection: Connection, number: int, now: datetime) -> bool:
    """Whether a worker may be writing into a mailbox at this moment."""
    held = and_(mailboxes.c.id == number, mailboxes.c.leased_until > now)
    return connection.execute(select(mailboxes.c.id).where(held).with_for_update(key_share=True)).first() is not None


def merge_neighbour(connection: Connection, neighbour: Neighbour, work: MailboxWork, now: datetime) -> bool:
    """Merge a neighbour and the leased mailbox; return whether no worker was writing into the neighbour."""
    if is_leased(connection, neighbour.mailbox_id, now):
        return False
    merge(connection, neighbour.mailbox_id, work.mailbox_id, now)
    return True


def merge(connection: Connection, alias: int, target: int, now: datetime) -> None:
    """Merge two addresses of one mailbox: placements under the alias move to the target.

    If both have a placement of one event, both stay, and settling removes the superfluous one.
    """
    connection.execute(
        update(mailboxes).where(or_(mailboxes.c.id == alias, mailboxes.c.same_as == alias)).values(same_as=target)
    )
    connection.execute(update(mailboxes).where(mailboxes.c.id == target).values(same_as=None))
    met_at = select(mailboxes.c.met_at).where(mailboxes.c.id == alias)
    unmet = and_(mailboxes.c.id == target, mailboxes.c.met_at.is_(None))
    connection.execute(update(mailboxes).where(unmet).values(met_at=connection.scalar(met_at)))
    _move(connection, alias, target, now)
    for number in (alias, target):
        dues.refresh(connection, number)


def _move(connection: Connection, alias: int, target: int, now: datetime) -> None:
    under_target = _placed(connection, target)
    under_alias = _placed(connection, alias)
    for event_id, row in under_alias.items():
        other = under_target.get(event_id)
        if other is not None and not placement_of(other).may_be_there:
            connection.execute(delete(placements).where(placements.c.id == other["id"]))
            other = None
        if other is None:
            connection.execute(update(placements).where(placements.c.id == row["id"]).values(mailbox_id=target))
    for chunk in chunks(sorted(under_alias)):
        connection.execute(update(events).where(events.c.id.in_(chunk)).values(unsettled_at=now))


def _placed(connection: Connection, number: int) -> dict[int, RowMapping]:
    rows = connection.execute(
        select(placements, events.c.uid)
        .join(events, events.c.id == placements.c.event_id)
        .where(placements.c.mailbox_id == number)
        .with_for_update(of=placements, key_share=True)
    ).mappings()
    return {row["event_id"]: row for row in rows}
