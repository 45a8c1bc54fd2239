"""Who may say what: organisations sign with secrets of their own, and the oracle's own reading of what that allows."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

Authority = frozenset[int] | None
"""The organisations that a secret may speak for; None: all."""
RSP, INSERTION = "rdv_service_public", "rdv_insertion"


def speaks_for(by: Authority, organisation: int | None) -> bool:
    """Whether a secret may speak for an organisation."""
    return by is None or organisation in by


def shares(by: Authority, others: Iterable[Authority]) -> bool:
    """Whether a secret speaks for an organisation for which one of the others is bound to speak."""
    return by is None or any(other is not None and by & other for other in others)


def is_part(by: Authority, other: Authority) -> bool:
    """Whether one secret speaks for nothing that another does not."""
    return other is None or (by is not None and by <= other)


@dataclass
class Message:
    """One webhook, and for whom its secret may speak."""

    source: str
    emitter: str
    by: Authority
    model: str
    kind: str
    at: datetime
    data: Mapping[str, Any]
    purge: bool
    body: bytes
    came_by: Authority = field(init=False)
    """The authority when it came in: its secret may be bound otherwise later."""

    def __post_init__(self) -> None:
        self.came_by = self.by

    @property
    def ident(self) -> int:
        """The number of what it tells of."""
        ident: int = self.data["rdv_solidarites_rdv_id"] if self.emitter == INSERTION else self.data["id"]
        return ident

    @property
    def key(self) -> tuple[str, int]:
        """What it tells of."""
        return self.model, self.ident

    @property
    def organisation(self) -> int | None:
        """The organisation that it claims."""
        told = self.data.get("organisation")
        if not told:
            return None
        ident: int = told["rdv_solidarites_organisation_id"] if self.emitter == INSERTION else told["id"]
        return ident


@dataclass(frozen=True)
class Voice:
    """What one webhook said of an agent's e-mail."""

    at: datetime
    email: str | None
    by: Authority
    emitter: str

    @property
    def departed(self) -> bool:
        return "@deleted." in (self.email or "")


@dataclass
class Place:
    """A role, as it was told last."""

    agent: int
    organisation: int | None
    by: Authority
    at: datetime
    gone: bool


@dataclass
class Person:
    """What was told of one agent."""

    voices: list[Voice] = field(default_factory=list)

    def heard(self, organisation: int | None, tellers: Iterable[Authority]) -> list[Voice]:
        """Return what those said who may speak for an event; of an absence, `tellers` are those who told it."""
        allowed = list(tellers)
        heard = [
            voice
            for voice in self.voices
            if (shares(voice.by, allowed) if allowed else speaks_for(voice.by, organisation))
        ]
        if any(voice.emitter == RSP for voice in heard):
            heard = [voice for voice in heard if voice.emitter == RSP]
        return heard


@dataclass(frozen=True)
class Limit:
    """How many entries one secret may take away without a word, by the rule as it is written."""

    free: int
    hour: float = 0.25
    day: float = 0.5

    def lets(self, this_hour: int, this_day: int, at_hour: int, at_day: int) -> bool:
        """Whether it lets so many go, of those that there were when the hour and the day began."""
        return this_hour <= max(self.free, self.hour * at_hour) and this_day <= max(self.free, self.day * at_day)


def until_next(moment: datetime, *, day: bool) -> timedelta:
    """Return how long it is until a little after the next hour, or day, has begun."""
    begin = moment.replace(minute=0, second=0, microsecond=0)
    if day:
        begin = begin.replace(hour=0)
    return begin + (timedelta(days=1) if day else timedelta(hours=1)) - moment + timedelta(seconds=1)
