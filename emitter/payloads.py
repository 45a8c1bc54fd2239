"""From a model to the bytes of a webhook, for every generation of the wire."""

import json
import re
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Any

from emitter.associations import AgentRole, AgentsRdv, Association, ReferentAssignation, UserProfile
from emitter.generations import rdv_insertion, year_2020, year_2022, year_2024, year_2024_slots
from emitter.generations.times import iso, stamp
from emitter.model import Agent, Event, Invitation, Lieu, Motif, Organisation, Rdv, Usager
from emitter.schedule import Absence, PlageOuverture

Json = dict[str, Any]
Entry = Rdv | Absence | PlageOuverture
"""What may have a place in a calendar."""
Other = Usager | Motif | Agent | Lieu | Organisation | Invitation | Association


class Generation(StrEnum):
    """A time at which the wire had one shape."""

    EARLY_2020 = "2020-early"
    """Before the middle of 2020: ``"model": "rdv"``, no uuid."""
    YEAR_2020 = "2020"
    YEAR_2022 = "2022"
    YEAR_2024 = "2024"
    YEAR_2026 = "2026"
    RDV_INSERTION = "rdv_insertion"

    @property
    def tells_lieu(self) -> bool:
        """Whether the payload has a RDV's lieu."""
        return self not in {Generation.EARLY_2020, Generation.YEAR_2020}

    @property
    def tells_collectif(self) -> bool:
        """Whether a collective RDV can be recognised."""
        return self.tells_lieu

    @property
    def tells_single_use(self) -> bool:
        """Whether a lieu typed for a single RDV can be recognised."""
        return self.tells_lieu and self is not Generation.RDV_INSERTION

    @property
    def tells_slots(self) -> bool:
        """Whether absences and openings are sent at all."""
        return self is not Generation.RDV_INSERTION

    @property
    def tells_absences_rule(self) -> bool:
        """Whether an absence says how it repeats, and carries its `ical` text."""
        return self.tells_slots and self is not Generation.EARLY_2020


_RDV_DATA: dict[Generation, Callable[[Rdv], Json]] = {
    Generation.EARLY_2020: year_2020.rdv_before_uuid,
    Generation.YEAR_2020: year_2020.rdv_data,
    Generation.YEAR_2022: year_2022.rdv_data,
    Generation.YEAR_2024: year_2024.rdv_data,
    Generation.YEAR_2026: year_2024.rdv_data_2026,
    Generation.RDV_INSERTION: rdv_insertion.rdv_data,
}
_ABSENCE_DATA: dict[Generation, Callable[[Absence], Json]] = {
    Generation.EARLY_2020: year_2020.absence_data_without_rule,
    Generation.YEAR_2020: year_2020.absence_data,
    Generation.YEAR_2022: year_2022.absence_data,
    Generation.YEAR_2024: year_2024_slots.absence_data,
    Generation.YEAR_2026: year_2024_slots.absence_data_2026,
}
_PLAGE_OUVERTURE_DATA: dict[Generation, Callable[[PlageOuverture], Json]] = {
    Generation.EARLY_2020: year_2020.plage_ouverture_data,
    Generation.YEAR_2020: year_2020.plage_ouverture_data,
    Generation.YEAR_2022: year_2022.plage_ouverture_data,
    Generation.YEAR_2024: year_2024_slots.plage_ouverture_data,
    Generation.YEAR_2026: year_2024_slots.plage_ouverture_data_2026,
}
_OTHER_DATA: dict[type[Other], Callable[[Any], Json]] = {
    Usager: year_2024.user_data,
    Motif: year_2024.motif_data,
    Agent: year_2024.agent_data,
    Lieu: year_2024.lieu_data,
    Organisation: year_2024.organisation_data,
    Invitation: rdv_insertion.invitation_data,
    AgentRole: year_2024.association_data,
    UserProfile: year_2024.association_data,
    ReferentAssignation: year_2024.association_data,
    AgentsRdv: year_2024.association_data,
}
_STRUCTURED = ("first_day", "end_day", "start_time", "end_time", "rrule")


def render(
    entry: Entry,
    event: Event,
    generation: Generation,
    at: datetime,
    *,
    webhook_reason: str | None = None,
    occurred_at: datetime | None = None,
    ical_only: bool = False,
) -> bytes:
    """Return the body of a webhook about a RDV, an absence or an opening, as of `at`.

    `webhook_reason` exists since 2024, `occurred_at` (the time of the change, else `at`) since 2026; earlier
    generations lack them. With `ical_only`, only the `ical` text has the times.

    Raises:
        ValueError: the generation does not have this kind.

    """
    if not generation.tells_slots and not isinstance(entry, Rdv):
        raise ValueError(f"{generation} knows no {type(entry).__name__}")
    data = _entry_data(entry, generation)
    if ical_only:
        data = {name: value for name, value in data.items() if name not in _STRUCTURED}
    meta = _meta(type(entry).__name__, event, generation, at, webhook_reason, occurred_at or at)
    return _body(data, meta, generation)


def _entry_data(entry: Entry, generation: Generation) -> Json:
    match entry:
        case Rdv():
            return _RDV_DATA[generation](entry)
        case Absence():
            return _ABSENCE_DATA[generation](entry)
        case PlageOuverture():
            return _PLAGE_OUVERTURE_DATA[generation](entry)


def render_other(model: Other, event: Event, at: datetime, generation: Generation = Generation.YEAR_2024) -> bytes:
    """The body telling of what is no entry itself, in the shape of 2024 (an `Invitation`: rdv-insertion's).

    The generation decides what `meta` looks like.
    """
    if isinstance(model, Invitation):
        generation = Generation.RDV_INSERTION
    name = "User" if isinstance(model, Usager) else type(model).__name__
    return _body(_OTHER_DATA[type(model)](model), _meta(name, event, generation, at, None, at), generation)


def _meta(
    model: str, event: Event, generation: Generation, at: datetime, reason: str | None, occurred_at: datetime
) -> Json:
    match generation:
        case Generation.EARLY_2020:
            return {"model": _snake_case(model), "event": event, "timestamp": stamp(at)}
        case Generation.YEAR_2020 | Generation.YEAR_2022:
            return {"model": model, "event": event, "timestamp": stamp(at)}
        case Generation.YEAR_2024:
            return {"model": model, "event": event, "webhook_reason": reason, "timestamp": stamp(at)}
        case Generation.YEAR_2026:
            times = {"event_occurred_at": iso(occurred_at), "payload_computed_at": iso(at)}
            return {"model": model, "event": event, "webhook_reason": reason, **times}
        case Generation.RDV_INSERTION:
            return {"model": model, "event": event, "timestamp": iso(at)}


def _snake_case(model: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", model).lower()


def _body(data: Json, meta: Json, generation: Generation) -> bytes:
    text = json.dumps({"data": data, "meta": meta}, ensure_ascii=False, separators=(",", ":"))
    if generation is Generation.RDV_INSERTION:
        text = _escape_as_rails(text)
    return text.encode()


def _escape_as_rails(text: str) -> str:
    """rdv-insertion's encoder escapes what HTML would mind: a receiver that signs re-encoded JSON is found out.

    These characters occur in JSON inside strings only.
    """
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text
