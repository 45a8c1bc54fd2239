"""The events of one batch of deliveries: read together, judged in memory one after the other, written together."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, delete, insert, select, union, update

from receiver.core.facts import (
    AgendaState,
    AgentNews,
    Delivery,
    Emitter,
    EventKind,
    EventState,
    Known,
    Model,
    RdvState,
    StateVerdict,
    Version,
    event_uid,
    judge_state,
    over_by,
)
from receiver.core.scope import Authority, Ownership, Reach, reach, read_all, write_all
from receiver.store.agent_statements import Key
from receiver.store.database.records import Aside, Incoming, Reason, Receipt, Verdict, read_facts, write_facts
from receiver.store.database.tables import event_agents, events
from receiver.store.intake.journal import Journal
from receiver.store.intake.judge_agents import Listed
from receiver.store.intake.removal_guard import Guard, speaker

Kin = tuple[str, str]
"""Platform and model: ids and uuids are an event's own within them."""


@dataclass(slots=True)
class Event:
    """The state of an event at this point of the batch."""

    kin: Kin
    uid: str
    wire_id: int | None
    uuid: str | None
    known: Known | None
    """None: no state was accepted yet."""
    id: int | None = None
    """None: not written yet."""
    changes: dict[str, Any] = field(default_factory=dict)
    """Columns to write."""
    relisted: bool = False
    """Whether the list of agents differs from the one in the database."""
    organisation: int | None = None
    sent_under: tuple[Authority, ...] = ()
    never_known: bool = False

    @property
    def standing(self) -> Ownership:
        """The organisation and authorities that it belongs to."""
        return Ownership(Model(self.kin[1]), self.organisation, self.sent_under, self.never_known)


class Workset:
    """One batch of deliveries, with the rows that they concern."""

    def __init__(
        self, connection: Connection, batch: Sequence[Incoming], journal: Journal, guard: Guard, now: datetime
    ) -> None:
        self._connection = connection
        self._guard = guard
        self._batch = [(incoming, incoming.news) for incoming in batch if isinstance(incoming.news, Delivery)]
        self._journal = journal
        self._now = now
        self._events: list[Event] = []
        self._by_uuid: dict[tuple[Kin, str], Event] = {}
        self._by_wire_id: dict[tuple[Kin, int], Event] = {}
        self._listed = Listed(connection, now)
        self._applied: list[Event] = []

    @property
    def touched(self) -> set[int]:
        """The numbers of the events that changed."""
        return {event.id for event in self._applied if event.id is not None}

    @property
    def moved(self) -> set[Key]:
        """The agents whose credible e-mail may have changed."""
        return self._listed.moved

    def take(self) -> list[Receipt]:
        """Judge the deliveries, write the results, and return a receipt for each."""
        self._read()
        receipts = [self._take(incoming, delivery) for incoming, delivery in self._batch]
        self._write()
        self._listed.write()
        return receipts

    # Judging

    def _take(self, incoming: Incoming, delivery: Delivery) -> Receipt:
        if self._journal.knows(incoming):
            return Receipt(Verdict.DUPLICATE)
        event = self._find(_kin(incoming, delivery), delivery)
        way = self._reach(incoming, delivery, event)
        if way is Reach.OUTSIDE:
            return _set_aside(Verdict.OUT_OF_SCOPE, Reason.SCOPE, delivery, event)
        if event is not None and way is Reach.OLDER:
            return self._pass_over(incoming, delivery, event)
        known = event.known if event and way is not Reach.BESIDE else None
        verdict = judge_state(known, incoming.emitter, delivery)
        if event is not None and verdict is StateVerdict.SUPERSEDED:
            pass_over = self._join if way is Reach.JOINS else self._pass_over
            return pass_over(incoming, delivery, event)
        lost = self._lost(incoming, event, delivery)
        if event is not None and self._guard.holds(incoming, lost):
            return _set_aside(Verdict.HELD, Reason.REMOVAL, delivery, event, lost)
        if event is not None:
            self._guard.took(event.id, lost)
            event.known = known
        return self._take_in(incoming, delivery, event, ambiguous=verdict is StateVerdict.APPLY_AMBIGUOUS)

    def _take_in(self, incoming: Incoming, delivery: Delivery, event: Event | None, *, ambiguous: bool) -> Receipt:
        marked = self._marked(incoming, delivery, event)
        event = self._apply(incoming, _as_marked(delivery, marked=marked is not None), event, ambiguous=ambiguous)
        self._journal.note(incoming, event, Verdict.ACCEPTED)
        asides = self._learn(incoming, delivery)
        if marked:
            asides.append(Aside(Reason.CANCELLATION, delivery, event, event.organisation, marked))
        return Receipt(Verdict.ACCEPTED, event.uid, ambiguous, tuple(asides))

    def _reach(self, incoming: Incoming, delivery: Delivery, event: Event | None) -> Reach:
        by = incoming.authority
        if by is None:
            return Reach.WITHIN
        standing, known = (event.standing, event.known) if event else (None, None)
        found = reach(standing, known, incoming.emitter, delivery, by)
        if found is not Reach.OUTSIDE or not incoming.released:
            return found
        # An operator accepted it: an absence then also belongs to this authority; other events only to it.
        return Reach.WITHIN if delivery.model is Model.ABSENCE else Reach.BESIDE

    def _lost(self, incoming: Incoming, event: Event | None, delivery: Delivery) -> int:
        """Return how many coming entries a state would remove."""
        if event is None or event.known is None or not self._guard.is_coming(event.known.state):
            return 0
        if not self._guard.is_coming(delivery.state):  # destroyed, or moved into the past
            return self._guard.entries(event.id)
        if event.known.state != delivery.state and not self._guard.is_shown(incoming, delivery.state):
            return self._guard.entries(event.id)  # a series that no calendar can hold, or without an occurrence
        gone = event.known.agents - {agent.ident for agent in delivery.agents}
        taken_off = min(len(gone), self._guard.entries(event.id)) if gone else 0
        return taken_off + self._moved(incoming, event, delivery)

    def _moved(self, incoming: Incoming, event: Event, delivery: Delivery) -> int:
        """Return for how many agents another e-mail counts, as the event belongs to another organisation now."""
        sent_under, _ = _sent_under(incoming, delivery, event, is_new=event.never_known)
        after = replace(event.standing, organisation=delivery.organisation, sent_under=sent_under)
        if event.known is None or after == event.standing:
            return 0
        staying = event.known.agents & {agent.ident for agent in delivery.agents}
        statements = [self._listed.statements((incoming.platform, ident)) for ident in staying]
        moved = self._guard.moved(incoming, event.standing, after, statements)
        return min(moved, self._guard.entries(event.id)) if moved else 0

    def _marked(self, incoming: Incoming, delivery: Delivery, event: Event | None) -> int | None:
        """Return how many entries stay and are shown as cancelled; None: they may be removed, or there are none."""
        state, known = delivery.state, event.known.state if event and event.known else None
        if event is None or not isinstance(state, RdvState) or not isinstance(known, RdvState) or not state.cancelled:
            return None
        if known.cancelled:
            return 0 if known.marked and not incoming.released else None
        return self._guard.marks(incoming, state, event.id) or None

    def _learn(self, incoming: Incoming, delivery: Delivery) -> list[Aside]:
        """Record what a state says of its agents; return the parts that must wait."""
        version = delivery.version
        by, allow = speaker(incoming), self._guard.allows(incoming)
        held = self._listed.learn(incoming.platform, delivery.agents, version.state_at, by, allow)
        return [Aside(Reason.REMOVAL, AgentNews(ref, version), entries=entries) for ref, entries in held]

    def _pass_over(self, incoming: Incoming, delivery: Delivery, event: Event) -> Receipt:
        self._journal.note(incoming, event, Verdict.SUPERSEDED)
        asides: list[Aside] = []
        if incoming.emitter is Emitter.RDV_SERVICE_PUBLIC:
            # An old state of the event may be the newest state of an agent: nothing else reports who has left.
            asides = self._learn(incoming, delivery)
        return Receipt(Verdict.SUPERSEDED, event.uid, asides=tuple(asides))

    def _find(self, kin: Kin, delivery: Delivery) -> Event | None:
        """Find the event by uuid, else by id: one first known by its id keeps its key when its uuid appears."""
        if delivery.uuid is not None and (event := self._by_uuid.get((kin, delivery.uuid))):
            return event
        if delivery.wire_id is None:
            return None
        event = self._by_wire_id.get((kin, delivery.wire_id))
        one_lacks_uuid = event is not None and (event.uuid is None or delivery.uuid is None)
        return event if one_lacks_uuid else None

    def _apply(self, incoming: Incoming, delivery: Delivery, event: Event | None, *, ambiguous: bool) -> Event:
        idents = frozenset(agent.ident for agent in delivery.agents)
        is_new = event is None or event.never_known
        event = event or self._create(incoming, delivery)
        known = event.known
        event.changes |= _columns(incoming, delivery, self._now, ambiguous=ambiguous) | self._keys(event, delivery)
        belongs_elsewhere = self._belong(incoming, delivery, event, is_new=is_new)
        if known is None or not _shows_the_same(known.state, delivery.state) or known.agents != idents:
            event.changes |= {"delivery": incoming.id, "changed_at": self._now, "unsettled_at": self._now}
        elif belongs_elsewhere:
            event.changes["unsettled_at"] = self._now  # another e-mail of its agents may count
        elif isinstance(delivery.state, AgendaState) and self._listed.any_is_gone(incoming.platform, idents):
            # The same facts, but newer than the loss of the last role: the agent is back.
            event.changes["unsettled_at"] = self._now
        event.relisted = event.relisted or known is None or known.agents != idents
        event.known = Known(incoming.emitter, delivery.version, delivery.state, idents)
        self._applied.append(event)
        return event

    def _belong(self, incoming: Incoming, delivery: Delivery, event: Event, *, is_new: bool) -> bool:
        """Note the organisation and authorities that an event belongs to; return whether they changed."""
        before, by = event.standing, incoming.authority
        event.organisation = delivery.organisation
        if by is None:
            return False
        sent_under, is_tombstone = _sent_under(incoming, delivery, event, is_new=is_new)
        if (event.never_known, event.sent_under) != (is_tombstone, sent_under):
            event.never_known, event.sent_under = is_tombstone, sent_under
            event.changes |= {"never_known": is_tombstone, "tellers": write_all(sent_under)}
        return before != event.standing

    def _join(self, incoming: Incoming, delivery: Delivery, event: Event) -> Receipt:
        """Note that another authority sent the same absence: it also belongs to that one."""
        by, moved = incoming.authority, self._moved(incoming, event, delivery)
        if self._guard.holds(incoming, moved):
            return _set_aside(Verdict.HELD, Reason.REMOVAL, delivery, event, moved)
        if by is not None and by not in event.sent_under:
            event.sent_under = (*event.sent_under, by)
            event.changes |= {"tellers": write_all(event.sent_under), "unsettled_at": self._now}
            self._applied.append(event)
        return self._pass_over(incoming, delivery, event)

    def _create(self, incoming: Incoming, delivery: Delivery) -> Event:
        kin = _kin(incoming, delivery)
        uid = event_uid(incoming.platform, delivery)
        event = Event(kin, uid, None, None, None)
        event.changes = {"uid": uid, "platform": kin[0], "model": kin[1], "unmapped": 0}
        event.changes |= {"uuid": None, "wire_id": None, "tellers": None, "never_known": False}
        self._events.append(event)
        return event

    def _keys(self, event: Event, delivery: Delivery) -> dict[str, Any]:
        """Take number and uuid from a webhook if the event has none yet and no other event has them."""
        new: dict[str, Any] = {}
        if event.uuid is None and delivery.uuid is not None and (event.kin, delivery.uuid) not in self._by_uuid:
            event.uuid = new["uuid"] = delivery.uuid
        is_free = (event.kin, delivery.wire_id) not in self._by_wire_id
        if event.wire_id is None and delivery.wire_id is not None and is_free:
            event.wire_id = new["wire_id"] = delivery.wire_id
        self._index(event)
        return new

    # Rows

    def _read(self) -> None:
        """Read all events that the batch may concern, and the agents that it lists, with all locks that are needed."""
        wanted: defaultdict[Kin, list[Delivery]] = defaultdict(list)
        for incoming, delivery in self._batch:
            wanted[_kin(incoming, delivery)].append(delivery)
        rows = [row for kin, deliveries in wanted.items() for row in self._rows(kin, deliveries)]
        idents: defaultdict[int, set[str]] = defaultdict(set)
        if rows:
            for event_id, ident in self._connection.execute(_LISTED, {"ids": [row["id"] for row in rows]}):
                idents[event_id].add(ident)
        for row in rows:
            event = _event(row, frozenset(idents[row["id"]]))
            self._events.append(event)
            self._index(event)
        self._listed.read((incoming.platform, delivery.agents) for incoming, delivery in self._batch)

    def _rows(self, kin: Kin, deliveries: Iterable[Delivery]) -> Sequence[RowMapping]:
        named: dict[str, Any] = {"uuids": [each.uuid for each in deliveries if each.uuid is not None]}
        named["wire_ids"] = [each.wire_id for each in deliveries if each.wire_id is not None]
        platform, model = kin
        return self._connection.execute(_NAMED, named | {"platform": platform, "model": model}).mappings().all()

    def _index(self, event: Event) -> None:
        if event.uuid is not None:
            self._by_uuid[event.kin, event.uuid] = event
        if event.wire_id is not None:
            self._by_wire_id[event.kin, event.wire_id] = event

    def _write(self) -> None:
        changed = [event for event in self._events if event.changes]
        new = [event for event in changed if event.id is None]
        relisted = [event for event in changed if event.relisted]
        stale = [event.id for event in relisted if event.id is not None]
        if new:
            made = self._connection.execute(_CREATE, [event.changes | {"failure": None} for event in new])
            numbers = {uid: number for number, uid in made}
            for event in new:
                event.id = numbers[event.uid]
        self._update([event for event in changed if event not in new])
        if stale:
            self._connection.execute(_UNLIST, {"ids": stale})
        lines = [{"event_id": each.id, "ident": ident} for each in relisted for ident in _idents(each)]
        if lines:
            self._connection.execute(insert(event_agents), lines)

    def _update(self, changed: Iterable[Event]) -> None:
        """Write changes in a statement for each set of columns."""
        by_columns: defaultdict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
        for event in changed:
            by_columns[tuple(sorted(event.changes))].append(event.changes | {"number": event.id})
        for columns, rows in by_columns.items():
            statement = update(events).where(events.c.id == bindparam("number"))
            self._connection.execute(statement.values({name: bindparam(name) for name in columns}), rows)


_KIN = events.c.platform == bindparam("platform"), events.c.model == bindparam("model")
_BY_NAME = union(
    # Two queries, each on its own index: with OR, SQLite would scan all events.
    select(events.c.id).where(*_KIN, events.c.uuid.in_(bindparam("uuids", expanding=True))),
    select(events.c.id).where(*_KIN, events.c.wire_id.in_(bindparam("wire_ids", expanding=True))),
)
_NAMED = (
    select(events)
    .where(events.c.id.in_(_BY_NAME))
    .order_by(events.c.id)  # two hosts lock the same events in the same order
    .with_for_update(key_share=True)
)
_LISTED = select(event_agents).where(event_agents.c.event_id.in_(bindparam("ids", expanding=True)))
_UNLIST = delete(event_agents).where(event_agents.c.event_id.in_(bindparam("ids", expanding=True)))
_CREATE = insert(events).returning(events.c.id, events.c.uid)


def is_known(connection: Connection, platform: str, delivery: Delivery) -> bool:
    """Whether the event of a webhook is known and not destroyed."""
    named: dict[str, Any] = {"platform": platform, "model": delivery.model}
    named["uuids"] = [delivery.uuid] if delivery.uuid is not None else []
    named["wire_ids"] = [delivery.wire_id] if delivery.wire_id is not None else []
    wanted = select(events.c.uuid).where(events.c.id.in_(_BY_NAME), events.c.facts.is_not(None))
    return any(None in {uuid, delivery.uuid} or uuid == delivery.uuid for uuid in connection.scalars(wanted, named))


def _kin(incoming: Incoming, delivery: Delivery) -> Kin:
    return incoming.platform, delivery.model


def _idents(event: Event) -> list[str]:
    return sorted(event.known.agents) if event.known else []


def _event(row: RowMapping, idents: frozenset[str]) -> Event:
    version = Version(EventKind(row["kind"]), row["state_at"], row["occurred_at"])
    state: EventState | None = read_facts(row["facts"])
    return Event(
        kin=(row["platform"], row["model"]),
        uid=row["uid"],
        wire_id=row["wire_id"],
        uuid=row["uuid"],
        known=Known(Emitter(row["emitter"]), version, state, idents),
        id=row["id"],
        organisation=row["organisation"],
        sent_under=read_all(row["tellers"]),
        never_known=row["never_known"],
    )


def _set_aside(verdict: Verdict, reason: Reason, delivery: Delivery, event: Event | None, entries: int = 0) -> Receipt:
    organisation = event.organisation if event else None
    aside = Aside(reason, delivery, event, organisation, entries)
    return Receipt(verdict, event.uid if event else None, asides=(aside,))


def _sent_under(
    incoming: Incoming, delivery: Delivery, event: Event, *, is_new: bool
) -> tuple[tuple[Authority, ...], bool]:
    """Return the authorities of an event after an accepted state, and whether it is only a tombstone."""
    by = incoming.authority
    if by is None:
        return event.sent_under, event.never_known
    is_tombstone = is_new and delivery.version.kind is EventKind.DESTROYED
    sent_under = event.sent_under if event.never_known == is_tombstone else ()
    if delivery.model is not Model.ABSENCE and not is_tombstone:
        return (), is_tombstone
    return sent_under if by in sent_under else (*sent_under, by), is_tombstone


def _as_marked(delivery: Delivery, *, marked: bool) -> Delivery:
    if isinstance(delivery.state, RdvState) and marked:
        return replace(delivery, state=replace(delivery.state, marked=True))
    return delivery


def _shows_the_same(known: EventState | None, incoming: EventState | None) -> bool:
    if isinstance(known, RdvState) and isinstance(incoming, RdvState) and known.marked != incoming.marked:
        return False
    return known == incoming


def _columns(incoming: Incoming, delivery: Delivery, now: datetime, *, ambiguous: bool) -> dict[str, Any]:
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
