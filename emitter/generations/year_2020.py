"""2020: keys in alphabetical order after `id`; no end, no lieu, no word of collective RDVs.

Before the middle of the year there was no `uuid` either, and `meta.model` was written in lower case.
"""

from typing import Any

from emitter.generations.times import stamp
from emitter.model import Agent, Motif, Organisation, Rdv, Usager

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
