"""The messages that mutations begin with: the recorded samples, and every generation that the emitter can render."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from functools import cache
from pathlib import Path
from typing import Any

from emitter import schedule
from emitter.associations import AgentRole, AgentsRdv
from emitter.model import Event, Participation, Rdv, Status
from emitter.payloads import Entry, Generation, Other, render, render_other
from emitter.scenarios import cast
from receiver.core.facts import Emitter

FOLDER = Path(__file__).parents[1] / "payloads"
AT = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)

_RDV = Rdv(
    id=4330,
    uuid="0b5e6a3e-6f0e-4c57-9d0b-6a6c1b6f2b11",
    starts_at=datetime(2026, 12, 7, 9, 0, tzinfo=UTC),
    duration_in_min=45,
    organisation=cast.MDS,
    motif=cast.CONSULTATION,
    agents=(cast.MARTINE, cast.INTERVENANT),
    created_at=AT,
    lieu=cast.OFFICE,
    users=(cast.FATOUMATA,),
    participations=(Participation(7, cast.FATOUMATA),),
    context="Vient avec sa fille",
    insertion_id=77,
)
_RULE = schedule.Recurrence(schedule.Frequency.WEEKLY, 2, ("MO", "TH"), date(2027, 6, 30))
_ABSENCE = schedule.Absence(
    id=88,
    title="Rendez-vous médical",
    first_day=date(2026, 12, 21),
    end_day=date(2026, 12, 24),
    start_time=time(8),
    end_time=time(18),
    agent=cast.MARTINE,
    organisation=cast.MDS,
    recorded_at=AT,
)
_PLAGE = schedule.PlageOuverture(
    id=569,
    title="Permanence PMI",
    first_day=date(2026, 12, 7),
    start_time=time(9),
    end_time=time(12),
    agent=cast.KARIM,
    organisation=cast.MDS,
    motifs=(cast.CONSULTATION, cast.VACCINATION),
    recorded_at=AT,
    lieu=cast.OFFICE,
    recurrence=schedule.Recurrence(schedule.Frequency.MONTHLY, days=("2WE",)),
)
_ENTRIES: tuple[Entry, ...] = (
    _RDV,
    replace(_RDV, status=Status.EXCUSED, cancelled_at=AT, agents=(cast.MARTINE, cast.KARIM)),
    replace(_RDV, motif=cast.HOME_VISIT, lieu=None),
    replace(_RDV, motif=cast.VIDEO, lieu=None, time_zone="America/Guadeloupe"),
    replace(_RDV, lieu=cast.SINGLE_USE),
    replace(_RDV, motif=cast.WORKSHOP, name="Atelier parents", users_count=3, max_participants_count=8),
    _ABSENCE,
    replace(_ABSENCE, recurrence=_RULE, end_day=date(2026, 12, 21)),
    _PLAGE,
    replace(_PLAGE, recurrence=_RULE, lieu=cast.SINGLE_USE),
)
_OTHERS: tuple[Other, ...] = (
    cast.MARTINE,
    AgentRole(77, cast.MDS, cast.MARTINE),
    AgentsRdv(5, cast.MARTINE, _RDV),
    cast.FATOUMATA,
    cast.INVITATION,
)


@dataclass(frozen=True, slots=True)
class Message:
    """A true body and who sent it."""

    name: str
    emitter: Emitter
    text: str

    def document(self) -> Any:
        """Return a copy to change."""
        return json.loads(self.text)


@cache
def messages() -> tuple[Message, ...]:
    """Return every message, always in the same order."""
    return (*_samples(), *_rendered())


def _samples() -> Iterator[Message]:
    for path in sorted(FOLDER.glob("*.json")):
        insertion = path.stem.startswith("rdv-insertion")
        emitter = Emitter.RDV_INSERTION if insertion else Emitter.RDV_SERVICE_PUBLIC
        yield Message(path.stem, emitter, path.read_text("utf-8"))


def _rendered() -> Iterator[Message]:
    for generation in Generation:
        emitter = Emitter.RDV_INSERTION if generation is Generation.RDV_INSERTION else Emitter.RDV_SERVICE_PUBLIC
        for number, (entry, ical_only) in enumerate(_told(generation)):
            event = (Event.CREATED, Event.UPDATED, Event.UPDATED, Event.DESTROYED)[number % 4]
            body = render(entry, event, generation, AT, ical_only=ical_only)
            yield Message(f"{generation}-{number}", emitter, body.decode())
        for other in _OTHERS:
            name = f"{generation}-{type(other).__name__}"
            yield Message(name, emitter, render_other(other, Event.UPDATED, AT, generation).decode())


def _told(generation: Generation) -> Iterator[tuple[Entry, bool]]:
    for entry in _ENTRIES:
        if isinstance(entry, Rdv):
            yield entry, False
        elif generation.tells_slots:
            yield entry, False
            if generation.tells_absences_rule:
                yield entry, True
