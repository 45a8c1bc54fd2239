"""Takes webhooks in: newest facts win, whatever the order, the repeats and the number of hosts."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, and_, delete, insert, or_, select, update

from receiver.core.facts import (
    AgendaState,
    AgentNews,
    Delivery,
    Emitter,
    EventKind,
    Known,
    RoleNews,
    Ruling,
    Version,
    event_uid,
    judge_age,
    over_by,
    rule,
)
from receiver.store import agents
from receiver.store.records import Incoming, Receipt, Verdict, read_facts, write_facts
from receiver.store.tables import deliveries, event_agents, events

_REFUSALS = {
    Ruling.SUPERSEDED: Verdict.SUPERSEDED,
    Ruling.TOO_OLD: Verdict.TOO_OLD,
    Ruling.TOO_NEW: Verdict.TOO_NEW,
}
_JOURNALED = {Verdict.ACCEPTED, Verdict.SUPERSEDED}


def take(connection: Connection, incoming: Incoming, now: datetime) -> Receipt:
    """Judge one webhook and, if it is news, keep it. Runs inside a write transaction."""
    if _is_repeat(connection, incoming):
        return Receipt(Verdict.DUPLICATE)
    if isinstance(incoming.news, Delivery):
        return _take_event(connection, incoming, incoming.news, now)
    verdict = _REFUSALS[ruling] if (ruling := _judge_agent_news(connection, incoming, now)) else Verdict.ACCEPTED
    if verdict in _JOURNALED:
        _journal(connection, incoming, None, verdict, now)
    return Receipt(verdict)


def _judge_agent_news(connection: Connection, incoming: Incoming, now: datetime) -> Ruling | None:
    """Keep news of an agent; return why not, where they are none."""
    news = incoming.news
    if (refusal := judge_age(news.version, incoming.emitter, now)) is not None:
        return refusal
    if isinstance(news, RoleNews):
        kept = agents.learn_role(connection, incoming.platform, news, now)
    else:
        kept = isinstance(news, AgentNews) and agents.learn_agent(connection, incoming.platform, news, now)
    return None if kept else Ruling.SUPERSEDED


def _take_event(connection: Connection, incoming: Incoming, delivery: Delivery, now: datetime) -> Receipt:
    row = _find(connection, incoming.platform, delivery)
    known = _known(connection, row) if row else None
    ruling = rule(known, incoming.emitter, delivery, now)
    if verdict := _REFUSALS.get(ruling):
        if row is not None and verdict in _JOURNALED:
            _journal(connection, incoming, row["id"], verdict, now)
        if verdict is Verdict.SUPERSEDED and incoming.emitter is Emitter.RDV_SERVICE_PUBLIC:
            # An old state of the event may still be the newest word on an agent: nothing else tells who has left.
            agents.learn_emails(connection, incoming.platform, delivery.agents, delivery.version.state_at, now)
        return Receipt(verdict, row["uid"] if row else None)
    ambiguous = ruling is Ruling.APPLY_AMBIGUOUS
    event_id, uid = _apply(connection, incoming, delivery, row, known, ambiguous, now)
    _journal(connection, incoming, event_id, Verdict.ACCEPTED, now)
    agents.learn_emails(connection, incoming.platform, delivery.agents, delivery.version.state_at, now)
    return Receipt(Verdict.ACCEPTED, uid, ambiguous)


def _is_repeat(connection: Connection, incoming: Incoming) -> bool:
    same = and_(deliveries.c.source == incoming.source, deliveries.c.digest == incoming.digest)
    return connection.execute(select(deliveries.c.id).where(same)).first() is not None


def _find(connection: Connection, platform: str, delivery: Delivery) -> RowMapping | None:
    """Find the event by uuid, else by id: one first known by its id keeps its key when its uuid appears."""
    candidates = connection.execute(
        select(events)
        .where(
            events.c.platform == platform,
            events.c.model == delivery.model,
            or_(events.c.uuid == delivery.uuid, events.c.wire_id == delivery.wire_id),
        )
        .with_for_update()
    ).mappings()
    rows = sorted(candidates, key=lambda row: row["uuid"] != delivery.uuid)
    return next((row for row in rows if _same(row, delivery)), None)


def _same(row: RowMapping, delivery: Delivery) -> bool:
    by_uuid = delivery.uuid is not None and row["uuid"] == delivery.uuid
    one_lacks_uuid = row["uuid"] is None or delivery.uuid is None
    return by_uuid or (one_lacks_uuid and delivery.wire_id is not None and row["wire_id"] == delivery.wire_id)


def _known(connection: Connection, row: RowMapping) -> Known:
    listed = connection.scalars(select(event_agents.c.ident).where(event_agents.c.event_id == row["id"]))
    return Known(
        emitter=Emitter(row["emitter"]),
        version=Version(EventKind(row["kind"]), row["state_at"], row["occurred_at"]),
        state=read_facts(row["facts"]),
        agents=frozenset(listed),
    )


def _apply(
    connection: Connection,
    incoming: Incoming,
    delivery: Delivery,
    row: RowMapping | None,
    known: Known | None,
    ambiguous: bool,
    now: datetime,
) -> tuple[int, str]:
    idents = frozenset(agent.ident for agent in delivery.agents)
    changed = known is None or known.state != delivery.state or known.agents != idents
    values = _columns(incoming, delivery, ambiguous, now)
    if changed:
        values |= {"delivery": incoming.id, "changed_at": now, "unsettled_at": now}
    elif isinstance(delivery.state, AgendaState) and agents.any_is_gone(connection, incoming.platform, idents):
        values["unsettled_at"] = now  # the same facts, but newer than the loss of the last place: the agent is back
    if row is None:
        event_id, uid = _create(connection, incoming.platform, delivery, values)
    else:
        event_id, uid = row["id"], row["uid"]
        connection.execute(
            update(events).where(events.c.id == event_id).values(values | _keys(connection, row, delivery))
        )
    if known is None or known.agents != idents:
        _list_agents(connection, event_id, idents)
    return event_id, uid


def _columns(incoming: Incoming, delivery: Delivery, ambiguous: bool, now: datetime) -> dict[str, Any]:
    destroyed = delivery.version.kind is EventKind.DESTROYED
    return {
        "organisation": delivery.organisation,
        "emitter": incoming.emitter,
        "source": incoming.source,
        "kind": delivery.version.kind,
        "state_at": delivery.version.state_at,
        "occurred_at": delivery.version.occurred_at,
        "facts": write_facts(delivery.state),
        "ends_at": over_by(delivery.state) if delivery.state else None,
        "purged": delivery.purge and destroyed,
        "ambiguous": ambiguous,
        "destroyed_at": now if destroyed else None,
    }


def _create(connection: Connection, platform: str, delivery: Delivery, values: dict[str, Any]) -> tuple[int, str]:
    uid = event_uid(platform, delivery)
    taken = connection.execute(
        select(events.c.id).where(
            events.c.platform == platform,
            events.c.model == delivery.model,
            events.c.wire_id == delivery.wire_id,
        )
    ).first()
    new: dict[str, Any] = {
        "uid": uid,
        "platform": platform,
        "model": delivery.model,
        "wire_id": None if taken else delivery.wire_id,
        "uuid": delivery.uuid,
        "unmapped": 0,
    }
    created = connection.execute(insert(events).values(new | values).returning(events.c.id))
    return created.scalar_one(), uid


def _keys(connection: Connection, row: RowMapping, delivery: Delivery) -> dict[str, Any]:
    """Return the names that the event was not yet known by and that no other event bears."""
    new = {}
    for name, value in (("uuid", delivery.uuid), ("wire_id", delivery.wire_id)):
        if row[name] is None and value is not None:
            bears_it = and_(
                events.c.platform == row["platform"], events.c.model == row["model"], events.c[name] == value
            )
            if connection.execute(select(events.c.id).where(bears_it)).first() is None:
                new[name] = value
    return new


def _list_agents(connection: Connection, event_id: int, idents: frozenset[str]) -> None:
    connection.execute(delete(event_agents).where(event_agents.c.event_id == event_id))
    if idents:
        connection.execute(insert(event_agents), [{"event_id": event_id, "ident": ident} for ident in sorted(idents)])


def _journal(connection: Connection, incoming: Incoming, event_id: int | None, verdict: Verdict, now: datetime) -> None:
    connection.execute(
        insert(deliveries).values(
            id=incoming.id,
            source=incoming.source,
            digest=incoming.digest,
            event_id=event_id,
            kind=incoming.news.version.kind,
            verdict=verdict,
            state_at=incoming.news.version.state_at,
            received_at=now,
        )
    )
