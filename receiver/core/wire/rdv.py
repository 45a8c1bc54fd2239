"""Payloads of appointments, in all shapes since 2020."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any

from pydantic import Field

from receiver.core.facts import AgentRef, Delivery, Emitter, EventKind, LocationType, Model, RdvState, Version
from receiver.core.policies import Policies
from receiver.core.wire.fields import (
    Count,
    Id,
    InvalidPayload,
    Moment,
    Text,
    Uuid,
    Wire,
    WireAgent,
    WireLieu,
    WireOrganisation,
    Zone,
    missing,
    validate,
)

CANCELLED_STATUSES = frozenset({"excused", "revoked"})
MOST_AGENTS = 100
"""The limit for one RDV: each agent is a row, and may be a mailbox to write into."""


class _Motif(Wire):
    name: Text
    location_type: str | None = None
    collectif: bool | None = None


class _Named(Wire):
    """The fields of every payload, of a destroyed RDV too."""

    id: Id
    uuid: Uuid | None = None
    rdv_solidarites_rdv_id: Id | None = None
    organisation: WireOrganisation | None = None


class _Rdv(_Named):
    status: str | None = None
    starts_at: Moment
    ends_at: Moment | None = None
    duration_in_min: Annotated[int, Field(ge=0, le=366 * 24 * 60)] | None = None
    motif: _Motif
    lieu: WireLieu | None = None
    agents: Annotated[list[WireAgent], Field(max_length=MOST_AGENTS)]
    collectif: bool | None = None
    users_count: Count | None = None
    max_participants_count: Count | None = None
    name: Text | None = None
    visio_url: Text | None = None
    url_for_agents: Text | None = None
    time_zone: Zone | None = None


def read(data: Mapping[str, Any], version: Version, purge: bool, emitter: Emitter, policies: Policies) -> Delivery:
    """Decode `data` of a RDV.

    Raises:
        InvalidPayload: with the paths of the invalid fields.

    """
    destroyed = version.kind is EventKind.DESTROYED
    rdv = validate(_Named if destroyed else _Rdv, data, "data")
    return Delivery(
        model=Model.RDV,
        wire_id=_platform_id(rdv, emitter),
        uuid=rdv.uuid,
        organisation=rdv.organisation.ident(emitter) if rdv.organisation else None,
        version=version,
        purge=purge,
        state=_state(rdv, emitter, policies) if isinstance(rdv, _Rdv) else None,
        agents=_agents(rdv.agents, emitter) if isinstance(rdv, _Rdv) else (),
    )


def _platform_id(rdv: _Named, emitter: Emitter) -> int | None:
    """Return RDV Service Public's id: rdv-insertion has ids of its own."""
    wire_id = rdv.id if emitter is Emitter.RDV_SERVICE_PUBLIC else rdv.rdv_solidarites_rdv_id
    if wire_id is None and rdv.uuid is None:
        raise InvalidPayload("data.uuid")
    return wire_id


def _agents(agents: list[WireAgent], emitter: Emitter) -> tuple[AgentRef, ...]:
    refs = {ref.ident: ref for ref in (agent.ref(emitter) for agent in agents)}
    return tuple(refs[ident] for ident in sorted(refs))


def _state(rdv: _Rdv, emitter: Emitter, policies: Policies) -> RdvState:
    location_type = _location_type(rdv.motif.location_type)
    received = rdv.lieu is not None and location_type is LocationType.PUBLIC_OFFICE
    return RdvState(
        starts_at=rdv.starts_at,
        ends_at=_end(rdv),
        motif=rdv.motif.name or missing("data.motif.name"),
        location_type=location_type,
        lieu=rdv.lieu.kept(emitter, policies) if rdv.lieu and received else None,
        time_zone=rdv.time_zone,
        cancelled=rdv.status in CANCELLED_STATUSES,
        collective=bool(rdv.collectif or rdv.motif.collectif),
        users_count=rdv.users_count,
        max_participants=rdv.max_participants_count,
        name=rdv.name or None if policies.collective_names else None,
        visio_url=rdv.visio_url or None if policies.visio_link else None,
        agent_url=rdv.url_for_agents or None,
        organisation=rdv.organisation.ident(emitter) if rdv.organisation else None,
        verticale=rdv.organisation.verticale if rdv.organisation else None,
        rdv=_platform_id(rdv, emitter),
    )


def _location_type(name: str | None) -> LocationType:
    try:
        return LocationType(name or "other")
    except ValueError:
        return LocationType.OTHER  # the emitter adds types without notice: show no place rather than refuse the RDV


def _end(rdv: _Rdv) -> datetime:
    if rdv.ends_at is None and rdv.duration_in_min is None:
        raise InvalidPayload("data.ends_at")
    end = rdv.ends_at or rdv.starts_at + timedelta(minutes=rdv.duration_in_min or 0)
    if end < rdv.starts_at:
        raise InvalidPayload("data.ends_at")
    return end
