"""What the platform knows. Personal fields are here on purpose: a receiver must be shown what it must not keep."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum


class Event(StrEnum):
    """What happened to an object."""

    CREATED = "created"
    UPDATED = "updated"
    DESTROYED = "destroyed"


class Status(StrEnum):
    """The state of a RDV; `WAITING` and `NOTEXCUSED` were in use in 2020 only."""

    UNKNOWN = "unknown"
    WAITING = "waiting"
    SEEN = "seen"
    NOSHOW = "noshow"
    EXCUSED = "excused"
    REVOKED = "revoked"
    NOTEXCUSED = "notexcused"


class LocationType(StrEnum):
    """How agent and usager meet."""

    PUBLIC_OFFICE = "public_office"
    PHONE = "phone"
    HOME = "home"
    VISIO = "visio"


@dataclass(frozen=True, slots=True)
class Organisation:
    """One office of a département: the owner of webhook endpoints and secrets."""

    id: int
    name: str
    phone_number: str | None = None
    email: str | None = None
    verticale: str = "rdv_solidarites"
    departement: str = "62"
    agents_host: str = "rdv.anct.gouv.fr"
    """Host of `url_for_agents`."""
    insertion_id: int | None = None
    """rdv-insertion's own id; `id` is always RDV Service Public's."""


@dataclass(frozen=True, slots=True)
class Agent:
    """Somebody who receives usagers; without e-mail: an intervenant, who has no mailbox."""

    id: int
    email: str | None
    first_name: str | None
    last_name: str | None
    inclusion_connect_open_id_sub: str | None = None
    insertion_id: int | None = None


@dataclass(frozen=True, slots=True)
class MotifCategory:
    """rdv-insertion's classification of motifs."""

    id: int
    short_name: str
    name: str


@dataclass(frozen=True, slots=True)
class Motif:
    """Why people meet, and how."""

    id: int
    name: str
    location_type: LocationType = LocationType.PUBLIC_OFFICE
    organisation_id: int = 12
    service_id: int = 3
    collectif: bool = False
    follow_up: bool = False
    bookable_by: str = "agents"
    instruction_for_rdv: str = ""
    deleted_at: datetime | None = None
    category: MotifCategory | None = None


@dataclass(frozen=True, slots=True)
class Lieu:
    """Where people meet; `single_use`: typed for one RDV, and maybe somebody's home."""

    id: int
    name: str
    address: str
    phone_number: str | None = None
    organisation_id: int = 12
    single_use: bool = False


@dataclass(frozen=True, slots=True)
class Usager:
    """The person received: everything that a receiver has no business with."""

    id: int
    first_name: str
    last_name: str
    email: str | None
    phone_number: str | None
    phone_number_formatted: str | None
    address: str | None
    birth_date: date
    created_at: datetime
    address_details: str | None = None
    birth_name: str | None = None
    responsible_id: int | None = None
    caisse_affiliation: str | None = None
    affiliation_number: str | None = None
    family_situation: str | None = None
    number_of_children: int | None = None
    notify_by_sms: bool = True
    notify_by_email: bool = True
    case_number: str | None = None
    logement: str | None = None
    notes: str | None = None
    uid: str | None = None
    role: str | None = None
    nir: str | None = None


@dataclass(frozen=True, slots=True)
class Participation:
    """One usager's part in a RDV, with a status of its own."""

    id: int
    user: Usager
    status: Status = Status.UNKNOWN
    created_by_type: str = "Agent"
    created_by_id: int = 31


@dataclass(frozen=True, slots=True)
class Rdv:
    """One appointment. Two emitters speak of the same one under the same `uuid`."""

    id: int
    uuid: str
    starts_at: datetime
    duration_in_min: int
    organisation: Organisation
    motif: Motif
    agents: tuple[Agent, ...]
    created_at: datetime
    lieu: Lieu | None = None
    users: tuple[Usager, ...] = ()
    participations: tuple[Participation, ...] = ()
    status: Status = Status.UNKNOWN
    cancelled_at: datetime | None = None
    context: str | None = None
    name: str | None = None
    """Free text: the title of a collective RDV."""
    users_count: int = 1
    max_participants_count: int | None = None
    created_by_type: str = "Agent"
    created_by_id: int = 31
    time_zone: str = "Europe/Paris"
    insertion_id: int | None = None

    @property
    def ends_at(self) -> datetime:
        """The end; the duration is what the platform keeps."""
        return self.starts_at + timedelta(minutes=self.duration_in_min)

    @property
    def address(self) -> str:
        """The field that must never be shown: for `home` it is the usager's own."""
        if self.motif.location_type is LocationType.HOME:
            return next((user.address for user in self.users if user.address), "")
        if self.motif.location_type is LocationType.PUBLIC_OFFICE and self.lieu:
            return self.lieu.address
        return ""

    @property
    def visio_url(self) -> str | None:
        """The room of a RDV held by video; whoever has the address may enter."""
        if self.motif.location_type is not LocationType.VISIO:
            return None
        return f"https://webconf.numerique.gouv.fr/RdvServicePublic{self.uuid.replace('-', '')}"

    @property
    def url_for_agents(self) -> str:
        """The page of the RDV."""
        return f"https://{self.organisation.agents_host}/agents/rdvs/{self.id}"


@dataclass(frozen=True, slots=True)
class Invitation:
    """rdv-insertion's call to take an appointment: no appointment itself."""

    id: int
    user: Usager
    created_at: datetime
    motif_category: MotifCategory
    format: str = "email"
    clicked: bool = False
    rdv_with_referents: bool = False
    delivery_status: str | None = None
