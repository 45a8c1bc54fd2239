"""What every mailbox must show in the end, worked out anew from the contract and the design.

It reads the very bodies that were delivered, and shares no code with the receiver, the connectors or the emitter: own
reading, own order of states, own wording, and dateutil for what repeats.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr

Json = Mapping[str, Any]

PARIS = ZoneInfo("Europe/Paris")
RSP, INSERTION = "rdv_service_public", "rdv_insertion"


@dataclass(frozen=True, order=True)
class Shown:
    """One time that a calendar shows."""

    title: str
    place: str
    start: datetime
    end: datetime
    show_as: str


@dataclass(frozen=True)
class Choices:
    """The policies, in the oracle's own words."""

    mark_cancelled: bool = False
    keep_purged: bool = True
    keep_departed: bool = True
    absences: bool = True
    plages: bool = False
    names: bool = False
    titles: bool = False
    visio_links: bool = False
    single_use_places: bool = False


@dataclass(frozen=True)
class Directory:
    """Who has which mailbox."""

    direct: Mapping[str, str]
    domains: Mapping[str, str]
    aliases: Mapping[str, str] = field(default_factory=dict)
    ignored_domains: frozenset[str] = frozenset()
    ignored: frozenset[str] = frozenset()
    pilot: frozenset[str] | None = None

    def mailbox(self, email: str | None) -> str | None:
        address = self._address(email.lower()) if email else None
        return self.aliases.get(address, address) if address else None

    def _address(self, email: str) -> str | None:
        name, domain = email.split("@")
        if domain in self.ignored_domains or email in self.ignored:
            return None
        if self.pilot is not None and email not in self.pilot:
            return None
        if email in self.direct:
            return self.direct[email]
        return f"{name}@{self.domains[domain]}" if domain in self.domains else None


@dataclass
class _Event:
    """The newest that was told of one event."""

    model: str
    emitter: str
    at: datetime
    data: dict[str, Any] | None = None
    """None: destroyed."""
    left_behind: Counter[tuple[str, Shown]] = field(default_factory=Counter)
    """What a purge for data protection leaves in the calendars."""


@dataclass
class _Person:
    """What was told of one agent."""

    emails: list[tuple[datetime, str | None]] = field(default_factory=list)
    roles: dict[int, datetime | None] = field(default_factory=dict)
    """Role to the moment it was destroyed."""

    @property
    def email(self) -> str | None:
        return max(self.emails, key=lambda told: told[0])[1]

    @property
    def departed(self) -> bool:
        return "@deleted." in (self.email or "")

    @property
    def last_real_email(self) -> str | None:
        real = [told for told in self.emails if "@deleted." not in (told[1] or "")]
        return max(real, key=lambda told: told[0])[1] if real else None

    @property
    def gone_at(self) -> datetime | None:
        """When the last role went; None: there is one, or none was ever told of."""
        ends = list(self.roles.values())
        return None if not ends or None in ends else max(end for end in ends if end)


class Oracle:
    """Told of every delivery and every configuration; answers what must be seen."""

    def __init__(self, choices: Choices, directory: Directory, began: datetime, past: timedelta) -> None:
        self.choices = choices
        self.directory = directory
        self._began = began
        self._past = past
        self._read: set[tuple[str, bytes]] = set()
        self._events: dict[tuple[str, int], _Event] = {}
        self._people: dict[int, _Person] = {}

    # What happens

    def configure(self, choices: Choices, directory: Directory) -> None:
        self.choices, self.directory = choices, directory
        for event in self._events.values():
            if event.data is not None:
                event.data = self._permitted(event.data, event.emitter)

    def receive(self, source: str, emitter: str, body: bytes) -> None:
        """One delivery comes in, for the first time or again."""
        if (source, body) in self._read:
            return
        self._read.add((source, body))
        message = json.loads(body)
        meta, data = message["meta"], message["data"]
        at = _moment(meta.get("payload_computed_at") or meta["timestamp"])
        model, kind = meta["model"], meta["event"]
        if model == "Agent":
            self._person(data["id"]).emails.append((at, data["email"]))
        elif model == "AgentRole":
            self._role(data, kind, at)
        else:
            self._event(model, kind, at, emitter, data, meta.get("webhook_reason") == "rgpd")

    def _role(self, data: Json, kind: str, at: datetime) -> None:
        person = self._person(data["agent"]["id"])
        person.emails.append((at, data["agent"]["email"]))
        if kind == "destroyed":
            person.roles[data["id"]] = at
        else:
            person.roles.setdefault(data["id"], None)

    def _event(self, model: str, kind: str, at: datetime, emitter: str, data: Json, purge: bool) -> None:
        ident = data["rdv_solidarites_rdv_id"] if emitter == INSERTION else data["id"]
        if kind != "destroyed":
            for agent in _agents(data):
                self._person(_agent_id(agent)).emails.append((at, agent["email"]))
        known = self._events.get((model, ident))
        if known is not None and not _replaces(known, emitter, kind, at):
            return
        event = _Event(model, emitter, at)
        if kind != "destroyed":
            event.data = self._permitted(data, emitter)
        elif known is not None and purge and self.choices.keep_purged:
            event.left_behind = self._of(known)
        self._events[model, ident] = event

    def _permitted(self, data: Json, emitter: str) -> dict[str, Any]:
        """Drop the free texts that are not wanted: they never come back by themselves."""
        kept = dict(data)
        if not self.choices.names:
            kept["name"] = None
        if not self.choices.titles:
            kept["title"] = None
        if not self.choices.visio_links:
            kept["visio_url"] = None
        lieu = kept.get("lieu")
        if lieu and not self.choices.single_use_places and (lieu.get("single_use") or emitter == INSERTION):
            kept["lieu"] = lieu | {"name": "", "address": ""}
        return kept

    def _person(self, ident: int) -> _Person:
        return self._people.setdefault(ident, _Person())

    # What must be seen

    def expected(self, until: datetime) -> dict[str, Counter[Shown]]:
        """Mailbox to what it shows; of series, the times that begin before `until`."""
        seen: dict[str, Counter[Shown]] = {}
        for event in self._events.values():
            for (mailbox, shown), times in self._of(event).items():
                if shown.start < until:
                    seen.setdefault(mailbox, Counter())[shown] += times
        return seen

    def entries_per_mailbox(self, model: str, ident: int) -> set[str]:
        """The mailboxes that show an event."""
        return {mailbox for mailbox, _ in self._of(self._events[model, ident])}

    def _of(self, event: _Event) -> Counter[tuple[str, Shown]]:
        if event.data is None:
            return event.left_behind
        times = list(self._times(event))
        if not times or max(end for _, end in times) < self._began - self._past:
            return Counter()
        title, place, show_as = self._words(event)
        shown = [Shown(title, place, start, end, show_as) for start, end in times] if title else []
        over = max(end for _, end in times) < self._began
        return Counter({(box, one): 1 for box in self._mailboxes(event, over) for one in shown})

    def _mailboxes(self, event: _Event, over: bool) -> set[str]:
        people = [self._person(_agent_id(agent)) for agent in _agents(event.data or {})]
        if event.model != "Rdv" and not over and any(p.gone_at and event.at <= p.gone_at for p in people):
            return set()
        emails = [self._address(person, over) for person in people]
        return {mailbox for email in emails if (mailbox := self.directory.mailbox(email))}

    def _address(self, person: _Person, over: bool) -> str | None:
        if not person.departed:
            return person.email
        return person.last_real_email if over or self.choices.keep_departed else None

    def _times(self, event: _Event) -> Iterator[tuple[datetime, datetime]]:
        data = event.data or {}
        if event.model == "Rdv":
            start = _moment(data["starts_at"])
            end = _moment(data["ends_at"]) if data.get("ends_at") else None
            yield start, end or start + timedelta(minutes=data["duration_in_min"])
            return
        first, last, rule = _wall_clock(data)
        for day in _days(first, rule, (self._began + timedelta(days=400)).date()):
            start = datetime.combine(day, first.time())
            yield (
                start.replace(tzinfo=PARIS).astimezone(UTC),
                (start + (last - first)).replace(tzinfo=PARIS).astimezone(UTC),
            )

    def _words(self, event: _Event) -> tuple[str | None, str, str]:
        data = event.data or {}
        if event.model == "Absence":
            title = f"Absence : {data['title']}" if data.get("title") else "Absence"
            return title if self.choices.absences else None, "", "OOF"
        if event.model == "PlageOuverture":
            motifs = ", ".join(motif["name"] for motif in data["motifs"])
            return f"Plage d'ouverture : {motifs}" if self.choices.plages else None, _lieu(data.get("lieu")), "Free"
        cancelled = data["status"] in {"excused", "revoked"}
        if cancelled and not self.choices.mark_cancelled:
            return None, "", ""
        title = _rdv_title(data)
        return (f"ANNULÉ : {title}", _place(data), "Free") if cancelled else (title, _place(data), "Busy")


def _replaces(known: _Event, emitter: str, kind: str, at: datetime) -> bool:
    if known.emitter != emitter:
        return emitter == RSP
    if known.data is None:
        return False
    return kind == "destroyed" or at >= known.at


def _agents(data: Json) -> list[Json]:
    return list(data["agents"]) if "agents" in data else [data["agent"]]


def _agent_id(agent: Json) -> int:
    ident: int = agent.get("rdv_solidarites_agent_id") or agent["id"]
    return ident


def _rdv_title(data: Json) -> str:
    title = str(data["motif"]["name"])
    if not (data.get("collectif") or data["motif"].get("collectif")):
        return title
    if data.get("name"):
        title += f" : {data['name']}"
    count, most = data.get("users_count"), data.get("max_participants_count")
    if count is None:
        return title
    return f"{title} ({count}/{most})" if most else f"{title} ({count})"


def _place(data: Json) -> str:
    match data["motif"].get("location_type"):
        case "public_office":
            return _lieu(data.get("lieu"))
        case "home":
            return "Domicile"
        case "phone":
            return "Téléphone"
        case "visio":
            return f"Visioconférence : {data['visio_url']}" if data.get("visio_url") else "Visioconférence"
    return ""


def _lieu(lieu: Json | None) -> str:
    if not lieu:
        return ""
    words = ", ".join(word for word in (lieu["name"], lieu["address"]) if word)
    if not lieu.get("single_use"):
        return words
    return f"Lieu ponctuel : {words}" if words else "Lieu ponctuel"


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace(" +", "+").replace(" -", "-")).astimezone(UTC)


def _wall_clock(data: Json) -> tuple[datetime, datetime, str | None]:
    """First start, first end and the rule, from the fields or else from the calendar text."""
    if data.get("first_day"):
        first = datetime.combine(date.fromisoformat(data["first_day"]), time.fromisoformat(data["start_time"]))
        end_day = date.fromisoformat(data.get("end_day") or data["first_day"])
        return first, datetime.combine(end_day, time.fromisoformat(data["end_time"])), data.get("rrule")
    found = dict(re.findall(r"^(DTSTART|DTEND|RRULE)(?:;TZID=Europe/Paris)?:(.*?)\r$", _event_text(data), re.MULTILINE))
    first, last = (datetime.fromisoformat(found[name]) for name in ("DTSTART", "DTEND"))
    return first, last, found.get("RRULE")


def _event_text(data: Json) -> str:
    return str(data["ical"]).partition("BEGIN:VEVENT")[2]


def _days(first: datetime, rule: str | None, horizon: date) -> Iterator[date]:
    if not rule:
        yield first.date()
        return
    if "MONTHLY" in rule and "BYDAY" not in rule and first.day > 28:
        return  # no calendar server leaves the short months out: refused as a whole
    text = re.sub(r"UNTIL=(\d{8})T\d{6}Z?", r"UNTIL=\1T235959", rule.rstrip(";"))
    end = datetime.combine(horizon, time(23, 59))
    yield from (found.date() for found in rrulestr(text, dtstart=first).between(first, end, inc=True))
