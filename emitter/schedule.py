"""Absences and openings of an agent, in local time, single or recurring."""

from dataclasses import dataclass
from datetime import date, datetime, time
from enum import StrEnum

from emitter.model import Agent, Lieu, Motif, Organisation

UID_SUFFIX = "RDV Solidarités"
"""Production, mairie and demo share it: `absence_12` exists in each."""


class Frequency(StrEnum):
    """How often something repeats, in iCalendar's words."""

    WEEKLY = "WEEKLY"
    MONTHLY = "MONTHLY"


@dataclass(frozen=True, slots=True)
class Recurrence:
    """A rule as the platform's agents can choose it."""

    frequency: Frequency
    interval: int | None = None
    """Every so many; None is not written at all, and means 1."""
    days: tuple[str, ...] = ()
    """iCalendar's days: `MO`, or `2WE` for the second Wednesday of the month."""
    until: date | None = None
    """The last day that counts, whole."""

    @property
    def text(self) -> str:
        """The rule as it stands in `rrule`: every part ends with a semicolon, the last one too."""
        parts = {
            "FREQ": self.frequency.value,
            "INTERVAL": None if self.interval is None else str(self.interval),
            "BYDAY": ",".join(self.days),
            "UNTIL": self.until and f"{self.until:%Y%m%d}T000000",
        }
        return "".join(f"{name}={value};" for name, value in parts.items() if value)


@dataclass(frozen=True, slots=True)
class Absence:
    """Time at which an agent receives nobody; `title` is free text and may be private."""

    id: int
    title: str
    first_day: date
    end_day: date
    start_time: time
    end_time: time
    agent: Agent
    organisation: Organisation | None
    """The agent's first one; it goes to the endpoints of all."""
    recorded_at: datetime
    recurrence: Recurrence | None = None

    @property
    def ical_uid(self) -> str:
        """With space and accent."""
        return f"absence_{self.id}@{UID_SUFFIX}"


@dataclass(frozen=True, slots=True)
class PlageOuverture:
    """Time at which usagers may book an agent; within one day, for some motifs, at one place."""

    id: int
    title: str
    first_day: date
    start_time: time
    end_time: time
    agent: Agent
    organisation: Organisation
    motifs: tuple[Motif, ...]
    recorded_at: datetime
    lieu: Lieu | None = None
    recurrence: Recurrence | None = None

    @property
    def end_day(self) -> date:
        """The day it begins on."""
        return self.first_day

    @property
    def ical_uid(self) -> str:
        """With space and accent."""
        return f"plage_ouverture_{self.id}@{UID_SUFFIX}"


Slot = Absence | PlageOuverture
