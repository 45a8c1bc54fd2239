"""Leases mailboxes to workers, each mailbox to one worker at a time, and records what they did.

A lease is two columns that are committed before the first call. It expires, so a dead worker blocks a mailbox only
briefly.
"""

import secrets
from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, or_, select, update

from receiver.core.mailboxes import MISSING_MAILBOX_CODES, Mailbox
from receiver.core.plan import Placement
from receiver.store.database.engine import chunks
from receiver.store.database.records import MailboxWork, Trouble, WorkItem, read_facts
from receiver.store.database.tables import events, mailboxes, placements
from receiver.store.fairness import Rota
from receiver.store.work import claiming, dues, mailbox_identity
from receiver.store.work.placements import keep, placement_of

Advance = Callable[[Placement], Placement]

Kinds = tuple[bool, ...]
"""Kinds of mailboxes, in the order in which they are claimed: known to the server (True), or unknown (False)."""
ANY: Kinds = (True, False)

Rotas = defaultdict[tuple[str, bool], Rota]
"""What is next, by calendar and kind of mailbox."""


class LeaseLost(Exception):
    """Another worker may have the mailbox by now, so nothing may be sent or recorded any more."""


def has_work(connection: Connection, calendar: str, now: datetime, kinds: Kinds = ANY) -> bool:
    """Whether `claim` would find something; with very many mailboxes, whether it may. Takes no lock."""
    return any(claiming.any_claimable(connection, calendar, known, now) for known in kinds)


def claim(
    connection: Connection,
    calendar: str,
    now: datetime,
    limit: int,
    lease: timedelta,
    rotas: Rotas,
    kinds: Kinds = ANY,
) -> MailboxWork | None:
    """Lease the mailbox that is next, of the first kind that has one, with up to `limit` of its due placements."""
    for known in kinds:
        row = claiming.find(connection, calendar, known, now, rotas[calendar, known])
        if row is not None:
            due = claiming.due_in(connection, row["id"], now, limit)
            return _leased(connection, row, now + lease, tuple(_item(each) for each in due))
    return None


def claim_one(connection: Connection, mailbox: Mailbox, now: datetime, lease: timedelta) -> MailboxWork | None:
    """Lease one mailbox, whatever is due in it, and create its row if needed; None: a worker has it at this moment."""
    this = (
        select(mailboxes)
        .where(mailboxes.c.id == mailbox_identity.mailbox_id(connection, mailbox))
        .with_for_update(key_share=True)
    )
    row = connection.execute(this).mappings().one()
    if row["leased_until"] is not None and row["leased_until"] > now:
        return None
    return _leased(connection, row, now + lease, ())


def _leased(connection: Connection, row: RowMapping, until: datetime, items: tuple[WorkItem, ...]) -> MailboxWork:
    token = secrets.token_hex(16)
    connection.execute(update(mailboxes).where(mailboxes.c.id == row["id"]).values(lease=token, leased_until=until))
    dues.put_off(connection, row["id"], until)
    return MailboxWork(
        mailbox_id=row["id"],
        mailbox=Mailbox(row["calendar"], row["address"]),
        lease=token,
        attempts=row["attempts"],
        identified=row["identity"] is not None,
        known=row["identity"] is not None and row["failure"] not in MISSING_MAILBOX_CODES,
        conflicts_checked=row["met_at"] is not None,
        items=items,
    )


def confirm(connection: Connection, work: MailboxWork) -> None:
    """Check that a lease is still valid; no other worker takes it before this transaction ends.

    Raises:
        LeaseLost: it is not.

    """
    mine = and_(mailboxes.c.id == work.mailbox_id, mailboxes.c.lease == work.lease)
    if connection.execute(select(mailboxes.c.id).where(mine).with_for_update(key_share=True)).first() is None:
        raise LeaseLost


def note_no_conflict(connection: Connection, work: MailboxWork, now: datetime, lease: timedelta) -> None:
    """Note that no entries of other installations block a leased mailbox; extend the lease.

    Raises:
        LeaseLost: nothing was changed.

    """
    mine = and_(mailboxes.c.id == work.mailbox_id, mailboxes.c.lease == work.lease)
    if connection.execute(update(mailboxes).where(mine).values(met_at=now, leased_until=now + lease)).rowcount != 1:
        raise LeaseLost


def advance(
    connection: Connection, work: MailboxWork, changes: Mapping[int, Advance], now: datetime, lease: timedelta
) -> dict[int, Placement]:
    """Apply each change to its placement in its present state, and extend the lease.

    Content that became desired during a call is kept: the change sees it and records only what the worker found out.

    Raises:
        LeaseLost: nothing was changed.

    """
    mine = and_(mailboxes.c.id == work.mailbox_id, mailboxes.c.lease == work.lease)
    extended = connection.execute(update(mailboxes).where(mine).values(leased_until=now + lease))
    if extended.rowcount != 1:
        raise LeaseLost
    theirs = (
        select(placements, events.c.uid)
        .join(events, events.c.id == placements.c.event_id)
        .where(placements.c.mailbox_id == work.mailbox_id)
        .with_for_update(of=placements, key_share=True)
    )
    advanced = {
        row["id"]: changes[row["id"]](placement_of(row))
        for chunk in chunks(sorted(changes))
        for row in connection.execute(theirs.where(placements.c.id.in_(chunk))).mappings()
    }
    keep(connection, advanced.values())
    return advanced


def release(connection: Connection, work: MailboxWork, trouble: Trouble | None, succeeded_at: datetime | None) -> None:
    """Give the mailbox back; with a trouble, it is not claimed before the trouble's end."""
    mine = and_(mailboxes.c.id == work.mailbox_id, mailboxes.c.lease == work.lease)
    values: dict[str, object] = {"lease": None, "leased_until": None}
    if trouble:
        values |= {"blocked_until": trouble.until, "failure": trouble.code, "attempts": mailboxes.c.attempts + 1}
        values |= {"other_installation": trouble.installation}
    elif succeeded_at:
        values |= {"blocked_until": None, "failure": None, "attempts": 0, "succeeded_at": succeeded_at}
        values |= {"other_installation": None}
    if connection.execute(update(mailboxes).where(mine).values(values)).rowcount:
        dues.refresh(connection, work.mailbox_id)
        arrived = [each.event_id for each in work.items if each.placement.desired and not each.placement.applied]
        dues.announce_removals(connection, arrived)


def end_waits(connection: Connection, meant: ColumnElement[bool]) -> int:
    """Make mailboxes that wait for the end of a trouble due at once; return how many."""
    waits = or_(mailboxes.c.blocked_until.is_not(None), mailboxes.c.attempts > 0)
    count = connection.execute(update(mailboxes).where(meant, waits).values(blocked_until=None, attempts=0)).rowcount
    dues.release(connection, meant)
    return count


def _item(row: RowMapping) -> WorkItem:
    return WorkItem(
        placement=placement_of(row),
        event_id=row["event_id"],
        source=row["source"],
        delivery=row["delivery"],
        state=read_facts(row["facts"]),
    )
