"""What every story needs: a clock that counts up to now, ids of its own, and the words of its expected calendars."""

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from emitter.delivery import Delivery
from emitter.generations.times import PARIS
from emitter.model import Event, Participation, Rdv
from emitter.payloads import Generation, Other, render, render_other
from emitter.scenarios import cast

FIRST_STATE_S = 90
"""How long before the starting instant a story's states begin, one second apart."""


@dataclass(frozen=True, slots=True)
class Step:
    """One webhook of a story."""

    body: bytes = field(repr=False)
    at: datetime
    """When the state in it was rendered."""
    description: str

    @property
    def delivery(self) -> Delivery:
        """The step as a courier takes it."""
        return Delivery(self.body, self.description)


@dataclass(frozen=True, slots=True)
class ExpectedEntry:
    """What an agent must find in the calendar, under default policies."""

    title: str
    place: str
    start: datetime
    end: datetime


Calendars = Mapping[str, tuple[ExpectedEntry, ...]]
"""Agent's e-mail to the entries at the end, in order of time. Agents without entries are there too."""


@dataclass(frozen=True, slots=True)
class Story:
    """Webhooks in the order of their sending, and the calendars they must lead to."""

    steps: tuple[Step, ...]
    expected: Calendars


def story(steps: list[Step], **entries: list[ExpectedEntry]) -> Story:
    """Steps, and entries by the agents' first names; both agents are always accounted for."""
    expected = {
        email: tuple(sorted(entries.get(name, []), key=lambda entry: (entry.start, entry.title)))
        for name, email in cast.MAILBOX_OWNERS.items()
    }
    return Story(tuple(steps), expected)


def entry(title: str, place: str, start: datetime, minutes: int) -> ExpectedEntry:
    """An entry by its length."""
    return ExpectedEntry(title, place, start, start + timedelta(minutes=minutes))


@dataclass(frozen=True, slots=True)
class Stage:
    """Where a story is played: its name, when, and in which shape of the wire."""

    name: str
    at: datetime
    generation: Generation

    def instant(self, second: int) -> datetime:
        """When state number `second` was rendered: distinct seconds, all before the starting instant."""
        if not 0 <= second <= FIRST_STATE_S:
            raise ValueError(f"a story has {FIRST_STATE_S} seconds")
        return self.at.replace(microsecond=0) - timedelta(seconds=FIRST_STATE_S - second)

    def day(self, number: int, hour: int, minute: int = 0, zone: ZoneInfo = PARIS) -> datetime:
        """The clock time on the n-th working day after today (1: the next one)."""
        day = self.at.astimezone(zone).date()
        while number:
            day += timedelta(days=1)
            number -= day.weekday() < 5
        return datetime.combine(day, time(hour, minute), zone)

    def rdv(self, number: int, starts_at: datetime, **fields: Any) -> Rdv:
        """Appointment `number` of this story: Martine's, 45 minutes at the office, unless `fields` say otherwise.

        Ids depend on story and instant, so that stories do not meet each other, nor a story its earlier run.
        """
        key = f"{self.name}/{self.at.isoformat()}"
        identity = int.from_bytes(hashlib.sha256(key.encode()).digest()[:4]) % 9_000_000 * 100 + number
        usager = fields.pop("usager", cast.FATOUMATA)
        usual: dict[str, Any] = {
            "duration_in_min": 45,
            "organisation": cast.MDS,
            "motif": cast.CONSULTATION,
            "agents": (cast.MARTINE,),
            "lieu": cast.OFFICE,
            "users": (usager,),
            "participations": (Participation(id=identity, user=usager),),
            "context": "Madame vient avec sa fille malade",
            "created_at": self.instant(0),
        }
        identifier = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{key}/{number}"))
        return Rdv(id=identity, uuid=identifier, starts_at=starts_at, **{**usual, **fields})

    def step(self, rdv: Rdv, event: Event, second: int, description: str, webhook_reason: str | None = None) -> Step:
        """The webhook telling of the RDV as it stood at that second."""
        at = self.instant(second)
        body = render(rdv, event, self.generation, at, webhook_reason=webhook_reason)
        return Step(body, at, description)

    def other(self, model: Other, event: Event, second: int, description: str) -> Step:
        """The webhook telling of something that concerns no calendar."""
        at = self.instant(second)
        return Step(render_other(model, event, at, self.generation), at, description)

    def lieu(self, text: str) -> str:
        """A lieu as an entry shows it: not at all, where this generation does not tell it."""
        return text if self.generation.tells_lieu else ""

    def collective(self, motif: str, counts: str) -> str:
        """The title of a collective RDV, where it can be recognised as one."""
        return f"{motif} {counts}" if self.generation.tells_collectif else motif
