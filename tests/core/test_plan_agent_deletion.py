"""`on_agent_deletion: respect`: what the agent deleted stays away, and what we deleted is not taken for the agent's."""

import itertools
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from connectors.base import Done, Found, NotFound
from receiver.core.plan import STALE, Placement, Step, Verb, begin, end, looked_up, next_step, set_desired
from tests.core.mailbox_model import TIMINGS, UID, Fate, MailboxModel
from tests.makers import NOW

AT_ONCE = timedelta(0)
ANSWERED = itertools.cycle([Fate.ANSWERED])
WRITTEN = Placement(1, UID, desired="a", applied="a", item_id="i1")


@dataclass
class RespectfulModel(MailboxModel):
    """A model in which agents' deletions are respected."""

    def look_up(self, fates_of_extras: "itertools.cycle[Fate]", late_by: timedelta) -> tuple[str, ...]:
        self.placement, extras = looked_up(self.placement, self.mailbox.found(), self.now, TIMINGS, respect=True)
        for item_id in extras:
            self._carry(Verb.DELETE, item_id, None, next(fates_of_extras), late_by)
        return extras


def not_found(placement: Placement, *, respect: bool = True) -> Placement:
    return looked_up(placement, [], NOW, TIMINGS, respect=respect)[0]


def in_doubt(**facts: Any) -> Placement:
    return replace(WRITTEN, look_up_at=NOW, **facts)


@pytest.mark.parametrize(("respect", "step"), [(True, Step.NOTHING), (False, Step.CREATE)])
def test_an_entry_that_its_agent_deleted_stays_away_only_where_that_is_respected(respect: bool, step: Step) -> None:
    missing = end(begin(set_desired(WRITTEN, "b", NOW), Verb.UPDATE, NOW, TIMINGS), "b", NotFound(), NOW, 0)
    assert next_step(missing, NOW) is Step.LOOK_UP, "it may have been moved"
    after = not_found(missing, respect=respect)
    assert (next_step(after, NOW), after.declined) == (step, respect)


def test_it_stays_away_whatever_becomes_of_the_event() -> None:
    declined = not_found(in_doubt(desired="b", attempted=Verb.UPDATE))
    for wish in ("c", None, "d"):
        declined = set_desired(declined, wish, NOW)
        assert next_step(declined, NOW + TIMINGS.settle) is Step.NOTHING


def test_the_record_of_it_goes_when_nothing_is_wanted_any_more() -> None:
    declined = not_found(in_doubt(attempted=Verb.UPDATE))
    later = not_found(replace(declined, look_up_at=NOW, recheck_at=None))
    assert later.declined
    assert set_desired(replace(later, recheck_at=None), None, NOW).settled


@pytest.mark.parametrize(
    "placement",
    [
        in_doubt(applied=None, item_id=None, attempted=Verb.CREATE, open_creates=1),
        in_doubt(desired=None, attempted=Verb.DELETE),
        in_doubt(recheck_at=NOW + TIMINGS.recheck, attempted=Verb.UPDATE),
        replace(WRITTEN, recheck_at=NOW),
    ],
    ids=["never confirmed", "our delete", "our delete of before may have come late", "second look-up"],
)
def test_what_may_be_our_own_doing_is_not_the_agents(placement: Placement) -> None:
    assert not not_found(placement).declined


def test_an_entry_that_is_found_again_is_no_deleted_one() -> None:
    declined = replace(WRITTEN, applied=None, item_id=None, declined=True, look_up_at=NOW, open_creates=1)
    after, _ = looked_up(declined, [Found("i7", UID)], NOW, TIMINGS, respect=True)
    assert (after.declined, after.applied, after.item_id) == (False, STALE, "i7")
    assert next_step(after, NOW) is Step.UPDATE


def test_our_delete_that_commits_late_is_not_the_agents_and_the_event_comes_back() -> None:
    """Cancelled, the answer lost, revived, and only then the delete is made: the entry must not stay away."""
    model = RespectfulModel()
    model.write(Verb.CREATE, Fate.ANSWERED, AT_ONCE, None)
    model.wish(None)
    model.write(Verb.DELETE, Fate.LOST_LATE, TIMINGS.recheck, None)
    model.pass_time(TIMINGS.settle)
    model.look_up(ANSWERED, AT_ONCE)
    model.wish("b")
    model.come_to_rest()
    assert list(model.mailbox.contents.values()) == ["b"]
    assert model.placement.applied == "b"


def test_what_the_agent_takes_out_of_the_bin_is_the_agents_and_holds_nothing_up() -> None:
    """Once its deletion is respected our record explains no entry any more, as with a copy that the agent made."""
    model = RespectfulModel()
    model.write(Verb.CREATE, Fate.ANSWERED, AT_ONCE, None)
    model.wish("b")
    model.write(Verb.UPDATE, Fate.LOST_NEVER, AT_ONCE, None)
    model.mailbox.contents.clear()
    model.pass_time(TIMINGS.settle)
    model.look_up(ANSWERED, AT_ONCE)
    model.mailbox.add("v0", "i0")
    model.come_to_rest()
    model.wish(None)
    model.come_to_rest()
    assert (model.mailbox.contents, model.placement.settled) == ({"i0": "v0"}, True)
    model.wish("c")
    model.come_to_rest()
    assert sorted(model.mailbox.contents.values()) == ["c", "v0"]


def test_an_answered_write_ends_what_was_respected_before() -> None:
    """A new placement, after the old record went, begins without memory."""
    fresh = Placement(2, UID, desired="b", not_before=NOW)
    written = end(begin(fresh, Verb.CREATE, NOW, TIMINGS), "b", Done("i9"), NOW, 0)
    assert (written.declined, written.applied) == (False, "b")
