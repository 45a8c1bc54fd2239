"""rdv-insertion: its own ids, RDV Service Public's beside them; no end, no `collectif`, no name, no `single_use`."""

from typing import Any

from emitter.generations.times import iso, iso_or_none
from emitter.generations.year_2024 import CREATED_BY
from emitter.model import Agent, Invitation, Lieu, Motif, MotifCategory, Organisation, Participation, Rdv, Usager

Json = dict[str, Any]


def rdv_data(rdv: Rdv) -> Json:
    """`data` of a `Rdv`."""
    return {
        "id": own_id(rdv),
        "starts_at": iso(rdv.starts_at),
        "duration_in_min": rdv.duration_in_min,
        "cancelled_at": iso_or_none(rdv.cancelled_at),
        "address": rdv.address,
        "uuid": rdv.uuid,
        "created_by": CREATED_BY[rdv.created_by_type],
        "status": rdv.status,
        "users_count": rdv.users_count,
        "max_participants_count": rdv.max_participants_count,
        "rdv_solidarites_rdv_id": rdv.id,
        "agents": [agent_data(agent) for agent in rdv.agents],
        "lieu": lieu_data(rdv.lieu) if rdv.lieu else None,
        "motif": motif_data(rdv.motif),
        "users": [user_data(user) for user in rdv.users],
        "organisation": organisation_data(rdv.organisation),
        "participations": [participation_data(part, rdv) for part in rdv.participations],
    }


def own_id(thing: Rdv | Agent | Organisation) -> int:
    """rdv-insertion's id; where none was chosen, one that differs from RDV Service Public's."""
    return thing.insertion_id if thing.insertion_id is not None else thing.id + 700_000


def agent_data(agent: Agent) -> Json:
    """An agent."""
    return {
        "id": own_id(agent),
        "email": agent.email,
        "first_name": agent.first_name,
        "last_name": agent.last_name,
        "rdv_solidarites_agent_id": agent.id,
    }


def lieu_data(lieu: Lieu) -> Json:
    """A lieu; nothing tells one typed for a single RDV."""
    return {
        "rdv_solidarites_lieu_id": lieu.id,
        "name": lieu.name,
        "address": lieu.address,
        "phone_number": _without_spaces(lieu.phone_number),
    }


def motif_data(motif: Motif) -> Json:
    """A motif."""
    return {
        "rdv_solidarites_motif_id": motif.id,
        "name": motif.name,
        "collectif": motif.collectif,
        "location_type": motif.location_type,
        "follow_up": motif.follow_up,
        "motif_category": category_data(motif.category) if motif.category else None,
    }


def category_data(category: MotifCategory) -> Json:
    """A category of motifs."""
    return {"id": category.id, "short_name": category.short_name, "name": category.name}


def user_data(user: Usager) -> Json:
    """An usager, down to the social security number."""
    return {
        "id": user.id,
        "uid": user.uid,
        "affiliation_number": user.affiliation_number,
        "role": user.role,
        "first_name": user.first_name,
        "last_name": user.last_name,
        "address": user.address,
        "phone_number": user.phone_number_formatted,
        "email": user.email,
        "birth_date": user.birth_date.isoformat(),
        "nir": user.nir,
    }


def organisation_data(organisation: Organisation) -> Json:
    """An organisation."""
    return {
        "id": own_id(organisation),
        "name": organisation.name,
        "email": organisation.email,
        "phone_number": _without_spaces(organisation.phone_number),
        "department_number": organisation.departement,
        "rdv_solidarites_organisation_id": organisation.id,
    }


def participation_data(participation: Participation, rdv: Rdv) -> Json:
    """One usager's part."""
    return {
        "id": participation.id,
        "created_by": CREATED_BY[participation.created_by_type],
        "created_at": iso(rdv.created_at),
        "starts_at": iso(rdv.starts_at),
        "status": participation.status,
        "user": user_data(participation.user),
    }


def invitation_data(invitation: Invitation) -> Json:
    """`data` of an `Invitation`."""
    return {
        "id": invitation.id,
        "user": user_data(invitation.user),
        "format": invitation.format,
        "clicked": invitation.clicked,
        "rdv_with_referents": invitation.rdv_with_referents,
        "created_at": iso(invitation.created_at),
        "motif_category": category_data(invitation.motif_category),
        "delivery_status": invitation.delivery_status,
    }


def _without_spaces(number: str | None) -> str | None:
    return number.replace(" ", "") if number else number
