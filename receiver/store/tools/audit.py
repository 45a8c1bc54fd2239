"""The queries of an audit, and its one change: the worker must look an entry up again."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, select

from receiver.core.mailboxes import Mailbox
from receiver.core.plan import Placement
from receiver.store.database.engine import chunks
from receiver.store.database.records import EventStanding, Recorded, read_facts
from receiver.store.database.tables import events, mailboxes, placements
from receiver.store.work import dues, mailbox_identity
from receiver.store.work.placements import is_settled, keep, placement_of


def recorded(connection: Connection, mailbox: Mailbox) -> list[Recorded]:
    """Return every placement of a mailbox with its event's facts, by number."""
    rows = connection.execute(
        select(placements, events.c.uid, events.c.source, events.c.facts, is_settled().label("settled"))
        .join(events, events.c.id == placements.c.event_id)
        .join(mailboxes, mailboxes.c.id == placements.c.mailbox_id)
        .where(mailbox_identity.is_mailbox(mailbox))
        .order_by(placements.c.id)
    ).mappings()
    return [Recorded(placement_of(row), row["source"], read_facts(row["facts"]), row["settled"]) for row in rows]


def standings(connection: Connection, uids: Collection[str]) -> dict[str, EventStanding]:
    """Return what is known of these events; unknown ones are missing from the result."""
    columns = events.c.uid, events.c.source, events.c.purged, is_settled().label("settled"), placements.c.item_id
    query = select(*columns).outerjoin(placements, placements.c.event_id == events.c.id)
    found: dict[str, EventStanding] = {}
    for chunk in chunks(sorted(uids)):
        for row in connection.execute(query.where(events.c.uid.in_(chunk))):
            standing = found.get(row.uid) or EventStanding(row.source, row.purged, row.settled)
            found[row.uid] = replace(standing, items=standing.items | ({row.item_id} if row.item_id else set()))
    return found


def repair(
    connection: Connection, mailbox: Mailbox, repairs: Mapping[Placement, Placement], now: datetime
) -> int | None:
    """Replace placements that did not change since the comparison; return how many. None: a worker has the mailbox."""
    number = connection.scalar(select(mailboxes.c.id).where(mailbox_identity.is_mailbox(mailbox)))
    if number is None or mailbox_identity.is_leased(connection, number, now):
        return None
    judged = {before.id: (before, after) for before, after in repairs.items()}
    standing = [each for chunk in chunks(sorted(judged)) for each in _locked(connection, number, chunk)]
    replaced = [judged[each.id][1] for each in standing if each == judged[each.id][0]]
    keep(connection, replaced)
    dues.announce_placements(connection, [placement.id for placement in replaced])
    return len(replaced)


def _locked(connection: Connection, mailbox_id: int, numbers: Sequence[int]) -> list[Placement]:
    rows = connection.execute(
        select(placements, events.c.uid)
        .join(events, events.c.id == placements.c.event_id)
        .where(placements.c.id.in_(numbers), placements.c.mailbox_id == mailbox_id, is_settled())
        .with_for_update(of=placements, key_share=True)
    ).mappings()
    return [placement_of(row) for row in rows]
