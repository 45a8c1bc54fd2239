"""From a model to the bytes of a webhook, for every generation of the wire."""

import json
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Any

from emitter.generations import rdv_insertion, year_2020, year_2022, year_2024
from emitter.generations.times import iso, stamp
from emitter.model import Agent, Event, Invitation, Lieu, Motif, Organisation, Rdv, Usager

Json = dict[str, Any]
Other = Usager | Motif | Agent | Lieu | Organisation | Invitation


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
        """Whether a RDV's lieu is told at all."""
        return self not in {Generation.EARLY_2020, Generation.YEAR_2020}

    @property
    def tells_collectif(self) -> bool:
        """Whether a collective RDV can be recognised."""
        return self.tells_lieu

    @property
    def tells_single_use(self) -> bool:
        """Whether a lieu typed for a single RDV can be recognised."""
        return self.tells_lieu and self is not Generation.RDV_INSERTION


_RDV_DATA: dict[Generation, Callable[[Rdv], Json]] = {
    Generation.EARLY_2020: year_2020.rdv_before_uuid,
    Generation.YEAR_2020: year_2020.rdv_data,
    Generation.YEAR_2022: year_2022.rdv_data,
    Generation.YEAR_2024: year_2024.rdv_data,
    Generation.YEAR_2026: year_2024.rdv_data_2026,
    Generation.RDV_INSERTION: rdv_insertion.rdv_data,
}


def render(
    rdv: Rdv,
    event: Event,
    generation: Generation,
    at: datetime,
    *,
    webhook_reason: str | None = None,
    occurred_at: datetime | None = None,
) -> bytes:
    """The body telling of a RDV as it stood at `at`.

    `webhook_reason` is told since 2024, `occurred_at` (the time of the change, else `at`) since 2026; earlier
    generations have no place for them.
    """
    data = _RDV_DATA[generation](rdv)
    return _body(data, _meta("Rdv", event, generation, at, webhook_reason, occurred_at or at), generation)


def render_other(model: Other, event: Event, at: datetime, generation: Generation = Generation.YEAR_2024) -> bytes:
    """The body telling of anything but appointments, in the shape of 2024 (an `Invitation`: rdv-insertion's).

    The generation decides what `meta` looks like.
    """
    if isinstance(model, Invitation):
        generation = Generation.RDV_INSERTION
    name, data = _other_data(model)
    return _body(data, _meta(name, event, generation, at, None, at), generation)


def _other_data(model: Other) -> tuple[str, Json]:
    match model:
        case Usager():
            return "User", year_2024.user_data(model)
        case Motif():
            return "Motif", year_2024.motif_data(model)
        case Agent():
            return "Agent", year_2024.agent_data(model)
        case Lieu():
            return "Lieu", year_2024.lieu_data(model)
        case Organisation():
            return "Organisation", year_2024.organisation_data(model)
        case Invitation():
            return "Invitation", rdv_insertion.invitation_data(model)


def _meta(
    model: str, event: Event, generation: Generation, at: datetime, reason: str | None, occurred_at: datetime
) -> Json:
    match generation:
        case Generation.EARLY_2020:
            return {"model": model.lower(), "event": event, "timestamp": stamp(at)}
        case Generation.YEAR_2020 | Generation.YEAR_2022:
            return {"model": model, "event": event, "timestamp": stamp(at)}
        case Generation.YEAR_2024:
            return {"model": model, "event": event, "webhook_reason": reason, "timestamp": stamp(at)}
        case Generation.YEAR_2026:
            times = {"event_occurred_at": iso(occurred_at), "payload_computed_at": iso(at)}
            return {"model": model, "event": event, "webhook_reason": reason, **times}
        case Generation.RDV_INSERTION:
            return {"model": model, "event": event, "timestamp": iso(at)}


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
