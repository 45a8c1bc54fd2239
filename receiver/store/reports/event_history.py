"""The history of one event: its webhooks, its placements, its writes. Four queries."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Column, Connection, RowMapping, Select, func, select

from receiver.core.plan import Placement
from receiver.store.database.tables import deliveries, events, mailboxes, placements, writes
from receiver.store.work.placements import placement_of


class PlacementState(StrEnum):
    """The state of an event in a mailbox."""

    WRITTEN = "written"
    WAITING = "waiting"
    """To be written or removed; with a failure: it was tried and will be retried."""
    UNCONFIRMED = "unconfirmed"
    """A write had no answer, or the entry was not in its place: it will be looked up."""
    FAILED = "failed"
    """Refused, and not retried by itself."""
    DISMISSED = "dismissed"
    """It could not be written, and an operator gave it up until the event changes."""
    DECLINED = "declined"
    """The agent deleted it, and that is respected."""


@dataclass(frozen=True, slots=True)
class DeliverySight:
    """A webhook about the event."""

    received_at: datetime
    source: str
    kind: str
    verdict: str
    state_at: datetime


@dataclass(frozen=True, slots=True)
class PlacementSight:
    """The event in one mailbox."""

    address: str
    calendar: str
    state: PlacementState
    failure: str | None
    due_at: datetime | None


@dataclass(frozen=True, slots=True)
class WriteSight:
    """One write into a mailbox."""

    written_at: datetime
    address: str
    verb: str
    outcome: str


@dataclass(frozen=True, slots=True)
class EventHistory:
    """One event, without its content."""

    uid: str
    model: str
    platform: str
    source: str
    """The source of the facts."""
    state_at: datetime
    kind: str
    destroyed: bool
    unmapped: int
    """Agents without a mailbox."""
    failure: str | None
    deliveries: tuple[DeliverySight, ...]
    """The newest first."""
    placements: tuple[PlacementSight, ...]
    writes: tuple[WriteSight, ...]
    """The newest first."""


def history(connection: Connection, wire_id: int, limit: int) -> list[EventHistory]:
    """Return the events that an emitter knows by a number, with the newest `limit` webhooks and writes of each.

    There may be several: each platform and each model has its own numbers.
    """
    named = select(events).where(events.c.wire_id == wire_id).order_by(events.c.platform, events.c.model)
    rows = connection.execute(named).mappings().all()
    numbers = [row["id"] for row in rows]
    webhooks = _by_event(connection, _deliveries(numbers, limit))
    stands = _placements(connection, numbers)
    wrote = _by_event(connection, _writes(numbers, limit))
    return [
        EventHistory(
            **{name: row[name] for name in ("uid", "model", "platform", "source", "state_at", "kind", "unmapped")},
            destroyed=row["destroyed_at"] is not None,
            failure=row["failure"],
            deliveries=tuple(DeliverySight(*each) for each in webhooks[row["id"]]),
            placements=tuple(stands[row["id"]]),
            writes=tuple(WriteSight(*each) for each in wrote[row["id"]]),
        )
        for row in rows
    ]


def state_of(placement: Placement) -> PlacementState:
    """Return the state of a placement."""
    if placement.look_up_at is not None:
        return PlacementState.UNCONFIRMED
    if placement.declined:
        return PlacementState.DECLINED
    if placement.gave_up:
        return PlacementState.FAILED if placement.failure else PlacementState.DISMISSED
    return PlacementState.WRITTEN if placement.desired == placement.applied else PlacementState.WAITING


def _by_event(connection: Connection, query: Select[Any]) -> defaultdict[int, list[Sequence[Any]]]:
    """Group rows by their first column."""
    found: defaultdict[int, list[Sequence[Any]]] = defaultdict(list)
    for row in connection.execute(query):
        found[row[0]].append(row[1:])
    return found


def _deliveries(numbers: Sequence[int], limit: int) -> Select[Any]:
    table = deliveries.c
    columns = select(table.event_id, table.received_at, table.source, table.kind, table.verdict, table.state_at)
    return _newest(columns.where(table.event_id.in_(numbers)), table.event_id, limit, table.received_at, table.state_at)


def _writes(numbers: Sequence[int], limit: int) -> Select[Any]:
    wrote = select(writes.c.event_id, writes.c.written_at, mailboxes.c.address, writes.c.verb, writes.c.outcome)
    theirs = wrote.join(mailboxes, mailboxes.c.id == writes.c.mailbox_id).where(writes.c.event_id.in_(numbers))
    return _newest(theirs, writes.c.event_id, limit, writes.c.id)


def _newest(rows: Select[Any], event_id: Column[Any], limit: int, *order: Column[Any]) -> Select[Any]:
    """Keep the newest rows of each event, the newest first."""
    place = func.row_number().over(partition_by=event_id, order_by=[column.desc() for column in order])
    ranked = rows.add_columns(place.label("place")).subquery()
    shown = [column for column in ranked.c if column.name != "place"]
    return select(*shown).where(ranked.c.place <= limit).order_by(ranked.c.event_id, ranked.c.place)


def _placements(connection: Connection, numbers: Sequence[int]) -> defaultdict[int, list[PlacementSight]]:
    rows = connection.execute(
        select(placements, events.c.uid, mailboxes.c.address, mailboxes.c.calendar)
        .join(events, events.c.id == placements.c.event_id)
        .join(mailboxes, mailboxes.c.id == placements.c.mailbox_id)
        .where(placements.c.event_id.in_(numbers))
        .order_by(mailboxes.c.address, mailboxes.c.calendar)
    ).mappings()
    found: defaultdict[int, list[PlacementSight]] = defaultdict(list)
    for row in rows:
        found[row["event_id"]].append(_placement(row))
    return found


def _placement(row: RowMapping) -> PlacementSight:
    placement = placement_of(row)
    return PlacementSight(row["address"], row["calendar"], state_of(placement), placement.failure, placement.due_at)
