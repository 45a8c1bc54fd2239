"""What every mailbox must show in the end, worked out anew from the contract and the design.

It reads the very bodies that were delivered, and shares no code with the receiver, the connectors or the emitter: own
reading, own order of states, own wording, and dateutil for what repeats.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr

from tests.convergence.authorities import INSERTION, Person, shares, speaks_for
from tests.convergence.bodies import Json, agent_id, agents_of, is_cancelled, moment, wall_clock
from tests.convergence.newest_state import Event, Hearing

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
    generic_titles: bool = False


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


class Oracle(Hearing):
    """Told of every delivery and every configuration; answers what must be seen."""

    def __init__(self, choices: Choices, directory: Directory, began: datetime, past: timedelta) -> None:
        super().__init__()
        self.choices = choices
        self.directory = directory
        self._began = began
        self._past = past

    # What happens

    def configure(self, choices: Choices, directory: Directory) -> None:
        self.choices, self.directory = choices, directory
        for event in self._events.values():
            if event.data is not None:
                event.data = self._permitted(event.data, event.emitter)

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

    def _left_behind(self, event: Event) -> Counter[tuple[str, Shown]]:
        return self._of(event) if self.choices.keep_purged else Counter()

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

    def _of(self, event: Event) -> Counter[tuple[str, Shown]]:
        if event.data is None:
            return event.left_behind
        times = list(self._times(event))
        if not times or max(end for _, end in times) < self._began - self._past:
            return Counter()
        title, place, show_as = self._words(event)
        shown = [Shown(title, place, start, end, show_as) for start, end in times] if title else []
        over = max(end for _, end in times) < self._began
        return Counter({(box, one): 1 for box in self._mailboxes(event, over) for one in shown})

    def _mailboxes(self, event: Event, over: bool) -> set[str]:
        idents = {agent_id(agent) for agent in agents_of(event.data or {})}
        if event.model != "Rdv" and not over and any(self._is_gone(ident, event) for ident in idents):
            return set()
        emails = [self._address(self._person(ident), event, over) for ident in idents]
        return {mailbox for email in emails if (mailbox := self.directory.mailbox(email))}

    def _is_gone(self, ident: int, event: Event) -> bool:
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

    def _address(self, person: Person, event: Event, over: bool) -> str | None:
        heard = person.heard(event.organisation, event.tellers)
        newest = max(heard, key=lambda voice: voice.at, default=None)
        if newest is None or not newest.departed:
            return newest.email if newest else None
        if not over and not self.choices.keep_departed:
            return None
        real = [voice for voice in heard if not voice.departed]
        return max(real, key=lambda voice: voice.at).email if real else None

    def _times(self, event: Event) -> Iterator[tuple[datetime, datetime]]:
        data = event.data or {}
        if event.model == "Rdv":
            start = moment(data["starts_at"])
            end = moment(data["ends_at"]) if data.get("ends_at") else None
            yield start, end or start + timedelta(minutes=data["duration_in_min"])
            return
        first, last, rule = wall_clock(data)
        for day in _days(first, rule, (self._began + timedelta(days=400)).date()):
            start = datetime.combine(day, first.time())
            yield (
                start.replace(tzinfo=PARIS).astimezone(UTC),
                (start + (last - first)).replace(tzinfo=PARIS).astimezone(UTC),
            )

    def _words(self, event: Event) -> tuple[str | None, str, str]:
        data = event.data or {}
        if event.model == "Absence":
            title = f"Absence : {data['title']}" if data.get("title") else "Absence"
            return title if self.choices.absences else None, "", "OOF"
        if event.model == "PlageOuverture":
            motifs = "" if self.choices.generic_titles else ", ".join(motif["name"] for motif in data["motifs"])
            title = f"Plage d'ouverture : {motifs}" if motifs else "Plage d'ouverture"
            return title if self.choices.plages else None, _lieu(data.get("lieu")), "Free"
        cancelled = is_cancelled(data)
        if cancelled and not self.choices.mark_cancelled and not event.marked:
            return None, "", ""
        title = _rdv_title(data, generic=self.choices.generic_titles)
        return (f"ANNULÉ : {title}", _place(data), "Free") if cancelled else (title, _place(data), "Busy")


def _rdv_title(data: Json, *, generic: bool) -> str:
    title = "Rendez-vous" if generic else str(data["motif"]["name"])
    if not (data.get("collectif") or data["motif"].get("collectif")):
        return title
    if generic:
        title = "Rendez-vous collectif"
    elif data.get("name"):
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


def _days(first: datetime, rule: str | None, horizon: date) -> Iterator[date]:
    if not rule:
        yield first.date()
        return
    if "MONTHLY" in rule and "BYDAY" not in rule and first.day > 28:
        return  # no calendar server leaves the short months out: refused as a whole
    text = re.sub(r"UNTIL=(\d{8})T\d{6}Z?", r"UNTIL=\1T235959", rule.rstrip(";"))
    end = datetime.combine(horizon, time(23, 59))
    yield from (found.date() for found in rrulestr(text, dtstart=first).between(first, end, inc=True))
