"""2024 and 2026: keys in the order of their declaration; 2026 adds links, the zone and the time of creation."""

from typing import Any
from zoneinfo import ZoneInfo

from emitter.associations import AgentRole, AgentsRdv, Association, ReferentAssignation, UserProfile
from emitter.generations.times import PARIS, stamp, stamp_or_none
from emitter.model import Agent, Lieu, Motif, MotifCategory, Organisation, Participation, Rdv, Usager

Json = dict[str, Any]

CREATED_BY = {"Agent": "agent", "User": "user", "Prescripteur": "prescripteur", "FileAttente": "file_attente"}


def rdv_data(rdv: Rdv) -> Json:
    """`data` of a `Rdv` in 2024: every time is Paris time."""
    return _rdv_data(rdv, PARIS)


def rdv_data_2026(rdv: Rdv) -> Json:
    """`data` of a `Rdv` in 2026: the appointment's own times are told in its own zone."""
    return _rdv_data(rdv, ZoneInfo(rdv.time_zone)) | {
        "visio_url": rdv.visio_url,
        "url_for_agents": rdv.url_for_agents,
        "created_at": stamp(rdv.created_at),
        "time_zone": rdv.time_zone,
    }


def _rdv_data(rdv: Rdv, zone: ZoneInfo) -> Json:
    return {
        "id": rdv.id,
        "uuid": rdv.uuid,
        "status": rdv.status,
        "starts_at": stamp(rdv.starts_at, zone),
        "ends_at": stamp(rdv.ends_at, zone),
        "duration_in_min": rdv.duration_in_min,
        "address": rdv.address,
        "context": rdv.context,
        "cancelled_at": stamp_or_none(rdv.cancelled_at),
        "max_participants_count": rdv.max_participants_count,
        "users_count": rdv.users_count,
        "name": rdv.name,
        "collectif": rdv.motif.collectif,
        "created_by_type": rdv.created_by_type,
        "created_by_id": rdv.created_by_id,
        "created_by": CREATED_BY[rdv.created_by_type],
        "organisation": organisation_data(rdv.organisation),
        "motif": motif_data(rdv.motif),
        "users": [user_data(user) for user in rdv.users],
        "participations": [participation_data(participation) for participation in rdv.participations],
        "agents": [agent_data(agent) for agent in rdv.agents],
        "lieu": lieu_data(rdv.lieu) if rdv.lieu else None,
    }


def organisation_data(organisation: Organisation) -> Json:
    """An organisation."""
    return {
        "id": organisation.id,
        "name": organisation.name,
        "phone_number": organisation.phone_number,
        "email": organisation.email,
        "verticale": organisation.verticale,
    }


def motif_data(motif: Motif) -> Json:
    """A motif."""
    return {
        "id": motif.id,
        "name": motif.name,
        "location_type": motif.location_type,
        "deleted_at": stamp_or_none(motif.deleted_at),
        "bookable_publicly": motif.bookable_by == "everyone",
        "service_id": motif.service_id,
        "organisation_id": motif.organisation_id,
        "collectif": motif.collectif,
        "follow_up": motif.follow_up,
        "instruction_for_rdv": motif.instruction_for_rdv,
        "bookable_by": motif.bookable_by,
        "motif_category": _category_data(motif.category) if motif.category else None,
    }


def _category_data(category: MotifCategory) -> Json:
    return {"id": category.id, "name": category.name, "short_name": category.short_name}


def agent_data(agent: Agent) -> Json:
    """An agent."""
    return {
        "id": agent.id,
        "email": agent.email,
        "first_name": agent.first_name,
        "last_name": agent.last_name,
        "inclusion_connect_open_id_sub": agent.inclusion_connect_open_id_sub,
    }


def lieu_data(lieu: Lieu) -> Json:
    """A lieu."""
    return {
        "id": lieu.id,
        "name": lieu.name,
        "address": lieu.address,
        "phone_number": lieu.phone_number,
        "organisation_id": lieu.organisation_id,
        "single_use": lieu.single_use,
    }


def participation_data(participation: Participation) -> Json:
    """One usager's part."""
    return {
        "id": participation.id,
        "status": participation.status,
        "send_lifecycle_notifications": True,
        "send_reminder_notification": True,
        "created_by": CREATED_BY[participation.created_by_type],
        "created_by_type": participation.created_by_type,
        "created_by_id": participation.created_by_id,
        "created_by_agent_prescripteur": False,
        "user": user_data(participation.user),
    }


def user_data(user: Usager) -> Json:
    """An usager, whole."""
    return {
        "id": user.id,
        "first_name": user.first_name,
        "last_name": user.last_name,
        "birth_name": user.birth_name,
        "email": user.email,
        "address": user.address,
        "address_details": user.address_details,
        "phone_number": user.phone_number,
        "phone_number_formatted": user.phone_number_formatted,
        "birth_date": user.birth_date.isoformat(),
        "responsible_id": user.responsible_id,
        "caisse_affiliation": user.caisse_affiliation,
        "affiliation_number": user.affiliation_number,
        "family_situation": user.family_situation,
        "number_of_children": user.number_of_children,
        "notify_by_sms": user.notify_by_sms,
        "notify_by_email": user.notify_by_email,
        "invitation_created_at": None,
        "invitation_accepted_at": None,
        "created_at": stamp(user.created_at),
        "case_number": user.case_number,
        "logement": user.logement,
        "notes": user.notes,
        "responsible": None,
        "user_profiles": None,
    }


def association_data(association: Association) -> Json:
    """`data` of what only ties two things together."""
    match association:
        case AgentRole(id=identity, organisation=organisation, agent=agent, access_level=level):
            own = {"id": identity, "access_level": level}
            return own | {"organisation": organisation_data(organisation), "agent": agent_data(agent)}
        case UserProfile(user=user, organisation=organisation):
            return {"user": user_data(user), "organisation": organisation_data(organisation)}
        case ReferentAssignation(user=user, agent=agent):
            return {"user": user_data(user), "agent": agent_data(agent)}
        case AgentsRdv(id=identity, agent=agent, rdv=rdv):
            return {"id": identity, "agent": agent_data(agent), "rdv": rdv_data(rdv)}
