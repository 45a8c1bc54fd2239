"""Makes placements agree with facts: for each event that changed, what every mailbox should hold."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, insert, select, update

from receiver.core.desired import AgentView, Decision, EventView
from receiver.core.mailboxes import Mailbox
from receiver.core.plan import Placement, desire
from receiver.store import identity
from receiver.store.placements import columns_of, keep, placement_of
from receiver.store.records import read_facts, write_facts
from receiver.store.tables import agents, event_agents, events, mailboxes, placements

Decide = Callable[[EventView], Decision]


@dataclass(frozen=True, slots=True)
class Previewed:
    """One event under other rules: what each mailbox should hold now, and what it would."""

    now: Mapping[Mailbox, str | None]
    then: Mapping[Mailbox, str | None]


def settle(connection: Connection, decide: Decide, now: datetime, limit: int) -> int:
    """Settle up to `limit` events, the longest waiting first; return how many. Runs inside a write transaction.

    `decide` is pure: facts, e-mails and the mailboxes held in, wishes out.
    """
    rows = _unsettled(connection, limit)
    listed = _agents(connection, [row["id"] for row in rows])
    held = _held(connection, [row["id"] for row in rows])
    aliases = identity.aliases(connection) if rows else {}
    for row in rows:
        decision = decide(_view(row, listed[row["id"]], held[row["id"]], aliases))
        if decision.forget:
            _forget(connection, held[row["id"]].values())
        _wish(connection, row["id"], decision.wishes, held[row["id"]], now)
        connection.execute(update(events).where(events.c.id == row["id"]).values(_settled(decision)))
    return len(rows)


def _settled(decision: Decision) -> dict[str, Any]:
    """Return the event's columns after a decision."""
    facts = {} if decision.state is None else {"facts": write_facts(decision.state)}
    return {"unsettled_at": None, "unmapped": decision.unmapped, "failure": decision.failure, **facts}


def preview(connection: Connection, decide: Decide, after: int, limit: int) -> tuple[list[Previewed], int | None]:
    """Return what deciding anew would make of up to `limit` live events, and where to go on; None: that was all."""
    live = select(events).where(events.c.id > after, events.c.facts.is_not(None)).order_by(events.c.id).limit(limit)
    rows = connection.execute(live).mappings().all()
    listed = _agents(connection, [row["id"] for row in rows])
    held = _held(connection, [row["id"] for row in rows], lock=False)
    aliases = identity.aliases(connection)
    seen = []
    for row in rows:
        placed = held[row["id"]]
        now_wanted = {mailbox: placement.desired for mailbox, placement in placed.items()}
        seen.append(Previewed(now_wanted, decide(_view(row, listed[row["id"]], placed, aliases)).wishes))
    return seen, rows[-1]["id"] if len(rows) == limit else None


def _unsettled(connection: Connection, limit: int) -> Sequence[RowMapping]:
    waiting = select(events).where(events.c.unsettled_at.is_not(None)).order_by(events.c.unsettled_at)
    return connection.execute(waiting.limit(limit).with_for_update(skip_locked=True)).mappings().all()


def _agents(connection: Connection, event_ids: Sequence[int]) -> Mapping[int, list[AgentView]]:
    known = connection.execute(
        select(event_agents.c.event_id, agents.c.email, agents.c.former_email, agents.c.roles_gone_at)
        .join(events, events.c.id == event_agents.c.event_id)
        .join(agents, (agents.c.ident == event_agents.c.ident) & (agents.c.platform == events.c.platform))
        .where(event_agents.c.event_id.in_(event_ids))
    )
    listed: defaultdict[int, list[AgentView]] = defaultdict(list)
    for event_id, email, former_email, roles_gone_at in known:
        listed[event_id].append(AgentView(email, former_email, roles_gone_at))
    return listed


def _held(
    connection: Connection, event_ids: Sequence[int], *, lock: bool = True
) -> Mapping[int, dict[Mailbox, Placement]]:
    of_these = (
        select(placements, events.c.uid, mailboxes.c.calendar, mailboxes.c.address)
        .join(mailboxes, mailboxes.c.id == placements.c.mailbox_id)
        .join(events, events.c.id == placements.c.event_id)
        .where(placements.c.event_id.in_(event_ids))
    )
    rows = connection.execute(of_these.with_for_update(of=placements) if lock else of_these).mappings()
    held: defaultdict[int, dict[Mailbox, Placement]] = defaultdict(dict)
    for row in rows:
        held[row["event_id"]][Mailbox(row["calendar"], row["address"])] = placement_of(row)
    return held


def _view(
    row: RowMapping,
    listed: Iterable[AgentView],
    held: Mapping[Mailbox, Placement],
    aliases: Mapping[Mailbox, Mailbox],
) -> EventView:
    return EventView(
        uid=row["uid"],
        source=row["source"],
        state_at=row["state_at"],
        state=read_facts(row["facts"]),
        purged=row["purged"],
        agents=tuple(listed),
        held={mailbox: placement.may_be_there for mailbox, placement in held.items()},
        aliases=aliases,
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
    keys = {"event_id": event_id, "mailbox_id": identity.mailbox_id(connection, mailbox)}
    connection.execute(insert(placements).values(columns_of(new) | keys))
