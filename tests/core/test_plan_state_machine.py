"""A placement's life under everything that can go wrong, told to Hypothesis: what must hold in the end, and always."""

import itertools
from datetime import timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from connectors.base import Scope
from receiver.core.plan import Step, next_step
from tests.core.mailbox_model import TIMINGS, VERBS, Fate, MailboxModel

CONTENTS = st.sampled_from(["v1", "v2", "v3"])
WISHES = st.none() | CONTENTS
LATE_BY = st.sampled_from([timedelta(seconds=s) for s in (1, 60, 179, 181, 300, 599, 600)])
"""A server that lost its client has made the change, or given it up, after `Timings.recheck`."""
PAUSES = st.sampled_from([timedelta(seconds=s) for s in (1, 30, 180, 181, 300, 600, 781, 1800)])
FATES = st.sampled_from(Fate)


class Life(RuleBasedStateMachine):
    """One placement and one mailbox; agents may move and delete the entry, not copy it."""

    @initialize(newest_first=st.booleans())
    def begin(self, newest_first: bool) -> None:
        self.model = MailboxModel()
        self.model.mailbox.newest_first = newest_first
        self.copies = 0

    # What comes from outside

    @rule(content=WISHES)
    def wish(self, content: str | None) -> None:
        self.model.wish(content)

    @rule(by=PAUSES)
    def pass_time(self, by: timedelta) -> None:
        self.model.pass_time(by)

    @rule()
    def pass_time_until_due(self) -> None:
        due_at = self.model.placement.due_at
        if due_at and due_at > self.model.now:
            self.model.pass_time(due_at - self.model.now)

    @precondition(lambda self: self.model.mailbox.contents)
    @rule(data=st.data())
    def agent_deletes(self, data: st.DataObject) -> None:
        item_id = data.draw(st.sampled_from(sorted(self.model.mailbox.contents)))
        del self.model.mailbox.contents[item_id]

    @precondition(lambda self: self.model.mailbox.contents)
    @rule(data=st.data())
    def agent_moves(self, data: st.DataObject) -> None:
        """To another folder: the item's id changes."""
        contents = self.model.mailbox.contents
        self.model.mailbox.add(contents.pop(data.draw(st.sampled_from(sorted(contents)))))

    # What the worker does

    @precondition(lambda self: self.model.step() is Step.LOOK_UP)
    @rule(fates=st.lists(FATES, min_size=1, max_size=3), late_by=LATE_BY)
    def look_up(self, fates: list[Fate], late_by: timedelta) -> None:
        before = self.model.placement
        extras = self.model.look_up(itertools.cycle(fates), late_by)
        explained = before.open_creates + (before.applied is not None)
        assert len(extras) <= max(explained - 1, 0)

    @precondition(lambda self: self.model.step() is Step.LOOK_UP)
    @rule(scope=st.sampled_from(Scope))
    def look_up_that_fails(self, scope: Scope) -> None:
        self.model.fail_look_up(scope)

    @precondition(lambda self: self.model.step() in VERBS)
    @rule(fate=FATES, late_by=LATE_BY, wish_midway=st.none() | st.tuples(WISHES))
    def write(self, fate: Fate, late_by: timedelta, wish_midway: tuple[str | None] | None) -> None:
        self.model.write(VERBS[self.model.step()], fate, late_by, wish_midway)

    @precondition(lambda self: self.model.step() in VERBS)
    @rule()
    def write_that_goes_well(self) -> None:
        self.model.write(VERBS[self.model.step()], Fate.ANSWERED, timedelta(0), None)

    @precondition(lambda self: self.model.step() in VERBS)
    @rule(late_by=LATE_BY)
    def write_that_comes_late(self, late_by: timedelta) -> None:
        """And the look-up that follows it: the shortest way into trouble."""
        self.model.write(VERBS[self.model.step()], Fate.LOST_LATE, late_by, None)
        self.model.pass_time(TIMINGS.settle)
        if self.model.step() is Step.LOOK_UP:
            self.model.look_up(itertools.cycle([Fate.ANSWERED]), late_by)

    # What always holds

    @invariant()
    def an_applied_placement_has_an_item_and_no_other_has(self) -> None:
        placement = self.model.placement
        assert (placement.applied is not None) is (placement.item_id is not None)

    @invariant()
    def doubt_is_never_forgotten(self) -> None:
        placement = self.model.placement
        assert placement.attempted is None or placement.look_up_at is not None
        assert placement.open_creates >= 0
        assert placement.open_creates == 0 or placement.in_doubt

    @invariant()
    def nothing_is_written_while_a_look_up_is_owed(self) -> None:
        placement = self.model.placement
        if placement.look_up_at is not None:
            for later in (timedelta(0), TIMINGS.settle, TIMINGS.recheck, timedelta(days=400)):
                assert next_step(placement, self.model.now + later) in {Step.NOTHING, Step.LOOK_UP}

    @invariant()
    def due_is_when_there_is_something_to_do(self) -> None:
        """The store claims by `due_at` alone: a step it does not announce is never taken."""
        placement = self.model.placement
        due_at = placement.due_at
        assert (due_at is None or due_at > self.model.now) is (self.model.step() is Step.NOTHING)
        if due_at is not None:
            assert next_step(placement, due_at) is not Step.NOTHING
            assert next_step(placement, due_at - timedelta(microseconds=1)) is Step.NOTHING

    @invariant()
    def a_record_is_dropped_only_when_nothing_of_ours_can_be_there(self) -> None:
        placement = self.model.placement
        if placement.settled:
            assert placement.due_at is None
            assert len(self.model.mailbox.contents) <= self.copies
            assert not [change for change in self.model.late if change.content is not None and change.item_id is None]

    @invariant()
    def we_delete_no_more_than_we_may_have_made(self) -> None:
        """A delete without an answer is no proof of one: its item may have been moved, and then is looked for."""
        assert self.model.mailbox.deletes <= self.model.creates_begun + self.model.deletes_unanswered

    # What holds in the end

    def teardown(self) -> None:
        for content in ("last", None):
            self.at_rest_with(content)
        self.at_rest_with("again")

    def at_rest_with(self, content: str | None) -> None:
        self.model.wish(content)
        self.model.come_to_rest()
        placement = self.model.placement
        assert placement.applied == content
        assert (placement.failure, placement.gave_up, placement.open_creates) == (None, False, 0)
        shown = list(self.model.mailbox.contents.values())
        assert shown == ([] if content is None else [content])


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=200, stateful_step_count=30)


class LifeWithCopies(Life):
    """The same with agents who copy the entry: a copy carries our property, and nobody can tell it from ours.

    What is guaranteed then: a look-up removes no more than lost creates explain (`look_up` above), in all no more is
    deleted than was created, the item that the record knows shows the last content, and what is left over was copied.
    """

    MOST_COPIES = 1

    @precondition(lambda self: self.model.mailbox.contents and self.copies < self.MOST_COPIES)
    @rule(data=st.data())
    def agent_copies(self, data: st.DataObject) -> None:
        contents = self.model.mailbox.contents
        self.model.mailbox.add(contents[data.draw(st.sampled_from(sorted(contents)))])
        self.copies += 1

    def at_rest_with(self, content: str | None) -> None:
        self.model.wish(content)
        self.model.come_to_rest()
        placement, contents = self.model.placement, self.model.mailbox.contents
        assert placement.applied == content
        assert (placement.failure, placement.gave_up, placement.open_creates) == (None, False, 0)
        assert contents.get(placement.item_id or "") == content
        assert len(contents) - (content is not None) <= self.copies


TestLifeWithCopies = LifeWithCopies.TestCase
TestLifeWithCopies.settings = settings(max_examples=150, stateful_step_count=30)
