"""From a signed body to a `Delivery`, by allow-list: a field nobody asked for has no attribute to land in.

The wire's words and their history (generations since 2020) stay in this module.
"""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, NoReturn, TypeVar
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import PydanticCustomError

from receiver.core.facts import (
    AgentRef,
    Delivery,
    Emitter,
    EventKind,
    EventState,
    Lieu,
    LocationType,
    Model,
    Version,
)
from receiver.core.policies import Policies
from receiver.core.text import clean

CANCELLED_STATUSES = frozenset({"excused", "revoked"})
TEXT_LIMIT = 500
FIRST_YEAR, LAST_YEAR = 2000, 2100  # outside, a date is an accident; calendars would not take it either


class InvalidPayload(Exception):
    """The body is signed but is not what the contract says. Names fields, never their values."""

    def __init__(self, *paths: str) -> None:
        super().__init__(", ".join(paths))
        self.paths = paths


class Irrelevant(Exception):
    """The message concerns no calendar: another model, or an event that is not one of the three."""


# the wire's types

_WIRE_TIME = re.compile(
    r"(\d{4}-\d{2}-\d{2})[ T](\d{2}:\d{2}:\d{2})(?:(\.\d{1,6})\d*)? ?(Z|UTC|[+-]\d{2}:?\d{2})", re.ASCII
)


def parse_time(text: object) -> datetime:
    """Read either emitter's way of writing a moment, as UTC.

    ``2026-12-07 10:46:03 +0100``, ``2023-11-14T09:00:00.000+01:00`` and ``2020-06-04 10:00:00 UTC`` are all met.
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
    try:
        return str(ZoneInfo(name))
    except (ValueError, OSError, KeyError):  # ZoneInfoNotFoundError is a KeyError; odd names are the other two
        raise PydanticCustomError("time_zone", "unknown time zone") from None


def _address(text: str) -> str | None:
    return clean(text, 320).lower() or None


Text = Annotated[str, AfterValidator(lambda text: clean(text, TEXT_LIMIT))]
Id = Annotated[int, Field(ge=1, lt=2**63)]
Count = Annotated[int, Field(ge=0, lt=2**31)]
Moment = Annotated[datetime, BeforeValidator(parse_time)]
Uuid = Annotated[str, Field(pattern=r"^[0-9A-Fa-f-]{1,64}$"), AfterValidator(str.lower)]
Email = Annotated[str, Field(max_length=2000), AfterValidator(_address)]


class _Wire(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore", hide_input_in_errors=True, frozen=True)


class _Meta(_Wire):
    model: str
    event: str
    timestamp: Moment | None = None
    payload_computed_at: Moment | None = None
    event_occurred_at: Moment | None = None
    webhook_reason: str | None = None


class _Organisation(_Wire):
    id: Id
    rdv_solidarites_organisation_id: Id | None = None
    verticale: Text | None = None


class _Motif(_Wire):
    name: Text
    location_type: str | None = None
    collectif: bool | None = None


class _Lieu(_Wire):
    name: Text | None = None
    address: Text | None = None
    single_use: bool | None = None


class _Agent(_Wire):
    id: Id
    email: Email | None = None
    rdv_solidarites_agent_id: Id | None = None


class _Named(_Wire):
    """What every state of a RDV says, a destroyed one too."""

    id: Id
    uuid: Uuid | None = None
    rdv_solidarites_rdv_id: Id | None = None
    organisation: _Organisation | None = None


class _Rdv(_Named):
    status: str | None = None
    starts_at: Moment
    ends_at: Moment | None = None
    duration_in_min: Annotated[int, Field(ge=0, le=366 * 24 * 60)] | None = None
    motif: _Motif
    lieu: _Lieu | None = None
    agents: Annotated[list[_Agent], Field(max_length=1000)]
    collectif: bool | None = None
    users_count: Count | None = None
    max_participants_count: Count | None = None
    name: Text | None = None
    visio_url: Text | None = None
    url_for_agents: Text | None = None
    time_zone: Annotated[str, AfterValidator(_known_zone)] | None = None


# decoding


def decode(body: bytes, emitter: Emitter, policies: Policies) -> Delivery:
    """Decode a verified body.

    Args:
        body: the raw bytes that were signed.
        emitter: whose ids and shapes they are.
        policies: which optional free texts may be kept at all.

    Raises:
        InvalidPayload: with the paths of the fields that are wrong.
        Irrelevant: the message concerns no calendar.

    """
    document = _parse(body)
    meta = _validate(_Meta, _member(document, "meta"), "meta")
    model = _MODELS.get(meta.model)
    if model is None or meta.event not in {kind.value for kind in EventKind}:
        raise Irrelevant
    version = _version(meta)
    data = _member(document, "data")
    destroyed = version.kind is EventKind.DESTROYED
    rdv = _validate(_Named if destroyed else _Rdv, data, "data")
    return Delivery(
        model=model,
        wire_id=_platform_id(rdv, emitter),
        uuid=rdv.uuid,
        organisation=_organisation_id(rdv.organisation, emitter),
        version=version,
        purge=meta.webhook_reason == "rgpd",
        state=_state(rdv, emitter, policies) if isinstance(rdv, _Rdv) else None,
        agents=_agents(rdv.agents, emitter) if isinstance(rdv, _Rdv) else (),
    )


_MODELS = {"Rdv": Model.RDV, "rdv": Model.RDV}  # lower case before mid-2020


def _parse(body: bytes) -> Mapping[str, Any]:
    document = _load(body)
    if not isinstance(document, dict):
        raise InvalidPayload("$")
    return document


def _load(body: bytes) -> object:
    """Return the document; None where there is none: an error of the decoders quotes the body, so none gets out."""
    try:
        return json.loads(body.decode("utf-8"), object_pairs_hook=_unique_keys, parse_constant=_no_constant)
    except (ValueError, RecursionError):  # not UTF-8, not JSON, a number of 5,000 digits, or nested beyond reason
        return None


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Two readers of one signed body must not see two different messages in it."""
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError
    return members


def _no_constant(_name: str) -> NoReturn:
    raise ValueError  # NaN and Infinity are not JSON


def _member(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    member = document.get(name)
    if not isinstance(member, dict):
        raise InvalidPayload(name)
    return member


W = TypeVar("W", bound=_Wire)


def _validate(shape: type[W], value: Mapping[str, Any], at: str) -> W:
    try:
        return shape.model_validate(value)
    except ValidationError as error:
        paths = sorted({at + _path(problem["loc"]) for problem in error.errors()})
    raise InvalidPayload(*paths)  # out here: the other error holds the values, and would come along as the context


def _path(location: Sequence[int | str]) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in location)


def _version(meta: _Meta) -> Version:
    state_at = meta.payload_computed_at or meta.timestamp
    if state_at is None:
        raise InvalidPayload("meta.timestamp")
    return Version(EventKind(meta.event), state_at, meta.event_occurred_at)


def _platform_id(rdv: _Named, emitter: Emitter) -> int | None:
    """Return RDV Service Public's id: the two emitters number differently."""
    wire_id = rdv.id if emitter is Emitter.RDV_SERVICE_PUBLIC else rdv.rdv_solidarites_rdv_id
    if wire_id is None and rdv.uuid is None:
        raise InvalidPayload("data.uuid")
    return wire_id


def _organisation_id(organisation: _Organisation | None, emitter: Emitter) -> int | None:
    if organisation is None:
        return None
    if emitter is Emitter.RDV_SERVICE_PUBLIC:
        return organisation.id
    return organisation.rdv_solidarites_organisation_id


def _agents(agents: Sequence[_Agent], emitter: Emitter) -> tuple[AgentRef, ...]:
    refs = {_agent_ident(agent, emitter): agent.email for agent in agents}
    return tuple(AgentRef(ident, email) for ident, email in sorted(refs.items()))


def _agent_ident(agent: _Agent, emitter: Emitter) -> str:
    if emitter is Emitter.RDV_SERVICE_PUBLIC:
        return str(agent.id)
    known = agent.rdv_solidarites_agent_id
    return str(known) if known else f"insertion-{agent.id}"


def _state(rdv: _Rdv, emitter: Emitter, policies: Policies) -> EventState:
    location_type = _location_type(rdv.motif.location_type)
    return EventState(
        starts_at=rdv.starts_at,
        ends_at=_end(rdv),
        motif=rdv.motif.name or _missing("data.motif.name"),
        location_type=location_type,
        lieu=_lieu(rdv.lieu, policies) if location_type is LocationType.PUBLIC_OFFICE else None,
        time_zone=rdv.time_zone,
        cancelled=rdv.status in CANCELLED_STATUSES,
        collective=bool(rdv.collectif or rdv.motif.collectif),
        users_count=rdv.users_count,
        max_participants=rdv.max_participants_count,
        name=rdv.name or None if policies.collective_names else None,
        visio_url=rdv.visio_url or None if policies.visio_link else None,
        agent_url=rdv.url_for_agents or None,
        organisation=_organisation_id(rdv.organisation, emitter),
        verticale=rdv.organisation.verticale if rdv.organisation else None,
        rdv=_platform_id(rdv, emitter),
    )


def _missing(path: str) -> NoReturn:
    raise InvalidPayload(path)


def _location_type(name: str | None) -> LocationType:
    try:
        return LocationType(name or "other")
    except ValueError:
        return LocationType.OTHER  # the emitter adds types without warning: show no place rather than refuse the RDV


def _end(rdv: _Rdv) -> datetime:
    if rdv.ends_at is None and rdv.duration_in_min is None:
        raise InvalidPayload("data.ends_at")
    end = rdv.ends_at or rdv.starts_at + timedelta(minutes=rdv.duration_in_min or 0)
    if end < rdv.starts_at:
        raise InvalidPayload("data.ends_at")
    return end


def _lieu(lieu: _Lieu | None, policies: Policies) -> Lieu | None:
    if lieu is None:
        return None
    single_use = bool(lieu.single_use)
    if single_use and not policies.single_use_places:
        return Lieu("", "", single_use=True)
    return Lieu(lieu.name or "", lieu.address or "", single_use)
