"""Makes placements agree with facts: for each event that changed, what every mailbox should hold."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, RowMapping, delete, insert, select, update

from receiver.core.mailboxes import Mailbox
from receiver.core.plan import Placement, desire
from receiver.store.placements import columns_of, keep, placement_of
from receiver.store.records import Decision, EventView, read_facts
from receiver.store.tables import agents, event_agents, events, mailboxes, placements

Decide = Callable[[EventView], Decision]


def settle(connection: Connection, decide: Decide, now: datetime, limit: int) -> int:
    """Settle up to `limit` events, the longest waiting first; return how many. Runs inside a write transaction.

    `decide` is pure: facts, e-mails and the mailboxes held in, wishes out.
    """
    rows = _unsettled(connection, limit)
    emails = _emails(connection, [row["id"] for row in rows])
    held = _held(connection, [row["id"] for row in rows])
    for row in rows:
        decision = decide(_view(row, emails[row["id"]], held[row["id"]]))
        if decision.forget:
            _forget(connection, held[row["id"]].values())
        _wish(connection, row["id"], decision.wishes, held[row["id"]], now)
        connection.execute(
            update(events).where(events.c.id == row["id"]).values(unsettled_at=None, unmapped=decision.unmapped)
        )
    return len(rows)


def _unsettled(connection: Connection, limit: int) -> Sequence[RowMapping]:
    waiting = select(events).where(events.c.unsettled_at.is_not(None)).order_by(events.c.unsettled_at)
    return connection.execute(waiting.limit(limit).with_for_update(skip_locked=True)).mappings().all()


def _emails(connection: Connection, event_ids: Sequence[int]) -> Mapping[int, list[str | None]]:
    listed = connection.execute(
        select(event_agents.c.event_id, agents.c.email)
        .join(events, events.c.id == event_agents.c.event_id)
        .join(agents, (agents.c.ident == event_agents.c.ident) & (agents.c.platform == events.c.platform))
        .where(event_agents.c.event_id.in_(event_ids))
    )
    emails: defaultdict[int, list[str | None]] = defaultdict(list)
    for event_id, email in listed:
        emails[event_id].append(email)
    return emails


def _held(connection: Connection, event_ids: Sequence[int]) -> Mapping[int, dict[Mailbox, Placement]]:
    rows = connection.execute(
        select(placements, events.c.uid, mailboxes.c.calendar, mailboxes.c.address)
        .join(mailboxes, mailboxes.c.id == placements.c.mailbox_id)
        .join(events, events.c.id == placements.c.event_id)
        .where(placements.c.event_id.in_(event_ids))
        .with_for_update(of=placements)
    ).mappings()
    held: defaultdict[int, dict[Mailbox, Placement]] = defaultdict(dict)
    for row in rows:
        held[row["event_id"]][Mailbox(row["calendar"], row["address"])] = placement_of(row)
    return held


def _view(row: RowMapping, emails: Iterable[str | None], held: Mapping[Mailbox, Placement]) -> EventView:
    return EventView(
        uid=row["uid"],
        source=row["source"],
        state=read_facts(row["facts"]),
        purged=row["purged"],
        emails=tuple(emails),
        held={mailbox: placement.may_be_there for mailbox, placement in held.items()},
    )


def _forget(connection: Connection, held: Iterable[Placement]) -> None:
    """Drop the record of what is certain. What is in doubt is kept until it has been looked up."""
    certain = [placement.id for placement in held if not placement.in_doubt]
    connection.execute(delete(placements).where(placements.c.id.in_(certain)))


def _wish(
    connection: Connection,
    event_id: int,
    wishes: Mapping[Mailbox, str | None],
    held: Mapping[Mailbox, Placement],
    now: datetime,
) -> None:
    for mailbox, wish in sorted(wishes.items(), key=lambda pair: pair[0]):
        placement = held.get(mailbox)
        if placement is None:
            _place(connection, event_id, mailbox, wish, now)
        else:
            keep(connection, desire(placement, wish, now))


def _place(connection: Connection, event_id: int, mailbox: Mailbox, wish: str | None, now: datetime) -> None:
    new = Placement(id=0, uid="", desired=wish, not_before=now)
    keys = {"event_id": event_id, "mailbox_id": _mailbox_id(connection, mailbox)}
    connection.execute(insert(placements).values(columns_of(new) | keys))


def _mailbox_id(connection: Connection, mailbox: Mailbox) -> int:
    same = (mailboxes.c.calendar == mailbox.calendar) & (mailboxes.c.address == mailbox.address)
    known: int | None = connection.scalar(select(mailboxes.c.id).where(same))
    if known is not None:
        return known
    new = {"calendar": mailbox.calendar, "address": mailbox.address, "attempts": 0}
    created: int = connection.execute(insert(mailboxes).values(new).returning(mailboxes.c.id)).scalar_one()
    return created
