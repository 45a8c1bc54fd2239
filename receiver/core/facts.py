"""The facts that are kept of an event, and which of two states of an event is newer.

An `EventState` has no field for an usager: what has no field here cannot be stored, logged or shown.
"""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from receiver.core.recurrence import Rule


class Emitter(StrEnum):
    """Who sends. Both use the same payload shape, with different ids, headers and ages."""

    RDV_SERVICE_PUBLIC = "rdv_service_public"
    RDV_INSERTION = "rdv_insertion"


class Model(StrEnum):
    """Kinds of event that have a place in a calendar, in the emitter's words."""

    RDV = "Rdv"
    ABSENCE = "Absence"
    PLAGE_OUVERTURE = "PlageOuverture"


class EventKind(StrEnum):
    """The emitter's `meta.event`."""

    CREATED = "created"
    UPDATED = "updated"
    DESTROYED = "destroyed"


class LocationType(StrEnum):
    """Where a RDV takes place, in the emitter's words. An unknown type becomes `OTHER` and shows no place."""

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
    """Where the usager is received. Name and address of a possible home are empty unless the policy allows them."""

    name: str
    address: str
    single_use: bool = False
    """It may be somebody's home: it was typed for one RDV, or the payload does not say (`unsaid`)."""
    unsaid: bool = False
    """The payload does not say whether it is of single use; it is treated as if it were."""

    @property
    def withheld(self) -> "Lieu":
        """The lieu without name and address."""
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
    """The emitter's `url_for_agents`; rendering checks its host."""
    organisation: int | None = None
    verticale: str | None = None
    rdv: int | None = None
    """RDV Service Public's id, for building the link."""
    marked: bool = field(default=False, compare=False)
    """Cancelled beyond the removal limit: shown as ANNULÉ, whatever the policy, until an operator releases it."""


@dataclass(frozen=True, slots=True)
class AgendaState:
    """The facts of an absence or a plage d'ouverture: one agent's time, in local time."""

    model: Model
    first_start: datetime
    """Naive local time; the rule counts from its day."""
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
    """The whole event is cancelled; it has no entry."""


EventState = RdvState | AgendaState

FAR = datetime(9000, 1, 1, tzinfo=UTC)
"""The end of a series without end."""
WIDEST_OFFSET = timedelta(hours=14)


def over_by(state: EventState) -> datetime:
    """Return an aware moment at which the event, its last occurrence included, is certainly over."""
    if isinstance(state, RdvState):
        return state.ends_at
    if state.rule is None:
        return state.first_end.replace(tzinfo=UTC) + WIDEST_OFFSET
    if state.rule.last_day is None:
        return FAR  # also for a series with COUNT: these are rare, and their end is not worth computing
    length = state.first_end - state.first_start
    last_start = datetime.combine(min(state.rule.last_day, FAR.date()), state.first_start.time(), UTC)
    return max(last_start, state.first_start.replace(tzinfo=UTC)) + length + WIDEST_OFFSET


@dataclass(frozen=True, slots=True)
class Version:
    """How new a state is, according to its emitter."""

    kind: EventKind
    state_at: datetime
    """When the state was rendered."""
    occurred_at: datetime | None = None
    """When the change happened, where the payload says so."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One decoded webhook about an event."""

    model: Model
    wire_id: int | None
    uuid: str | None
    organisation: int | None
    version: Version
    purge: bool
    """The platform erases the object for data protection."""
    state: EventState | None
    """None: the event is destroyed."""
    agents: tuple[AgentRef, ...] = ()

    @property
    def ident(self) -> str:
        """The part of the event's key that names it: the uuid where there is one."""
        return self.uuid or str(self.wire_id)


@dataclass(frozen=True, slots=True)
class AgentNews:
    """One decoded webhook about an agent: the current e-mail, or that the agent left."""

    agent: AgentRef
    version: Version
    organisation: int | None = None


@dataclass(frozen=True, slots=True)
class RoleNews:
    """One decoded webhook about an agent's role in an organisation."""

    wire_id: int
    agent: AgentRef
    organisation: int | None
    version: Version


News = Delivery | AgentNews | RoleNews


def model_of(news: News) -> str:
    """Return the name of what a webhook is about."""
    return news.model if isinstance(news, Delivery) else type(news).__name__


def event_uid(platform: str, delivery: Delivery) -> str:
    """Return the `RdvUid` of an event that is new with this delivery. It never changes; ASCII."""
    return f"{delivery.model}/{delivery.ident}@{platform}"


@dataclass(frozen=True, slots=True)
class Known:
    """What the store knows of an event when a webhook about it arrives."""

    emitter: Emitter
    version: Version
    state: EventState | None = field(repr=False)
    agents: frozenset[str]


class StateVerdict(StrEnum):
    """The result of comparing an incoming state with the known one."""

    APPLY = "apply"
    APPLY_AMBIGUOUS = "apply_ambiguous"
    SUPERSEDED = "superseded"


FUTURE_TOLERANCE = timedelta(minutes=2)

MAX_AGE = {
    # A little longer than each emitter retries: 7.5 days with jitter, and about 20 days.
    Emitter.RDV_SERVICE_PUBLIC: timedelta(days=10),
    Emitter.RDV_INSERTION: timedelta(days=25),
}

_PRIORITY = {Emitter.RDV_SERVICE_PUBLIC: 1, Emitter.RDV_INSERTION: 0}
_KIND_RANK = {EventKind.CREATED: 0, EventKind.UPDATED: 1, EventKind.DESTROYED: 2}


def judge_state(known: Known | None, emitter: Emitter, incoming: Delivery) -> StateVerdict:
    """Judge an incoming state against the newest known one; None: the event is unknown."""
    if known is None:
        return StateVerdict.APPLY
    if not _replaces(known, emitter, incoming):
        return StateVerdict.SUPERSEDED
    is_tie = known.emitter is emitter and _order(known.version, incoming.version) == 0
    return StateVerdict.APPLY_AMBIGUOUS if is_tie and not shows_the_same(known, incoming) else StateVerdict.APPLY


def has_credible_age(version: Version, emitter: Emitter, now: datetime) -> bool:
    """Whether a state's age is plausible: not older than the emitter's retries, and not from the future."""
    return now - MAX_AGE[emitter] <= version.state_at <= now + FUTURE_TOLERANCE


def _replaces(known: Known, emitter: Emitter, incoming: Delivery) -> bool:
    if known.emitter is not emitter:
        return _PRIORITY[emitter] > _PRIORITY[known.emitter]
    if known.version.kind is EventKind.DESTROYED:
        return False
    if incoming.version.kind is EventKind.DESTROYED:
        return True
    return _order(known.version, incoming.version) >= 0


def _order(known: Version, incoming: Version) -> int:
    """Return a positive number if `incoming` is newer, a negative one if `known` is, 0 if only arrival can decide."""
    if known.state_at != incoming.state_at:
        return 1 if incoming.state_at > known.state_at else -1
    if known.occurred_at and incoming.occurred_at and known.occurred_at != incoming.occurred_at:
        return 1 if incoming.occurred_at > known.occurred_at else -1
    return _KIND_RANK[incoming.kind] - _KIND_RANK[known.kind]


def shows_the_same(known: Known, incoming: Delivery) -> bool:
    """Whether an incoming state has the same facts and agents as the known one."""
    return known.state == incoming.state and known.agents == frozenset(agent.ident for agent in incoming.agents)
