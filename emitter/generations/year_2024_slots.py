"""2024 and 2026: absences and openings; 2026 adds the address of the page."""

from typing import Any

from emitter.generations.ical import ical
from emitter.generations.year_2024 import agent_data, lieu_data, motif_data, organisation_data
from emitter.schedule import Absence, PlageOuverture, Slot

Json = dict[str, Any]

PAGES_HOST = "www.rdv-solidarites.fr"


def absence_data(absence: Absence) -> Json:
    """`data` of an `Absence` in 2024."""
    return {
        **_beginning(absence),
        "end_day": absence.end_day.isoformat(),
        **_clock(absence),
        "organisation": organisation_data(absence.organisation) if absence.organisation else None,
        **_rule(absence),
    }


def absence_data_2026(absence: Absence) -> Json:
    """`data` of an `Absence` in 2026."""
    organisation = absence.organisation
    page = f"{_pages(organisation.id)}/absences/{absence.id}/edit" if organisation else None
    return absence_data(absence) | {"web_url": page}


def plage_ouverture_data(plage: PlageOuverture) -> Json:
    """`data` of a `PlageOuverture` in 2024."""
    return {
        **_beginning(plage),
        **_clock(plage),
        "organisation": organisation_data(plage.organisation),
        "lieu": lieu_data(plage.lieu) if plage.lieu else None,
        "motifs": [motif_data(motif) for motif in plage.motifs],
        **_rule(plage),
    }


def plage_ouverture_data_2026(plage: PlageOuverture) -> Json:
    """`data` of a `PlageOuverture` in 2026."""
    page = f"{_pages(plage.organisation.id)}/plage_ouvertures/{plage.id}"
    return plage_ouverture_data(plage) | {"web_url": page}


def _beginning(slot: Slot) -> Json:
    return {
        "id": slot.id,
        "ical_uid": slot.ical_uid,
        "title": slot.title,
        "first_day": slot.first_day.isoformat(),
    }


def _clock(slot: Slot) -> Json:
    return {
        "start_time": slot.start_time.isoformat(),
        "end_time": slot.end_time.isoformat(),
        "agent": agent_data(slot.agent),
    }


def _rule(slot: Slot) -> Json:
    return {"rrule": slot.recurrence.text if slot.recurrence else None, "ical": ical(slot)}


def _pages(organisation: int) -> str:
    return f"https://{PAGES_HOST}/admin/organisations/{organisation}"
