"""The queries of a re-sync: which events were sent since it began, and which coming events were not."""

from collections import Counter
from collections.abc import Collection, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, and_, distinct, exists, func, select
from sqlalchemy.sql.elements import ColumnElement

from receiver.core.facts import Model, RdvState
from receiver.store.database.engine import chunks
from receiver.store.database.records import read_facts
from receiver.store.database.tables import deliveries, events

AT_ONCE = 500
"""Rows that are held in memory."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Which events a re-sync is about."""

    source: str
    models: frozenset[Model]
    organisations: frozenset[int]
    """It does not filter absences: they name one of their agent's organisations, and are sent to all."""
    ends_after: datetime | None = None
    """Events that ended before are left out; None: none are."""


@dataclass(frozen=True, slots=True)
class HeldEvent:
    """An event as the platform knows it."""

    event_id: int
    uid: str
    model: Model
    wire_id: int
    uuid: str | None
    organisation: int | None
    motif: str | None
    """The motif of a RDV, which decides who may see it."""


def count_sent(connection: Connection, source: str, since: datetime) -> dict[Model, int]:
    """Return how many events of each kind a source sent since a moment."""
    rows = connection.execute(
        select(events.c.model, func.count(distinct(deliveries.c.event_id)))
        .join(events, events.c.id == deliveries.c.event_id)
        .where(deliveries.c.received_at >= since, deliveries.c.source == source)
        .group_by(events.c.model)
    )
    return {Model(model): count for model, count in rows}


def count_live(connection: Connection, scope: Scope) -> int:
    """Return how many events are in scope."""
    counted = _scoped(select(func.count()), scope)
    return sum(connection.execute(query).scalar_one() for query in counted)


def not_sent(connection: Connection, scope: Scope, since: datetime) -> list[HeldEvent]:
    """Return the events in scope that no source sent since a moment, by number."""
    old = and_(~_was_sent(since), events.c.wire_id.is_not(None))
    found = (each for query in _scoped(select(events), scope) for each in _held(connection, query.where(old)))
    return sorted(found, key=lambda event: event.event_id)


def witnesses(
    connection: Connection, source: str, kinds: Collection[tuple[int | None, str | None]], since: datetime, each: int
) -> list[HeldEvent]:
    """Return a source's RDVs that were sent since a moment, the newest first, up to `each` of an (organisation, motif).

    They certainly exist: an account that does not see them does not see all of their kind.
    """
    exist = and_(
        events.c.source == source,
        events.c.model == Model.RDV,
        events.c.facts.is_not(None),
        events.c.wire_id.is_not(None),
        _was_sent(since),
    )
    query = select(events).where(exist).order_by(events.c.id.desc())
    found: list[HeldEvent] = []
    for chunk in chunks(sorted({organisation for organisation, _ in kinds if organisation is not None})):
        among = set(chunk)
        theirs = {kind for kind in kinds if kind[0] in among}
        found += _first_of_each(_held(connection, query.where(events.c.organisation.in_(chunk))), theirs, each)
    return sorted(found, key=lambda event: event.event_id, reverse=True)


def _first_of_each(
    events_found: Generator[HeldEvent, None, None], kinds: Collection[tuple[int | None, str | None]], each: int
) -> list[HeldEvent]:
    found: list[HeldEvent] = []
    counted: Counter[tuple[int | None, str | None]] = Counter()
    with closing(events_found):
        for event in events_found:
            kind = event.organisation, event.motif
            if kind in kinds and counted[kind] < each:
                counted[kind] += 1
                found.append(event)
            if len(found) == each * len(kinds):
                break  # a few of perhaps a hundred thousand are enough
    return found


def _was_sent(since: datetime) -> ColumnElement[bool]:
    """Match events that any source sent: these exist."""
    return exists().where(deliveries.c.event_id == events.c.id, deliveries.c.received_at >= since)


def _scoped(query: Select[Any], scope: Scope) -> Iterator[Select[Any]]:
    """Yield queries that together return each event in scope once."""
    narrowed = query.where(events.c.source == scope.source, events.c.facts.is_not(None))
    if scope.ends_after is not None:
        narrowed = narrowed.where(events.c.ends_at > scope.ends_after)
    if Model.ABSENCE in scope.models:
        yield narrowed.where(events.c.model == Model.ABSENCE)
    with_organisation = events.c.model.in_(sorted(scope.models - {Model.ABSENCE}))
    for chunk in chunks(sorted(scope.organisations)):
        yield narrowed.where(with_organisation, events.c.organisation.in_(chunk))


def _held(connection: Connection, query: Select[Any]) -> Generator[HeldEvent, None, None]:
    with connection.execute(query, execution_options={"yield_per": AT_ONCE}) as result:
        for row in result.mappings():
            state = read_facts(row["facts"])
            yield HeldEvent(
                event_id=row["id"],
                uid=row["uid"],
                model=Model(row["model"]),
                wire_id=row["wire_id"],
                uuid=row["uuid"],
                organisation=row["organisation"],
                motif=state.motif if isinstance(state, RdvState) else None,
            )
