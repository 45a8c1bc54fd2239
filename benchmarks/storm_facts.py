"""The storm's appointments: the initial webhooks, and the changes. The same in every run."""

import hashlib
import random
import secrets
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from receiver.core.facts import AgentRef, Delivery, Emitter, EventKind, Lieu, LocationType, Model, RdvState, Version
from receiver.store import Incoming

SOURCE, PLATFORM = "mds", "production"  # as `demo.configuration` names them
CREATED_SHARE, DELETED_SHARE = 0.3, 0.2


@dataclass(frozen=True, slots=True)
class Size:
    """How large the storm is; every mailbox sees the same number of changes of each kind."""

    mailboxes: int
    changes: int
    """In each mailbox."""

    @property
    def created(self) -> int:
        """How many of a mailbox's changes are new appointments."""
        return round(self.changes * CREATED_SHARE)

    @property
    def deleted(self) -> int:
        """How many are appointments that are destroyed."""
        return round(self.changes * DELETED_SHARE)

    @property
    def updated(self) -> int:
        """How many are appointments that move."""
        return self.changes - self.created - self.deleted

    @property
    def before(self) -> int:
        """How many appointments a mailbox holds when the storm begins."""
        return self.updated + self.deleted

    @property
    def total(self) -> int:
        """Changes in all."""
        return self.mailboxes * self.changes


def address(mailbox: int) -> str:
    """Return the address of one agent's mailbox."""
    return f"agent.{mailbox:04}@departement.example"


def first_states(size: Size, now: datetime) -> list[Incoming]:
    """Return the appointments that are in the calendars before the storm."""
    numbers = [(mailbox, number) for mailbox in range(size.mailboxes) for number in range(size.before)]
    return _shuffled(_incoming(mailbox, number, EventKind.CREATED, now, 120) for mailbox, number in numbers)


def storm(size: Size, now: datetime) -> list[Incoming]:
    """Return the changes of all mailboxes, mixed as they would arrive."""
    return _shuffled(change for mailbox in range(size.mailboxes) for change in _changes(mailbox, size, now))


def _changes(mailbox: int, size: Size, now: datetime) -> Iterator[Incoming]:
    for number in range(size.updated):
        yield _incoming(mailbox, number, EventKind.UPDATED, now, 60)
    for number in range(size.updated, size.before):
        yield _incoming(mailbox, number, EventKind.DESTROYED, now, 60)
    for number in range(size.before, size.before + size.created):
        yield _incoming(mailbox, number, EventKind.CREATED, now, 60)


def _shuffled(news: Iterator[Incoming]) -> list[Incoming]:
    mixed = list(news)
    random.Random(20_000).shuffle(mixed)
    return mixed


def _incoming(mailbox: int, number: int, kind: EventKind, now: datetime, age_s: int) -> Incoming:
    delivery = secrets.token_hex(16)
    digest = hashlib.sha256(delivery.encode()).digest()[:16]
    news = _delivery(mailbox, number, kind, now - timedelta(seconds=age_s))
    return Incoming(delivery, SOURCE, PLATFORM, Emitter.RDV_SERVICE_PUBLIC, digest, news, now)


def _delivery(mailbox: int, number: int, kind: EventKind, state_at: datetime) -> Delivery:
    wire_id = 1 + mailbox * 1000 + number
    destroyed = kind is EventKind.DESTROYED
    return Delivery(
        model=Model.RDV,
        wire_id=wire_id,
        uuid=str(uuid.UUID(int=wire_id)),
        organisation=12,
        version=Version(kind, state_at),
        purge=False,
        state=None if destroyed else _state(wire_id, number, kind),
        agents=() if destroyed else (AgentRef(str(mailbox), address(mailbox)),),
    )


def _state(wire_id: int, number: int, kind: EventKind) -> RdvState:
    tomorrow = datetime.now(UTC).replace(hour=8, minute=0, second=0, microsecond=0) + timedelta(days=1)
    moved = timedelta(minutes=15 if kind is EventKind.UPDATED else 0)
    start = tomorrow + timedelta(days=number // 12, minutes=45 * (number % 12)) + moved
    return RdvState(
        starts_at=start,
        ends_at=start + timedelta(minutes=30),
        motif="Consultation PMI",
        location_type=LocationType.PUBLIC_OFFICE,
        lieu=Lieu("Maison du Département Solidarité", "37 rue du Temple, Arras, 62000"),
        organisation=12,
        verticale="rdv_solidarites",
        rdv=wire_id,
    )
