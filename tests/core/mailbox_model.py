"""A mailbox as agents, a server and a bad line make it; the model in which a placement's life is tried out."""

import itertools
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, auto

from connectors.base import Done, Failed, Found, NotFound, Outcome, Permanent, Scope, Temporary, Unconfirmed
from receiver.core.plan import (
    CallLimits,
    Placement,
    Step,
    Verb,
    begin,
    end,
    failed,
    looked_up,
    next_step,
    removed,
    set_desired,
)
from tests.makers import NOW

UID = "Rdv/1@production"
TIMINGS = CallLimits.of(30)
JITTER = 0.5
VERBS = {Step.CREATE: Verb.CREATE, Step.UPDATE: Verb.UPDATE, Step.DELETE: Verb.DELETE}


class Fate(Enum):
    """What becomes of a write."""

    ANSWERED = auto()
    LOST_DONE = auto()
    """Made; the answer never came."""
    LOST_LATE = auto()
    """Made some time after the client was gone."""
    LOST_NEVER = auto()
    REFUSED_FOR_NOW = auto()
    REFUSED_BY_MAILBOX = auto()
    REFUSED_BY_SERVER = auto()
    REFUSED_FOR_EVER = auto()
    CRASH_BEFORE = auto()
    """Our process died after it recorded the attempt, before it sent."""
    CRASH_AFTER = auto()
    """Our process died after the server made the change, before the answer was recorded."""
    CRASH_LATE = auto()


LATE = {Fate.LOST_LATE, Fate.CRASH_LATE}
NEVER = {Fate.LOST_NEVER, Fate.CRASH_BEFORE}
CRASH = {Fate.CRASH_BEFORE, Fate.CRASH_AFTER, Fate.CRASH_LATE}
REFUSALS = {
    Fate.REFUSED_FOR_NOW: Temporary("busy"),
    Fate.REFUSED_BY_MAILBOX: Temporary("quota", Scope.MAILBOX),
    Fate.REFUSED_BY_SERVER: Temporary("down", Scope.SERVER, retry_after_s=60),
    Fate.REFUSED_FOR_EVER: Permanent("invalid_item"),
}


@dataclass
class Mailbox:
    """The items that carry our uid, in the order in which a search lists them: newest first or last."""

    contents: dict[str, str] = field(default_factory=dict)
    numbers: "itertools.count[int]" = field(default_factory=itertools.count)
    newest_first: bool = False
    deletes: int = 0

    def add(self, content: str, item_id: str | None = None) -> str:
        item_id = item_id or f"i{next(self.numbers)}"
        self.contents[item_id] = content
        return item_id

    def change(self, verb: Verb, item_id: str | None, content: str | None) -> Outcome:
        """Make a change of ours."""
        if verb is Verb.CREATE:
            assert content is not None
            return Done(self.add(content))
        if item_id not in self.contents:
            return NotFound()
        assert item_id is not None
        if verb is Verb.DELETE:
            self.deletes += 1
            del self.contents[item_id]
        else:
            assert content is not None
            self.contents[item_id] = content
        return Done(item_id)

    def found(self) -> list[Found]:
        ids = list(self.contents)
        return [Found(item_id, UID) for item_id in (reversed(ids) if self.newest_first else ids)]


@dataclass(frozen=True)
class Late:
    """A change that a server that lost its client makes after all."""

    at: datetime
    verb: Verb
    item_id: str | None
    content: str | None


@dataclass
class MailboxModel:
    """One placement, as the store and a worker treat it, and its mailbox."""

    mailbox: Mailbox = field(default_factory=Mailbox)
    placement: Placement = field(default_factory=lambda: Placement(1, UID, desired="v0", not_before=NOW))
    now: datetime = NOW
    late: list[Late] = field(default_factory=list)
    creates_begun: int = 0
    deletes_unanswered: int = 0

    def wish(self, content: str | None) -> None:
        """Settle the event anew; a record that was dropped begins again."""
        if self.placement.settled:
            self.placement = Placement(1, UID, desired=content, not_before=self.now)
        else:
            self.placement = set_desired(self.placement, content, self.now)

    def pass_time(self, by: timedelta) -> None:
        self.now += by
        due = sorted((change for change in self.late if change.at <= self.now), key=lambda change: change.at)
        self.late = [change for change in self.late if change.at > self.now]
        for change in due:
            self.mailbox.change(change.verb, change.item_id, change.content)

    def look_up(self, fates_of_extras: "itertools.cycle[Fate]", late_by: timedelta) -> tuple[str, ...]:
        self.placement, extras = looked_up(self.placement, self.mailbox.found(), self.now, TIMINGS)
        outcomes = [self._carry(Verb.DELETE, item_id, None, next(fates_of_extras), late_by) for item_id in extras]
        self.placement = removed(self.placement, sum(isinstance(outcome, Done) for outcome in outcomes))
        return extras

    def fail_look_up(self, scope: Scope) -> None:
        self.placement = failed(self.placement, Temporary("busy", scope), self.now, JITTER)

    def write(self, verb: Verb, fate: Fate, late_by: timedelta, wish_midway: tuple[str | None] | None) -> None:
        """Begin, send and, unless the process died, end."""
        item_id, content = self.placement.item_id, None if verb is Verb.DELETE else self.placement.desired
        self.placement = begin(self.placement, verb, self.now, TIMINGS)
        self.creates_begun += verb is Verb.CREATE
        if wish_midway:
            self.wish(*wish_midway)
        outcome = self._carry(verb, item_id, content, fate, late_by)
        if fate not in CRASH:
            self.placement = end(self.placement, content, outcome, self.now, JITTER)

    def _carry(self, verb: Verb, item_id: str | None, content: str | None, fate: Fate, late_by: timedelta) -> Outcome:
        if fate in REFUSALS:
            return Failed(REFUSALS[fate])
        self.deletes_unanswered += verb is Verb.DELETE and fate is not Fate.ANSWERED
        if fate in LATE:
            self.late.append(Late(self.now + late_by, verb, item_id, content))
        elif fate not in NEVER:
            outcome = self.mailbox.change(verb, item_id, content)
            if fate is Fate.ANSWERED:
                return outcome
        return Unconfirmed("timeout")

    def step(self) -> Step:
        return next_step(self.placement, self.now)

    def come_to_rest(self) -> None:
        """Let nothing go wrong any more, and time pass, until nothing is due and nothing can come late."""
        for _ in range(200):
            step = self.step()
            if step is Step.LOOK_UP:
                self.look_up(itertools.cycle([Fate.ANSWERED]), timedelta(0))
            elif verb := VERBS.get(step):
                self.write(verb, Fate.ANSWERED, timedelta(0), None)
            else:
                moments = [change.at for change in self.late]
                moments += [self.placement.due_at] if self.placement.due_at else []
                if not moments:
                    return
                self.pass_time(min(moments) - self.now)
        raise AssertionError(f"never at rest: {self.placement}")
