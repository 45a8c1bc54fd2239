"""The types of values in payloads. Fields that are not declared are dropped."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import Annotated, Any, NoReturn, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import PydanticCustomError

from receiver.core import zones
from receiver.core.addresses import LIMIT, kept_spelling
from receiver.core.facts import AgentRef, Emitter, Lieu
from receiver.core.policies import Policies
from receiver.core.text import clean

TEXT_LIMIT = 500
EMAIL_LIMIT = LIMIT
FIRST_YEAR, LAST_YEAR = 2000, 2100  # a date outside is a mistake, which calendars would not accept either


class InvalidPayload(Exception):
    """The body is signed but does not follow the contract. `paths` names fields, never their values."""

    def __init__(self, *paths: str) -> None:
        super().__init__(", ".join(paths))
        self.paths = paths


class Irrelevant(Exception):
    """The payload concerns no calendar: another model, or an unknown `meta.event`."""


_WIRE_TIME = re.compile(
    r"(\d{4}-\d{2}-\d{2})[ T](\d{2}:\d{2}:\d{2})(?:(\.\d{1,6})\d*)? ?(Z|UTC|[+-]\d{2}:?\d{2})", re.ASCII
)


def parse_time(text: object) -> datetime:
    """Parse a time as either emitter writes it; return it in UTC.

    The forms are ``2026-12-07 10:46:03 +0100``, ``2023-11-14T09:00:00.000+01:00`` and ``2020-06-04 10:00:00 UTC``.
    """
    match = _WIRE_TIME.fullmatch(text) if isinstance(text, str) and len(text) < 64 else None
    if match is None:
        raise PydanticCustomError("time", "not a time with its offset")
    day, clock, fraction, offset = match.groups()
    offset = "+00:00" if offset in {"Z", "UTC"} else offset
    try:
        moment = datetime.fromisoformat(f"{day}T{clock}{(fraction or '.0').ljust(7, '0')}{offset}").astimezone(UTC)
    except (ValueError, OverflowError):
        raise PydanticCustomError("time", "no such time") from None
    if not FIRST_YEAR <= moment.year < LAST_YEAR:
        raise PydanticCustomError("time", "out of range")
    return moment


def _known_zone(name: str) -> str:
    if name not in zones.names():
        raise PydanticCustomError("time_zone", "unknown time zone")
    return name


def _parse_day(text: object) -> date:
    if not isinstance(text, str) or re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII) is None:
        raise PydanticCustomError("day", "not a day")
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise PydanticCustomError("day", "no such day") from None
    if not FIRST_YEAR <= day.year < LAST_YEAR:
        raise PydanticCustomError("day", "out of range")
    return day


def _parse_clock(text: object) -> time:
    if not isinstance(text, str) or re.fullmatch(r"\d{2}:\d{2}(:\d{2})?", text, re.ASCII) is None:
        raise PydanticCustomError("clock", "not a time of day")
    try:
        return time.fromisoformat(text)
    except ValueError:
        raise PydanticCustomError("clock", "no such time of day") from None


Text = Annotated[str, AfterValidator(lambda text: clean(text, TEXT_LIMIT))]
Id = Annotated[int, Field(ge=1, lt=2**63)]
Count = Annotated[int, Field(ge=0, lt=2**31)]
Moment = Annotated[datetime, BeforeValidator(parse_time)]
Uuid = Annotated[str, Field(pattern=r"^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$"), AfterValidator(str.lower)]
Email = Annotated[str, AfterValidator(kept_spelling)]
"""Any text: an invalid one maps to no mailbox, and must not make the whole webhook invalid."""
Day = Annotated[date, BeforeValidator(_parse_day)]
Clock = Annotated[time, BeforeValidator(_parse_clock)]
Zone = Annotated[str, AfterValidator(_known_zone)]


class Wire(BaseModel):
    """A part of a payload. Fields that are not declared are dropped."""

    model_config = ConfigDict(strict=True, extra="ignore", hide_input_in_errors=True, frozen=True)


class WireOrganisation(Wire):
    """A team."""

    id: Id
    rdv_solidarites_organisation_id: Id | None = None
    verticale: Text | None = None

    def ident(self, emitter: Emitter) -> int | None:
        """Return RDV Service Public's id: rdv-insertion has ids of its own."""
        return self.id if emitter is Emitter.RDV_SERVICE_PUBLIC else self.rdv_solidarites_organisation_id


class WireLieu(Wire):
    """A place."""

    name: Text | None = None
    address: Text | None = None
    single_use: bool | None = None

    def kept(self, emitter: Emitter, policies: Policies) -> Lieu:
        """Return what may be kept of it: a place typed for one RDV may be somebody's home.

        RDV Service Public has always marked such places, so an absent `single_use` means no. rdv-insertion forwards
        them without the mark, so there it is `unsaid`.
        """
        unsaid = self.single_use is None and emitter is Emitter.RDV_INSERTION
        lieu = Lieu(self.name or "", self.address or "", bool(self.single_use) or unsaid, unsaid)
        return lieu.withheld if lieu.single_use and not policies.single_use_places else lieu


class WireAgent(Wire):
    """An agent's ids and e-mail; nothing else of an agent is read."""

    id: Id
    email: Email | None = None
    rdv_solidarites_agent_id: Id | None = None

    def ref(self, emitter: Emitter) -> AgentRef:
        """Return the agent under RDV Service Public's id, if there is one."""
        if emitter is Emitter.RDV_SERVICE_PUBLIC:
            return AgentRef(str(self.id), self.email)
        known = self.rdv_solidarites_agent_id
        return AgentRef(str(known) if known else f"insertion-{self.id}", self.email)


W = TypeVar("W", bound=Wire)


def validate(shape: type[W], value: Mapping[str, Any], at: str) -> W:
    """Decode a part of a payload; `at` is its path.

    Raises:
        InvalidPayload: with the paths of the invalid fields.

    """
    try:
        return shape.model_validate(value)
    except ValidationError as error:
        paths = sorted({at + _path(problem["loc"]) for problem in error.errors()})
    raise InvalidPayload(*paths)  # outside the handler: pydantic's error holds the values, and would be the context


def _path(location: Sequence[int | str]) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in location)


def missing(path: str) -> NoReturn:
    """Refuse a payload that lacks a field."""
    raise InvalidPayload(path)
