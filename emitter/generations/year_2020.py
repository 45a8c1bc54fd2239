"""2020: keys in alphabetical order after `id`; no end, no lieu, no word of collective RDVs.

Before the middle of the year there was no `uuid` either, `meta.model` was written in lower case, and an absence told
neither how it repeats nor its `ical` text.
"""

from typing import Any

from emitter.generations.ical import ical
from emitter.generations.times import stamp
from emitter.model import Agent, Lieu, Motif, Organisation, Rdv, Usager
from emitter.schedule import Absence, PlageOuverture

Json = dict[str, Any]


def rdv_before_uuid(rdv: Rdv) -> Json:
    """`data` of a `rdv` before the middle of 2020."""
    data = rdv_data(rdv)
    del data["uuid"]
    return data


def rdv_data(rdv: Rdv) -> Json:
    """`data` of a `Rdv`."""
    return {
        "id": rdv.id,
        "address": rdv.address,
        "agents": [agent_data(agent) for agent in rdv.agents],
        "duration_in_min": rdv.duration_in_min,
        "motif": motif_data(rdv.motif),
        "organisation": organisation_data(rdv.organisation),
        "starts_at": stamp(rdv.starts_at),
        "status": rdv.status,
        "users": [user_data(user) for user in rdv.users],
        "uuid": rdv.uuid,
    }


def agent_data(agent: Agent) -> Json:
    """An agent; the shape held until 2022."""
    return {
        "id": agent.id,
        "email": agent.email,
        "first_name": agent.first_name,
        "last_name": agent.last_name,
    }


def motif_data(motif: Motif) -> Json:
    """A motif."""
    return {"id": motif.id, "location_type": motif.location_type, "name": motif.name}


def organisation_data(organisation: Organisation) -> Json:
    """An organisation, still with its département."""
    return {"id": organisation.id, "departement": organisation.departement, "name": organisation.name}


def user_data(user: Usager) -> Json:
    """An usager."""
    return {
        "id": user.id,
        "address": user.address,
        "birth_date": user.birth_date.isoformat(),
        "email": user.email,
        "first_name": user.first_name,
        "last_name": user.last_name,
        "phone_number": user.phone_number,
        "responsible": None,
    }


def absence_data_without_rule(absence: Absence) -> Json:
    """`data` of an `absence` before the middle of 2020."""
    data = absence_data(absence)
    del data["ical"], data["rrule"]
    return data


def absence_data(absence: Absence) -> Json:
    """`data` of an `Absence`."""
    return {
        "id": absence.id,
        "agent": agent_data(absence.agent),
        "end_day": absence.end_day.isoformat(),
        "end_time": absence.end_time.isoformat(),
        "first_day": absence.first_day.isoformat(),
        "ical": ical(absence, with_place=True),
        "ical_uid": absence.ical_uid,
        "organisation": organisation_data(absence.organisation) if absence.organisation else None,
        "rrule": absence.recurrence.text if absence.recurrence else None,
        "start_time": absence.start_time.isoformat(),
        "title": absence.title,
    }


def plage_ouverture_data(plage: PlageOuverture) -> Json:
    """`data` of a `PlageOuverture`: unlike a RDV it told its lieu already."""
    return {
        "id": plage.id,
        "agent": agent_data(plage.agent),
        "end_time": plage.end_time.isoformat(),
        "first_day": plage.first_day.isoformat(),
        "ical": ical(plage, with_place=True),
        "ical_uid": plage.ical_uid,
        "lieu": lieu_data(plage.lieu) if plage.lieu else None,
        "motifs": [{"id": motif.id, "name": motif.name} for motif in plage.motifs],
        "organisation": organisation_data(plage.organisation),
        "rrule": plage.recurrence.text if plage.recurrence else None,
        "start_time": plage.start_time.isoformat(),
        "title": plage.title,
    }


def lieu_data(lieu: Lieu) -> Json:
    """The lieu of an opening."""
    return {"id": lieu.id, "address": lieu.address, "name": lieu.name}
