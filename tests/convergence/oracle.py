"""What every mailbox must show in the end, worked out anew from the contract and the design.

It reads the very bodies that were delivered, and shares no code with the receiver, the connectors or the emitter: own
reading, own order of states, own wording, and dateutil for what repeats.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr

from tests.convergence.voices import (
    INSERTION,
    RSP,
    Authority,
    Message,
    Person,
    Place,
    Voice,
    is_part,
    shares,
    speaks_for,
)

Json = Mapping[str, Any]

PARIS = ZoneInfo("Europe/Paris")


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
    organisation: int | None = None
    tellers: tuple[Authority, ...] = ()
    """Of an absence, and of what was destroyed before anybody had told of it: who told."""
    never_told: bool = False
    """It was destroyed before anybody had told of it."""
    marked: bool = False
    """It is cancelled among too many: it shows as such until somebody says that they may go."""
    left_behind: Counter[tuple[str, Shown]] = field(default_factory=Counter)
    """What a purge for data protection leaves in the calendars."""


class Word(StrEnum):
    """What becomes of a webhook."""

    TAKEN = "taken"
    OLDER = "older"
    REPEAT = "repeat"
    ASIDE = "aside"


class Oracle:
    """Told of every delivery and every configuration; answers what must be seen."""

    def __init__(self, choices: Choices, directory: Directory, began: datetime, past: timedelta) -> None:
        self.choices = choices
        self.directory = directory
        self._began = began
        self._past = past
        self._read: set[tuple[str, Authority, bytes]] = set()
        self._events: dict[tuple[str, int], _Event] = {}
        self._people: dict[int, Person] = {}
        self._places: dict[int, Place] = {}
        self.asides: list[Message] = []
        """What waits for somebody to decide, in the order in which it came."""

    # What happens

    def configure(self, choices: Choices, directory: Directory) -> None:
        self.choices, self.directory = choices, directory
        for event in self._events.values():
            if event.data is not None:
                event.data = self._permitted(event.data, event.emitter)

    def receive(self, source: str, emitter: str, by: Authority, body: bytes, *, marked: bool = False) -> Word:
        """One delivery comes in, for the first time or again."""
        if (source, by, body) in self._read:
            return Word.REPEAT
        message = read(source, emitter, by, body)
        word = self._judge(message)
        if word is Word.ASIDE:
            self._set_aside(message)
            return word
        self._read.add((source, by, body))
        if marked:
            self._events[message.key].marked = True
        if word is Word.TAKEN:
            self._judge_again(message.key)
        return word

    def may_go(self, key: tuple[str, int]) -> None:
        """Somebody says that what shows as cancelled may go."""
        self._events[key].marked = False

    # What waits

    def waits_about(self, key: tuple[str, int]) -> bool:
        """Whether something about an event, or about a role, waits for somebody to decide."""
        return any(message.key == key for message in self.asides)

    def is_contested(self, key: tuple[str, int], by: Authority) -> bool:
        """Whether somebody who may speak for it does not have the last word on an event."""
        known = self._events.get(key)
        is_other = known is not None and not (shares(by, known.tellers) or speaks_for(by, known.organisation))
        return is_other or self.waits_about(key)

    def rebind(self, source: str, by: Authority) -> None:
        """A source's secret may speak for others from now on: what it told in vain is judged again."""
        mine = [message for message in self.asides if message.source == source and message.by != by]
        taken = []
        for message in mine:
            message.by = by
            if self._decides(message) is Word.TAKEN:
                taken.append(message.key)
        for key in taken:
            self._judge_again(key)

    def release(self, messages: Iterable[Message]) -> None:
        """Somebody says that these hold."""
        for message in list(messages):
            if message not in self.asides:
                continue  # the word of another decided it
            self.asides.remove(message)
            self._read.add((message.source, message.came_by, message.body))
            if self._judge(message, released=True) is Word.TAKEN:
                self._judge_again(message.key)

    def drop(self, message: Message) -> None:
        """Somebody says that it does not hold."""
        self.asides.remove(message)

    def _set_aside(self, message: Message) -> None:
        for waits in self.asides:
            if waits.source != message.source or waits.key != message.key:
                continue
            if message.model == "AgentRole":  # of a role the newest word alone
                if waits.at >= message.at:
                    return
                self.asides.remove(waits)
                break
            if (waits.came_by, waits.body) == (message.by, message.body):
                return
        self.asides.append(message)

    def _judge_again(self, key: tuple[str, int]) -> None:
        while Word.TAKEN in [self._decides(each) for each in list(self.asides) if each.key == key]:
            pass

    def _decides(self, message: Message) -> Word:
        word = self._judge(message)
        if word is not Word.ASIDE:
            self.asides.remove(message)
            self._read.add((message.source, message.came_by, message.body))
        return word

    # Judging

    def _judge(self, message: Message, *, released: bool = False) -> Word:
        if message.model == "Agent":
            self._learn(message, [message.data])
            return Word.TAKEN
        if message.model == "AgentRole":
            return self._role(message, released=released)
        return self._event(message, released=released)

    def _role(self, message: Message, *, released: bool) -> Word:
        place = self._places.get(message.ident)
        is_elsewhere = place is not None and not speaks_for(message.by, place.organisation)
        if not released and (is_elsewhere or not speaks_for(message.by, message.organisation)):
            return Word.ASIDE
        agent, gone = message.data["agent"], message.kind == "destroyed"
        self._learn(message, [agent])
        if place is not None and (place.gone or (message.at < place.at and not gone)):
            return Word.OLDER
        self._places[message.ident] = Place(agent["id"], message.organisation, message.by, message.at, gone)
        return Word.TAKEN

    def _event(self, message: Message, *, released: bool) -> Word:
        known = self._events.get(message.key)
        may, anew = self._may_tell(message, known)
        if not may and released:
            anew = message.model != "Absence"
        elif not may:
            if known is None or message.model != "Absence":
                return Word.ASIDE
            if self._says_the_same(known, message):
                known.tellers += (message.by,)
            elif self._replaces(known, message):
                return Word.ASIDE
        if known is not None and not anew and not self._replaces(known, message):
            self._learn_from(message)
            return Word.OLDER
        self._take_in(message, known, anew=anew)
        return Word.TAKEN

    def _may_tell(self, message: Message, known: _Event | None) -> tuple[bool, bool]:
        """Whether a message may change an event, and whether it counts as the first that is heard of it."""
        by, is_absence = message.by, message.model == "Absence"
        if not is_absence and not speaks_for(by, message.organisation):
            return False, False
        if known is None:
            return True, True
        if known.never_told:
            stops = [
                is_part(by, teller) if is_absence else speaks_for(teller, message.organisation)
                for teller in known.tellers
            ]
            return True, not any(stops)
        return (shares(by, known.tellers) if is_absence else speaks_for(by, known.organisation)), False

    def _take_in(self, message: Message, known: _Event | None, *, anew: bool) -> None:
        self._learn(message, _agents(message.data) if message.kind != "destroyed" else [])
        event = _Event(message.model, message.emitter, message.at, organisation=message.organisation)
        if message.kind != "destroyed":
            event.data = self._permitted(message.data, message.emitter)
            event.marked = known is not None and known.marked and _is_cancelled(event.data)
        elif known is not None and message.purge and self.choices.keep_purged:
            event.left_behind = self._of(known)
        event.never_told = message.kind == "destroyed" and (known is None or known.never_told) and anew
        if message.model == "Absence" or event.never_told:
            before = known.tellers if known is not None and known.never_told == event.never_told else ()
            event.tellers = (*before, message.by)
        self._events[message.key] = event

    def _learn_from(self, message: Message) -> None:
        """What is no news of an event may be news of its agents, where the platform itself tells."""
        if message.emitter == RSP and message.kind != "destroyed":
            self._learn(message, _agents(message.data))

    def _learn(self, message: Message, agents: Iterable[Json]) -> None:
        for agent in agents:
            voice = Voice(message.at, agent["email"], message.by, message.emitter)
            self._person(_agent_id(agent)).voices.append(voice)

    def _replaces(self, known: _Event, message: Message) -> bool:
        return _replaces(known, message.emitter, message.kind, message.at)

    def _says_the_same(self, known: _Event, message: Message) -> bool:
        if known.data is None or message.kind == "destroyed":
            return False
        return _facts(known.data) == _facts(self._permitted(message.data, message.emitter))

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

    def _person(self, ident: int) -> Person:
        return self._people.setdefault(ident, Person())

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

    def count_of(self, organisation: int) -> int:
        """How many entries an organisation's RDVs have."""
        mine = (each for each in self._events.values() if (each.model, each.organisation) == ("Rdv", organisation))
        return sum(sum(self._of(event).values()) for event in mine)

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
        idents = {_agent_id(agent) for agent in _agents(event.data or {})}
        if event.model != "Rdv" and not over and any(self._is_gone(ident, event) for ident in idents):
            return set()
        emails = [self._address(self._person(ident), event, over) for ident in idents]
        return {mailbox for email in emails if (mailbox := self.directory.mailbox(email))}

    def _is_gone(self, ident: int, event: _Event) -> bool:
        """Whether an agent has lost the last place, and somebody who may speak for the event said so, after it."""
        places = [place for place in self._places.values() if place.agent == ident]
        if not places or not all(place.gone for place in places):
            return False
        said = (
            place.at
            for place in places
            if (shares(place.by, event.tellers) if event.tellers else speaks_for(place.by, event.organisation))
        )
        return any(event.at <= at for at in said)

    def _address(self, person: Person, event: _Event, over: bool) -> str | None:
        heard = person.heard(event.organisation, event.tellers)
        newest = max(heard, key=lambda voice: voice.at, default=None)
        if newest is None or not newest.departed:
            return newest.email if newest else None
        if not over and not self.choices.keep_departed:
            return None
        real = [voice for voice in heard if not voice.departed]
        return max(real, key=lambda voice: voice.at).email if real else None

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
        cancelled = _is_cancelled(data)
        if cancelled and not self.choices.mark_cancelled and not event.marked:
            return None, "", ""
        title = _rdv_title(data)
        return (f"ANNULÉ : {title}", _place(data), "Free") if cancelled else (title, _place(data), "Busy")


def _replaces(known: _Event, emitter: str, kind: str, at: datetime) -> bool:
    if known.emitter != emitter:
        return emitter == RSP
    if known.data is None:
        return False
    return kind == "destroyed" or at >= known.at


def read(source: str, emitter: str, by: Authority, body: bytes) -> Message:
    """Read a body."""
    told = json.loads(body)
    meta = told["meta"]
    at = _moment(meta.get("payload_computed_at") or meta["timestamp"])
    purge = meta.get("webhook_reason") == "rgpd"
    return Message(source, emitter, by, meta["model"], meta["event"], at, told["data"], purge, body)


def _facts(data: Json) -> tuple[Any, ...]:
    """What of an absence makes two states of it the same."""
    own = data.get("organisation") or {}
    return _wall_clock(data), data.get("title"), data["agent"]["id"], own.get("id"), own.get("verticale")


def _is_cancelled(data: Json) -> bool:
    return data.get("status") in {"excused", "revoked"}


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
