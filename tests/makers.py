"""Small values for tests: what is not said is ordinary."""

import hashlib
import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from receiver.core.facts import (
    AgendaState,
    AgentNews,
    AgentRef,
    Delivery,
    Emitter,
    EventKind,
    Lieu,
    LocationType,
    Model,
    News,
    RdvState,
    RoleNews,
    Version,
)
from receiver.store import Incoming

NOW = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
UUID = "0b5e6a3e-6f0e-4c57-9d0b-6a6c1b6f2b11"
MARTINE = AgentRef("31", "martine.agent@departement.example")
KARIM = AgentRef("32", "karim.agent@departement.example")

_numbers = itertools.count(1)


def a_state(**changes: object) -> RdvState:
    """A consultation next week."""
    ordinary = RdvState(
        starts_at=NOW + timedelta(days=6),
        ends_at=NOW + timedelta(days=6, minutes=45),
        motif="Consultation PMI",
        location_type=LocationType.PUBLIC_OFFICE,
        lieu=Lieu("Maison du Département Solidarité", "37 rue du Temple, Arras, 62000"),
        organisation=12,
        verticale="rdv_solidarites",
        rdv=4330,
    )
    return replace(ordinary, **changes)  # type: ignore[arg-type]


def a_delivery(
    age_s: float = 60,
    kind: EventKind = EventKind.UPDATED,
    agents: tuple[AgentRef, ...] = (MARTINE, KARIM),
    *,
    now: datetime = NOW,
    wire_id: int | None = 4330,
    uuid: str | None = UUID,
    purge: bool = False,
    **state: object,
) -> Delivery:
    """A state of the consultation, rendered `age_s` seconds before `now`."""
    destroyed = kind is EventKind.DESTROYED
    return Delivery(
        model=Model.RDV,
        wire_id=wire_id,
        uuid=uuid,
        organisation=12,
        version=Version(kind, now - timedelta(seconds=age_s)),
        purge=purge,
        state=None if destroyed else a_state(**state),
        agents=() if destroyed else agents,
    )


def wall(text: str) -> datetime:
    """A time on somebody's clock: ``2026-12-21 08:00``, in no zone."""
    return datetime.fromisoformat(text)


def an_absence(**changes: object) -> AgendaState:
    """Four days away, in three weeks."""
    ordinary = AgendaState(
        model=Model.ABSENCE,
        first_start=wall("2026-12-21 08:00"),
        first_end=wall("2026-12-24 18:00"),
        agent=MARTINE.ident,
        organisation=12,
        verticale="rdv_solidarites",
    )
    return replace(ordinary, **changes)  # type: ignore[arg-type]


def a_plage(**changes: object) -> AgendaState:
    """A morning, next Monday."""
    ordinary = AgendaState(
        model=Model.PLAGE_OUVERTURE,
        first_start=wall("2026-12-07 09:00"),
        first_end=wall("2026-12-07 12:00"),
        motifs=("Consultation PMI", "Vaccination"),
        lieu=Lieu("Maison du Département Solidarité", "37 rue du Temple, Arras, 62000"),
        agent=MARTINE.ident,
        organisation=12,
        verticale="rdv_solidarites",
    )
    return replace(ordinary, **changes)  # type: ignore[arg-type]


def a_slot(
    state: AgendaState,
    age_s: float = 60,
    kind: EventKind = EventKind.UPDATED,
    agent: AgentRef = MARTINE,
    *,
    now: datetime = NOW,
    wire_id: int = 88,
    purge: bool = False,
) -> Delivery:
    """A state of an absence or a plage, rendered `age_s` seconds before `now`."""
    destroyed = kind is EventKind.DESTROYED
    return Delivery(
        model=state.model,
        wire_id=wire_id,
        uuid=None,
        organisation=12,
        version=Version(kind, now - timedelta(seconds=age_s)),
        purge=purge,
        state=None if destroyed else state,
        agents=() if destroyed else (agent,),
    )


def an_agent(
    agent: AgentRef, age_s: float = 60, kind: EventKind = EventKind.UPDATED, *, now: datetime = NOW
) -> AgentNews:
    """What the platform tells of an agent."""
    return AgentNews(agent, Version(kind, now - timedelta(seconds=age_s)))


def a_role(
    wire_id: int,
    kind: EventKind = EventKind.CREATED,
    age_s: float = 60,
    agent: AgentRef = MARTINE,
    *,
    now: datetime = NOW,
) -> RoleNews:
    """What the platform tells of an agent's place in an organisation."""
    return RoleNews(wire_id, agent, 12, Version(kind, now - timedelta(seconds=age_s)))


def incoming(
    news: News,
    *,
    source: str = "mds",
    emitter: Emitter = Emitter.RDV_SERVICE_PUBLIC,
    platform: str = "production",
    body: bytes | None = None,
    received_at: datetime = NOW,
) -> Incoming:
    """The delivery on its way in; a body of its own unless one is given."""
    number = next(_numbers)
    digest = hashlib.sha256(body if body is not None else str(number).encode()).digest()[:16]
    return Incoming(f"{number:032x}", source, platform, emitter, digest, news, received_at)
