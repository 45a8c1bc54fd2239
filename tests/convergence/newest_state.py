"""What is believed of all that is told: own order of states, own reading of who may say what."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from tests.convergence.authorities import (
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
from tests.convergence.bodies import Json, agent_id, agents_of, facts, is_cancelled, read


@dataclass
class Event:
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
    left_behind: Counter[tuple[str, Any]] = field(default_factory=Counter)
    """What a purge for data protection leaves in the calendars."""


class Word(StrEnum):
    """What becomes of a webhook."""

    TAKEN = "taken"
    OLDER = "older"
    REPEAT = "repeat"
    ASIDE = "aside"


class Hearing:
    """Told of every delivery."""

    def __init__(self) -> None:
        self._read: set[tuple[str, Authority, bytes]] = set()
        self._events: dict[tuple[str, int], Event] = {}
        self._people: dict[int, Person] = {}
        self._places: dict[int, Place] = {}
        self.asides: list[Message] = []
        """What waits for somebody to decide, in the order in which it came."""

    def _permitted(self, data: Json, emitter: str) -> dict[str, Any]:
        """Return what of a message may be kept."""
        raise NotImplementedError

    def _left_behind(self, event: Event) -> Counter[tuple[str, Any]]:
        """Return what a purge leaves in the calendars."""
        raise NotImplementedError

    # What happens

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

    def _may_tell(self, message: Message, known: Event | None) -> tuple[bool, bool]:
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

    def _take_in(self, message: Message, known: Event | None, *, anew: bool) -> None:
        self._learn(message, agents_of(message.data) if message.kind != "destroyed" else [])
        event = Event(message.model, message.emitter, message.at, organisation=message.organisation)
        if message.kind != "destroyed":
            event.data = self._permitted(message.data, message.emitter)
            event.marked = known is not None and known.marked and is_cancelled(event.data)
        elif known is not None and message.purge:
            event.left_behind = self._left_behind(known)
        event.never_told = message.kind == "destroyed" and (known is None or known.never_told) and anew
        if message.model == "Absence" or event.never_told:
            before = known.tellers if known is not None and known.never_told == event.never_told else ()
            event.tellers = (*before, message.by)
        self._events[message.key] = event

    def _learn_from(self, message: Message) -> None:
        """What is no news of an event may be news of its agents, where the platform itself tells."""
        if message.emitter == RSP and message.kind != "destroyed":
            self._learn(message, agents_of(message.data))

    def _learn(self, message: Message, agents: Iterable[Json]) -> None:
        for agent in agents:
            voice = Voice(message.at, agent["email"], message.by, message.emitter)
            self._person(agent_id(agent)).voices.append(voice)

    def _replaces(self, known: Event, message: Message) -> bool:
        return _replaces(known, message.emitter, message.kind, message.at)

    def _says_the_same(self, known: Event, message: Message) -> bool:
        if known.data is None or message.kind == "destroyed":
            return False
        return facts(known.data) == facts(self._permitted(message.data, message.emitter))

    def _person(self, ident: int) -> Person:
        return self._people.setdefault(ident, Person())


def _replaces(known: Event, emitter: str, kind: str, at: datetime) -> bool:
    if known.emitter != emitter:
        return emitter == RSP
    if known.data is None:
        return False
    return kind == "destroyed" or at >= known.at
