"""What every story needs: a clock that counts up to now, ids of its own, and the words of its expected calendars."""

import hashlib
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from emitter.delivery import Delivery
from emitter.generations.times import PARIS
from emitter.model import Agent, Event, Participation, Rdv
from emitter.occurrences import Window, occurrences, year_from
from emitter.payloads import Entry, Generation, Other, render, render_other
from emitter.platforms import Platform
from emitter.scenarios import cast
from emitter.schedule import Absence, PlageOuverture, Slot

FIRST_STATE_S = 90
"""How long before the starting instant a story's states begin, one second apart."""


@dataclass(frozen=True, slots=True)
class Step:
    """One webhook of a story."""

    body: bytes = field(repr=False)
    at: datetime
    """When the state in it was rendered."""
    description: str
    platform: Platform | None = None
    """Which emitter sends it; None: the one that tells the whole story."""

    @property
    def delivery(self) -> Delivery:
        """The step as a courier takes it."""
        return Delivery(self.body, self.description)


@dataclass(frozen=True, slots=True)
class ExpectedEntry:
    """What an agent must find in the calendar; of a series, each occurrence is one."""

    title: str
    place: str
    start: datetime
    end: datetime


Calendars = Mapping[str, tuple[ExpectedEntry, ...]]
"""Agent's e-mail to the entries at the end, in order of time. Agents without entries are there too."""


@dataclass(frozen=True, slots=True)
class Needs:
    """What a receiver's configuration must say, be it by default, for a story to end as told."""

    policies: Mapping[str, bool | str] = field(default_factory=dict)
    time_zone: str = "Europe/Paris"
    """Of the source: absences and openings are told in wall-clock time."""
    platforms: frozenset[Platform] = frozenset()
    """Emitters that take part where one does not suffice: a source is needed for each."""

    @property
    def nothing(self) -> bool:
        """Whether one source in Paris under default policies will do."""
        return self == Needs()


@dataclass(frozen=True, slots=True)
class Story:
    """Webhooks in the order of their sending, and the calendars they must lead to."""

    steps: tuple[Step, ...]
    expected: Calendars
    window: Window
    """Entries that begin in it are expected; what a series shows beyond is not said."""
    needs: Needs = field(default_factory=Needs)

    @property
    def needs_policies(self) -> Mapping[str, bool | str]:
        """Policies that the end depends on; some ask for the default."""
        return self.needs.policies

    @property
    def time_zone(self) -> str:
        """Zone of the source."""
        return self.needs.time_zone


@dataclass(frozen=True, slots=True)
class ScenarioSteps:
    """A story before it is known what it needs and which window counts."""

    steps: tuple[Step, ...]
    expected: Calendars


def story(steps: list[Step], **entries: list[ExpectedEntry]) -> ScenarioSteps:
    """Steps, and entries by the agents' first names; both agents are always accounted for, Ms Dupont if named."""
    owners = cast.MAILBOX_OWNERS | ({"dupont": cast.DUPONT_EMAIL} if "dupont" in entries else {})
    expected = {
        email: tuple(sorted(entries.get(name, []), key=lambda entry: (entry.start, entry.title)))
        for name, email in owners.items()
    }
    return ScenarioSteps(tuple(steps), expected)


def entry(title: str, place: str, start: datetime, minutes: int) -> ExpectedEntry:
    """An entry by its length."""
    return ExpectedEntry(title, place, start, start + timedelta(minutes=minutes))


@dataclass(frozen=True, slots=True)
class Stage:
    """Where a story is played: its name, when, and in which shape of the wire."""

    name: str
    at: datetime
    generation: Generation
    zone: ZoneInfo = PARIS
    """Of the source."""
    days_later: int = 0
    minutes_later: int = 0
    """Both move what is planned, so that stories told together can be told apart by their times."""

    @property
    def window(self) -> Window:
        """The year that counts."""
        return year_from(self.at)

    def instant(self, second: int) -> datetime:
        """When state number `second` was rendered: distinct seconds, all before the starting instant."""
        if not 0 <= second <= FIRST_STATE_S:
            raise ValueError(f"a story has {FIRST_STATE_S} seconds")
        return self.at.replace(microsecond=0) - timedelta(seconds=FIRST_STATE_S - second)

    def day(self, number: int, hour: int, minute: int = 0, zone: ZoneInfo | None = None) -> datetime:
        """The clock time on the n-th working day after today (1: the next one)."""
        zone = zone or self.zone
        day = self.at.astimezone(zone).date()
        number += self.days_later
        while number:
            day += timedelta(days=1)
            number -= day.weekday() < 5
        return datetime.combine(day, time(hour, minute), zone) + timedelta(minutes=self.minutes_later)

    def weekday(self, weekday: int, hour: int, minute: int = 0) -> datetime:
        """The clock time on the next such day of the week (0: Monday) that is a working day ahead at least."""
        day = self.day(1, hour, minute)
        return day + timedelta(days=(weekday - day.weekday()) % 7)

    def identity(self, number: int) -> int:
        """Id of thing `number`.

        It depends on story and instant, so that stories do not meet each other, nor a story its earlier run.
        """
        return int.from_bytes(hashlib.sha256(self._key.encode()).digest()[:4]) % 9_000_000 * 100 + number

    @property
    def _key(self) -> str:
        return f"{self.name}/{self.at.isoformat()}"

    def agent(self, email: str = cast.MARTINE_EMAIL) -> Agent:
        """An agent of this story alone, whose address and roles can change and disturb nobody else's."""
        return Agent(self.identity(99), email, "Martine", "AGENT")

    def rdv(self, number: int, starts_at: datetime, **fields: Any) -> Rdv:
        """Appointment `number` of this story: Martine's, 45 minutes at the office, unless `fields` say otherwise."""
        identity = self.identity(number)
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
        identifier = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{self._key}/{number}"))
        return Rdv(id=identity, uuid=identifier, starts_at=starts_at, **{**usual, **fields})

    def absence(self, number: int, start: datetime, end: datetime, **fields: Any) -> Absence:
        """Absence `number` of this story: Martine's, from wall-clock time to wall-clock time."""
        usual: dict[str, Any] = {
            "title": "Rendez-vous médical",
            "agent": cast.MARTINE,
            "organisation": cast.MDS,
            "recorded_at": self.instant(0),
        }
        days, clock = {"first_day": start.date(), "end_day": end.date()}, {"start_time": start.time()}
        return Absence(self.identity(number), **{**usual, **days, **clock, "end_time": end.time(), **fields})

    def plage(self, number: int, start: datetime, end: datetime, **fields: Any) -> PlageOuverture:
        """Opening `number` of this story: Martine's, for consultations at the office."""
        usual: dict[str, Any] = {
            "title": "Permanence PMI",
            "agent": cast.MARTINE,
            "organisation": cast.MDS,
            "motifs": (cast.CONSULTATION,),
            "lieu": cast.OFFICE,
            "recorded_at": self.instant(0),
        }
        clock = {"first_day": start.date(), "start_time": start.time(), "end_time": end.time()}
        return PlageOuverture(self.identity(number), **{**usual, **clock, **fields})

    def step(
        self,
        entry: Entry,
        event: Event,
        second: int,
        description: str,
        webhook_reason: str | None = None,
        *,
        platform: Platform | None = None,
        ical_only: bool = False,
    ) -> Step:
        """The webhook telling of a RDV, an absence or an opening as it stood at that second."""
        at = self.instant(second)
        generation = Generation.RDV_INSERTION if platform is Platform.RDV_INSERTION else self.generation
        body = render(entry, event, generation, at, webhook_reason=webhook_reason, ical_only=ical_only)
        return Step(body, at, description, platform)

    def other(self, model: Other, event: Event, second: int, description: str) -> Step:
        """The webhook telling of something that is no entry itself."""
        at = self.instant(second)
        return Step(render_other(model, event, at, self.generation), at, description)

    def absent(self, absence: Absence) -> list[ExpectedEntry]:
        """An absence as the calendar shows it: its title is nobody's business."""
        return self._shown(absence, "Absence", "")

    def open(self, plage: PlageOuverture, title: str, place: str) -> list[ExpectedEntry]:
        """An opening as the calendar shows it, in words that the story spells out."""
        return self._shown(plage, title, place)

    def _shown(self, slot: Slot, title: str, place: str) -> list[ExpectedEntry]:
        data = json.loads(render(slot, Event.CREATED, Generation.YEAR_2024, self.at))["data"]
        return [ExpectedEntry(title, place, *times) for times in occurrences(data, self.zone, self.window)]

    def lieu(self, text: str) -> str:
        """A lieu as an entry shows it: not at all, where this generation does not tell that it is nobody's home."""
        return text if self.generation.tells_single_use else ""

    def collective(self, motif: str, counts: str) -> str:
        """The title of a collective RDV, where it can be recognised as one."""
        return f"{motif} {counts}" if self.generation.tells_collectif else motif
