"""What is kept of an event, and which of two states of it is the newer one.

An `EventState` has no field for an usager: what is not named here cannot be stored, logged or shown.
"""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from receiver.core.recurrence import Rule


class Emitter(StrEnum):
    """Who sends: the two speak the same shape with other ids, headers and ages."""

    RDV_SERVICE_PUBLIC = "rdv_service_public"
    RDV_INSERTION = "rdv_insertion"


class Model(StrEnum):
    """Kinds of event that have a place in a calendar, in the emitter's words."""

    RDV = "Rdv"
    ABSENCE = "Absence"
    PLAGE_OUVERTURE = "PlageOuverture"


class EventKind(StrEnum):
    """What the emitter says happened."""

    CREATED = "created"
    UPDATED = "updated"
    DESTROYED = "destroyed"


class LocationType(StrEnum):
    """Where a RDV takes place, in the emitter's words. A type not known here shows no place."""

    PUBLIC_OFFICE = "public_office"
    PHONE = "phone"
    HOME = "home"
    VISIO = "visio"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class AgentRef:
    """An agent as a payload lists it."""

    ident: str
    """RDV Service Public's id; ``insertion-ID`` for an agent that only rdv-insertion knows."""
    email: str | None


@dataclass(frozen=True, slots=True)
class Lieu:
    """Where the usager is received. A place that may be a home has no name here unless its policy is on."""

    name: str
    address: str
    single_use: bool = False
    """It may be somebody's home: it was typed for one RDV, or nobody says that it was not."""
    unsaid: bool = False
    """Nobody says either: the place of a `single_use` that is caution."""

    @property
    def withheld(self) -> "Lieu":
        """What is left of it where its name may not be kept."""
        return replace(self, name="", address="")


@dataclass(frozen=True, slots=True)
class RdvState:
    """The facts of one appointment at one moment."""

    starts_at: datetime
    """UTC."""
    ends_at: datetime
    """UTC."""
    motif: str
    location_type: LocationType
    lieu: Lieu | None = None
    time_zone: str | None = None
    """IANA name the payload gave; None: the source's."""
    cancelled: bool = False
    collective: bool = False
    users_count: int | None = None
    max_participants: int | None = None
    name: str | None = None
    """Title of a collective RDV; kept only under the policy `collective_names`."""
    visio_url: str | None = None
    """Kept only under the policy `visio_link`."""
    agent_url: str | None = None
    """The emitter's own `url_for_agents`, whatever its host; rendering judges the host."""
    organisation: int | None = None
    verticale: str | None = None
    rdv: int | None = None
    """RDV Service Public's id, for building the link."""
    marked: bool = field(default=False, compare=False)
    """Cancelled among so many that it shows as such, whatever the policy, until somebody says that they may go."""


@dataclass(frozen=True, slots=True)
class AgendaState:
    """The facts of an absence or a plage d'ouverture: one agent's time by the clock on the wall."""

    model: Model
    first_start: datetime
    """Naive: local time of the day that the rule counts from."""
    first_end: datetime
    """Naive; not before `first_start`."""
    rule: Rule | None = None
    time_zone: str | None = None
    """IANA name the payload gave; None: the source's."""
    title: str | None = None
    """Free text; kept only of an absence, and only under the policy `absence_titles`."""
    motifs: tuple[str, ...] = ()
    lieu: Lieu | None = None
    agent: str | None = None
    """The agent's ident, for building the link."""
    organisation: int | None = None
    verticale: str | None = None
    cancelled: bool = False
    """The whole is; it shows nowhere."""


EventState = RdvState | AgendaState

FAR = datetime(9000, 1, 1, tzinfo=UTC)
"""Stands for the end of what has none."""
WIDEST_OFFSET = timedelta(hours=14)


def over_by(state: EventState) -> datetime:
    """Return a moment at which the event is certainly over, its last occurrence included. Aware."""
    if isinstance(state, RdvState):
        return state.ends_at
    if state.rule is None:
        return state.first_end.replace(tzinfo=UTC) + WIDEST_OFFSET
    if state.rule.last_day is None:
        return FAR  # a counted series is short, and rare enough not to be counted out
    length = state.first_end - state.first_start
    last_start = datetime.combine(min(state.rule.last_day, FAR.date()), state.first_start.time(), UTC)
    return max(last_start, state.first_start.replace(tzinfo=UTC)) + length + WIDEST_OFFSET


@dataclass(frozen=True, slots=True)
class Version:
    """How new a state is, as its emitter says."""

    kind: EventKind
    state_at: datetime
    """When the state was rendered."""
    occurred_at: datetime | None = None
    """When the change happened, where the emitter tells."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One decoded webhook that tells of an event."""

    model: Model
    wire_id: int | None
    uuid: str | None
    organisation: int | None
    version: Version
    purge: bool
    """The platform erases the object for data protection."""
    state: EventState | None
    """None when the event is destroyed."""
    agents: tuple[AgentRef, ...] = ()

    @property
    def ident(self) -> str:
        """The part of the event's key that names it: the uuid where there is one."""
        return self.uuid or str(self.wire_id)


@dataclass(frozen=True, slots=True)
class AgentNews:
    """One decoded webhook that tells of an agent: an e-mail, or none any more."""

    agent: AgentRef
    version: Version
    organisation: int | None = None


@dataclass(frozen=True, slots=True)
class RoleNews:
    """One decoded webhook that tells of an agent's place in an organisation."""

    wire_id: int
    agent: AgentRef
    organisation: int | None
    version: Version


News = Delivery | AgentNews | RoleNews


def model_of(news: News) -> str:
    """Return what a webhook tells of, in a word."""
    return news.model if isinstance(news, Delivery) else type(news).__name__


def event_uid(platform: str, delivery: Delivery) -> str:
    """Return the `RdvUid` that an event first seen in this delivery gets for its whole life. ASCII."""
    return f"{delivery.model}/{delivery.ident}@{platform}"


@dataclass(frozen=True, slots=True)
class Known:
    """What the store holds of an event when another state of it arrives."""

    emitter: Emitter
    version: Version
    state: EventState | None = field(repr=False)
    agents: frozenset[str]


class Ruling(StrEnum):
    """What to do with a state that arrived."""

    APPLY = "apply"
    APPLY_AMBIGUOUS = "apply_ambiguous"
    SUPERSEDED = "superseded"


FUTURE_TOLERANCE = timedelta(minutes=2)

MAX_AGE = {
    # A little more than each emitter goes on retrying: 7.5 days with jitter, and about 20.
    Emitter.RDV_SERVICE_PUBLIC: timedelta(days=10),
    Emitter.RDV_INSERTION: timedelta(days=25),
}

_PRIORITY = {Emitter.RDV_SERVICE_PUBLIC: 1, Emitter.RDV_INSERTION: 0}
_KIND_RANK = {EventKind.CREATED: 0, EventKind.UPDATED: 1, EventKind.DESTROYED: 2}


def judge_state(known: Known | None, emitter: Emitter, incoming: Delivery) -> Ruling:
    """Judge a state against the newest one known. Pure."""
    newer = known is None or _supersedes(known, emitter, incoming)
    if not newer:
        return Ruling.SUPERSEDED
    if known is not None and _is_tie(known, emitter, incoming) and not shows_the_same(known, incoming):
        return Ruling.APPLY_AMBIGUOUS
    return Ruling.APPLY


def has_credible_age(version: Version, emitter: Emitter, now: datetime) -> bool:
    """Whether a state may be as old, or as new, as it says. One that may not is neither believed nor acknowledged."""
    return now - MAX_AGE[emitter] <= version.state_at <= now + FUTURE_TOLERANCE


def _supersedes(known: Known, emitter: Emitter, incoming: Delivery) -> bool:
    if known.emitter is not emitter:
        return _PRIORITY[emitter] > _PRIORITY[known.emitter]
    if known.version.kind is EventKind.DESTROYED:
        return False
    if incoming.version.kind is EventKind.DESTROYED:
        return True
    return _order(known.version, incoming.version) >= 0


def _order(known: Version, incoming: Version) -> int:
    """Positive where `incoming` is the newer, negative where `known` is, 0 where only arrival can tell."""
    if known.state_at != incoming.state_at:
        return 1 if incoming.state_at > known.state_at else -1
    if known.occurred_at and incoming.occurred_at and known.occurred_at != incoming.occurred_at:
        return 1 if incoming.occurred_at > known.occurred_at else -1
    return _KIND_RANK[incoming.kind] - _KIND_RANK[known.kind]


def _is_tie(known: Known, emitter: Emitter, incoming: Delivery) -> bool:
    return known.emitter is emitter and _order(known.version, incoming.version) == 0


def shows_the_same(known: Known, incoming: Delivery) -> bool:
    """Whether a state shows what is known already."""
    return known.state == incoming.state and known.agents == frozenset(agent.ident for agent in incoming.agents)
