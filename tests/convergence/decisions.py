"""Who may say what, and what somebody must decide: strangers lie, secrets are bound otherwise, much goes at once."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from emitter.model import Event, Rdv, Status
from emitter.payloads import Generation
from receiver.core import removal_limits
from receiver.store.database.records import Reason
from receiver.store.intake import judge_batch, set_aside
from tests.convergence.authorities import Limit, until_next
from tests.convergence.emitters import (
    ADDRESSES,
    ARRAS,
    BETHUNE,
    BOUND,
    CONTRACTOR,
    DOUAI,
    INSERTION,
    KARIM,
    LENS,
    ORGANISATIONS,
    Story,
)
from tests.convergence.newest_state import Word
from tests.convergence.platform_rules import Platform, at, rdvs
from tests.convergence.strategies import COMING, LONGEST_LIFE, generations, organisations, pick, send, some
from tests.makers import NOW

FREE = 2
"""So many entries go in any case: few, so that a life reaches it."""
LIES = {
    31: "accueil@departement.example",
    32: "paul@departement.example",
    33: "martine.agent@departement.example",
    34: "agent_34@deleted.rdv-solidarites.fr",
    35: "karim.agent@departement.example",
}
"""Where a stranger would lead the entries of each agent."""
BINDINGS = {
    "its own": None,
    "its own and Arras": frozenset({ORGANISATIONS[ARRAS].id}),
    "its own and Lens": frozenset({ORGANISATIONS[LENS].id}),
}


class Decisions(Platform):
    """What organisations may do to one another, and what somebody decides."""

    def decide(self, *, about: set[tuple[str, int]] | None = None, holds: bool = True) -> None:
        """Somebody decides on what is out of scope: all of it, or what is about some events."""
        rows = self.what_waits()
        chosen = [
            (row.id, message)
            for row, message in zip(rows, list(self.oracle.asides), strict=True)
            if about is None or message.key in about
        ]
        for number, message in [] if holds else chosen:
            self.store.write(set_aside.drop, [number])
            self.oracle.drop(message)
        if holds and chosen:
            self.store.write(judge_batch.release, [number for number, _ in chosen], self.now)
            self.oracle.release([message for _, message in chosen])

    # Organisations

    @precondition(lambda self: self._movable())
    @rule(which=some, organisation=organisations, generation=generations, send=send)
    def a_rdv_moves(self, which: int, organisation: str, generation: Generation, send: str) -> None:
        before = len(self.emitters.queue)
        self.emitters.move(pick(self._movable(), which), organisation, generation)
        self.told(send, before)

    def _movable(self) -> list[Story]:
        return self.told_by_rsp(rdvs(self.emitters.stories))

    @rule(
        what=st.sampled_from(["an event", "an event", "an event", "an agent", "a role"]),
        event=st.sampled_from([Event.CREATED, Event.UPDATED, Event.UPDATED, Event.DESTROYED]),
        which=some,
        who=st.sampled_from(list(ADDRESSES)),
        send=send,
    )
    def a_stranger_lies(self, what: str, event: Event, which: int, who: int, send: str) -> None:
        before = len(self.emitters.queue)
        roles = list(self.emitters.roles.values())
        stories = [story for story in self.emitters.stories if story.tellers != (INSERTION,)]
        if what == "an event" and stories:
            self.emitters.lie(pick(stories, which), event, LIES)
        elif what == "a role" and roles:
            self.emitters.lie_of_role(pick(roles, which) if which % 2 else None, who, Event.DESTROYED)
        else:
            self.emitters.lie_of_agent(who, LIES[who])
        self.told(send, before)

    @rule(source=st.sampled_from([LENS, BETHUNE]), to=st.sampled_from([*BINDINGS, "all"]))
    def a_secret_is_bound_otherwise(self, source: str, to: str) -> None:
        own = BOUND[source] or frozenset()
        by = None if to == "all" else own | (BINDINGS[to] or frozenset())
        self.system.rebind(source, by, self.choices, self.directory)
        self.oracle.rebind(source, by)
        self.what_waits()

    @precondition(lambda self: self.oracle.asides)
    @rule(which=some, how=st.sampled_from(["one holds", "one holds", "one does not", "all hold", "none holds"]))
    def somebody_decides(self, which: int, how: str) -> None:
        about = None if how in {"all hold", "none holds"} else {pick(self.oracle.asides, which).key}
        self.decide(about=about, holds=how in {"one holds", "all hold"})

    # By the dozen

    @rule(
        count=st.integers(6, 14),
        ways=st.lists(st.sampled_from(["destroyed", "destroyed", "taken off", "cancelled"]), min_size=4, max_size=12),
        pause_after=st.integers(2, 9),
        at_once=st.booleans(),
        then=st.sampled_from(["left", "left", "they hold", "they do not hold"]),
    )
    def appointments_go_by_the_dozen(
        self, count: int, ways: list[str], pause_after: int, at_once: bool, then: str
    ) -> None:
        if self.now + timedelta(days=2) > NOW + LONGEST_LIFE:
            return
        made = [self._one_of_a_crowd(number) for number in range(count)]
        self.system.settle()
        self.turn(until_next(self.now, day=True))
        todo = list(zip(made, ways, strict=False))
        at_day, day = self._standing(), {"gone": 0, "cancelled": 0}
        held: list[tuple[Story, str]] = []
        for part in (todo[:pause_after], todo[pause_after:]):
            at_hour, hour = self._standing(), {"gone": 0, "cancelled": 0}
            self.system.settle()
            with _few_are_free():
                for story, way in part:
                    kind = "cancelled" if way == "cancelled" else "gone"
                    goes = Limit(FREE).lets(hour[kind] + 1, day[kind] + 1, at_hour, at_day)
                    if kind == "cancelled" and self.choices.mark_cancelled:
                        goes = True  # it shows as cancelled, and nothing goes
                    elif goes:
                        hour[kind] += 1
                        day[kind] += 1
                    self._goes(story, way, goes=goes)
                    held += [] if goes else [(story, way)]
                    if not at_once:
                        self.system.settle()
                self.system.settle()
            self.turn(until_next(self.now, day=False))
        self._decide_on(held, then)

    def _one_of_a_crowd(self, number: int) -> Story:
        rdv = self.emitters.rdv(at(COMING + number % 7, 9 + number % 6), (KARIM,), DOUAI)
        story = Story(rdv, (DOUAI,))
        self._send_of_crowd(story, Event.CREATED)
        return story

    def _goes(self, story: Story, way: str, *, goes: bool) -> None:
        rdv = story.entry
        assert isinstance(rdv, Rdv)
        if way == "destroyed":
            self._send_of_crowd(story, Event.DESTROYED, is_heard=goes)
            return
        changed = {"status": Status.REVOKED} if way == "cancelled" else {"agents": (CONTRACTOR,)}
        self.emitters.change(story, Generation.YEAR_2026, **changed)
        self._send_newest(is_heard=goes or way == "cancelled", marked=way == "cancelled" and not goes)

    def _send_of_crowd(self, story: Story, event: Event, *, is_heard: bool = True) -> None:
        self.emitters.tell(story, event, Generation.YEAR_2026)
        self._send_newest(is_heard=is_heard)

    def _send_newest(self, *, is_heard: bool, marked: bool = False) -> None:
        """Send what was queued last; the oracle hears of it unless it is held."""
        job = self.emitters.queue.pop()
        assert self.system.post(job) == (202, "accepted")
        if is_heard:
            assert self.hear(job, marked=marked) is Word.TAKEN
        else:
            self.unheard.append(job)

    def _standing(self) -> int:
        return self.oracle.count_of(ORGANISATIONS[DOUAI].id)

    def _decide_on(self, held: list[tuple[Story, str]], then: str) -> None:
        unheard, self.unheard = self.unheard, []
        mine = [row for row in self.system.waiting(Reason.REMOVAL, Reason.CANCELLATION) if row.source == DOUAI]
        self.crowd_waits += len(held)
        assert len(mine) == self.crowd_waits, (len(mine), self.crowd_waits, held)
        if then == "left":
            return
        ids = [row.id for row in mine[len(mine) - len(held) :]]
        if then == "they hold":
            assert self.store.write(judge_batch.release, ids, self.now) == len(held)
            for job in unheard:
                self.hear(job)
            for story, way in held:
                if way == "cancelled":
                    self.oracle.may_go(story.key)
        else:
            assert self.store.write(set_aside.drop, ids) == len(held)
        self.crowd_waits -= len(held)


@contextmanager
def _few_are_free() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(removal_limits, "ALWAYS_ALLOWED", FREE)
        yield
