"""2022: `ends_at`, `lieu` and collective RDVs are told; keys still in alphabetical order; `rdvs_users`; no category."""

from typing import Any

from emitter.generations.ical import ical
from emitter.generations.times import stamp, stamp_or_none
from emitter.generations.year_2020 import agent_data
from emitter.generations.year_2024 import CREATED_BY
from emitter.generations.year_2024 import user_data as unordered_user_data
from emitter.model import Lieu, Motif, Organisation, Participation, Rdv, Usager
from emitter.schedule import Absence, PlageOuverture, Slot

Json = dict[str, Any]


def rdv_data(rdv: Rdv) -> Json:
    """`data` of a `Rdv`."""
    return {
        "id": rdv.id,
        "address": rdv.address,
        "agents": [agent_data(agent) for agent in rdv.agents],
        "cancelled_at": stamp_or_none(rdv.cancelled_at),
        "collectif": rdv.motif.collectif,
        "context": rdv.context,
        "created_by": CREATED_BY[rdv.created_by_type],
        "duration_in_min": rdv.duration_in_min,
        "ends_at": stamp(rdv.ends_at),
        "lieu": lieu_data(rdv.lieu) if rdv.lieu else None,
        "max_participants_count": rdv.max_participants_count,
        "motif": motif_data(rdv.motif),
        "name": rdv.name,
        "organisation": organisation_data(rdv.organisation),
        "rdvs_users": [participation_data(participation) for participation in rdv.participations],
        "starts_at": stamp(rdv.starts_at),
        "status": rdv.status,
        "users": [user_data(user) for user in rdv.users],
        "users_count": rdv.users_count,
        "uuid": rdv.uuid,
    }


def lieu_data(lieu: Lieu) -> Json:
    """A lieu."""
    return {
        "id": lieu.id,
        "address": lieu.address,
        "name": lieu.name,
        "organisation_id": lieu.organisation_id,
        "phone_number": lieu.phone_number,
        "single_use": lieu.single_use,
    }


def motif_data(motif: Motif) -> Json:
    """A motif; `category` was a word of its own then, and hardly used."""
    return {
        "id": motif.id,
        "category": None,
        "deleted_at": stamp_or_none(motif.deleted_at),
        "location_type": motif.location_type,
        "name": motif.name,
        "organisation_id": motif.organisation_id,
        "reservable_online": False,
        "service_id": motif.service_id,
    }


def organisation_data(organisation: Organisation) -> Json:
    """An organisation."""
    return {
        "id": organisation.id,
        "email": organisation.email,
        "name": organisation.name,
        "phone_number": organisation.phone_number,
    }


def participation_data(participation: Participation) -> Json:
    """One of the `rdvs_users`."""
    return {
        "send_lifecycle_notifications": True,
        "send_reminder_notification": True,
        "status": participation.status,
        "user": user_data(participation.user),
    }


def user_data(user: Usager) -> Json:
    """An usager: the fields of later years without `logement` and `notes`, `id` first, then the alphabet."""
    later = unordered_user_data(user)
    names = sorted(set(later) - {"id", "logement", "notes"})
    return {name: later[name] for name in ["id", *names]}


def absence_data(absence: Absence) -> Json:
    """`data` of an `Absence`."""
    organisation = organisation_data(absence.organisation) if absence.organisation else None
    return _by_alphabet(_slot_data(absence) | {"end_day": absence.end_day.isoformat(), "organisation": organisation})


def plage_ouverture_data(plage: PlageOuverture) -> Json:
    """`data` of a `PlageOuverture`."""
    more = {
        "lieu": lieu_data(plage.lieu) if plage.lieu else None,
        "motifs": [motif_data(motif) for motif in plage.motifs],
        "organisation": organisation_data(plage.organisation),
    }
    return _by_alphabet(_slot_data(plage) | more)


def _slot_data(slot: Slot) -> Json:
    return {
        "id": slot.id,
        "agent": agent_data(slot.agent),
        "end_time": slot.end_time.isoformat(),
        "first_day": slot.first_day.isoformat(),
        "ical": ical(slot),
        "ical_uid": slot.ical_uid,
        "rrule": slot.recurrence.text if slot.recurrence else None,
        "start_time": slot.start_time.isoformat(),
        "title": slot.title,
    }


def _by_alphabet(data: Json) -> Json:
    return {name: data[name] for name in ["id", *sorted(set(data) - {"id"})]}
