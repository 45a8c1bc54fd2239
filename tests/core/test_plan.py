"""One placement's life, transition by transition."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from connectors.base import ConnectorError, Done, Failed, Found, NotFound, Permanent, Scope, Temporary, Unconfirmed
from receiver.core.plan import (
    EPOCH,
    STALE,
    CallLimits,
    Placement,
    Step,
    Verb,
    begin,
    end,
    failed,
    looked_up,
    next_step,
    set_desired,
)
from tests.makers import NOW

TIMINGS = CallLimits.of(30)
SECOND = timedelta(seconds=1)
UID = "Rdv/1@production"


def a_placement(**facts: Any) -> Placement:
    """Written and at rest."""
    return replace(Placement(1, UID, desired="a", applied="a", item_id="i1"), **facts)


NEW = Placement(1, UID, desired="a")
GONE = a_placement(desired=None, applied=None, item_id=None)


def found(*ids: str) -> list[Found]:
    return [Found(item_id, UID) for item_id in ids]


def looked(placement: Placement, *ids: str) -> Placement:
    after, extras = looked_up(placement, found(*ids), NOW, TIMINGS)
    assert extras == ()
    return after


def test_timings_follow_from_how_long_one_call_can_take() -> None:
    assert CallLimits(settle=timedelta(minutes=3), recheck=timedelta(minutes=10), lease=timedelta(minutes=5)) == TIMINGS
    assert TIMINGS.settle < TIMINGS.lease < TIMINGS.recheck


# What is next


@pytest.mark.parametrize(
    ("placement", "step"),
    [
        (NEW, Step.CREATE),
        (a_placement(), Step.NOTHING),
        (a_placement(desired="b"), Step.UPDATE),
        (a_placement(applied=STALE), Step.UPDATE),
        (a_placement(desired=None), Step.DELETE),
        (a_placement(desired=None, applied=STALE), Step.DELETE),
        (GONE, Step.NOTHING),
        (a_placement(desired="b", not_before=NOW), Step.UPDATE),
        (a_placement(desired="b", not_before=NOW + SECOND), Step.NOTHING),
        (a_placement(desired="b", gave_up=True), Step.NOTHING),
        (a_placement(look_up_at=NOW), Step.LOOK_UP),
        (a_placement(look_up_at=NOW + SECOND), Step.NOTHING),
        (a_placement(desired="b", look_up_at=NOW + SECOND), Step.NOTHING),
        (a_placement(desired="b", look_up_at=NOW), Step.LOOK_UP),
        (a_placement(look_up_at=NOW, not_before=NOW + SECOND), Step.NOTHING),
        (a_placement(desired="b", gave_up=True, look_up_at=NOW), Step.LOOK_UP),
        (a_placement(recheck_at=NOW), Step.LOOK_UP),
        (a_placement(recheck_at=NOW + SECOND), Step.NOTHING),
        (a_placement(desired="b", recheck_at=NOW + SECOND), Step.UPDATE),
        (a_placement(desired="b", recheck_at=NOW), Step.LOOK_UP),
        (a_placement(desired="b", gave_up=True, recheck_at=NOW), Step.LOOK_UP),
        (replace(GONE, recheck_at=NOW), Step.LOOK_UP),
    ],
)
def test_the_next_step_follows_from_what_is_wanted_and_what_was_applied(placement: Placement, step: Step) -> None:
    assert next_step(placement, NOW) is step


@pytest.mark.parametrize(
    ("placement", "settled", "may_be_there"),
    [
        (GONE, True, False),
        (NEW, False, False),
        (a_placement(), False, True),
        (a_placement(desired=None), False, True),
        (replace(GONE, look_up_at=NOW), False, True),
        (replace(GONE, recheck_at=NOW), False, True),
    ],
)
def test_a_record_may_go_only_when_nothing_is_or_may_be_there(
    placement: Placement, settled: bool, may_be_there: bool
) -> None:
    assert (placement.settled, placement.may_be_there) == (settled, may_be_there)


# Wishes


def test_a_new_wish_starts_afresh_but_keeps_doubt() -> None:
    tried = a_placement(
        attempts=7, not_before=NOW + timedelta(hours=1), failure="quota", gave_up=True, look_up_at=NOW, open_creates=1
    )
    assert set_desired(tried, "b", NOW) == a_placement(desired="b", not_before=NOW, look_up_at=NOW, open_creates=1)


def test_the_same_wish_again_does_not_cut_a_wait_short() -> None:
    tried = a_placement(desired="b", attempts=7, not_before=NOW + timedelta(hours=1), failure="quota")
    assert set_desired(tried, "b", NOW) is tried


# Writes


@pytest.mark.parametrize("verb", Verb)
def test_a_write_is_recorded_as_doubtful_before_it_is_sent(verb: Verb) -> None:
    begun = begin(a_placement(desired="b"), verb, NOW, TIMINGS)
    assert (begun.attempted, begun.look_up_at) == (verb, NOW + TIMINGS.settle)
    assert begun.open_creates == (verb is Verb.CREATE)
    assert next_step(begun, NOW + TIMINGS.settle - SECOND) is Step.NOTHING
    assert next_step(begun, NOW + TIMINGS.settle) is Step.LOOK_UP


def write(placement: Placement, verb: Verb, outcome: Any, sent: str | None = "a") -> Placement:
    return end(begin(placement, verb, NOW, TIMINGS), sent, outcome, NOW, 1.0)


def test_what_was_confirmed_is_applied() -> None:
    assert write(replace(NEW, attempts=2, failure="timeout"), Verb.CREATE, Done("i1")) == a_placement()
    assert write(a_placement(desired="b"), Verb.UPDATE, Done("i2"), "b") == a_placement(
        desired="b", applied="b", item_id="i2"
    )
    assert write(a_placement(desired=None), Verb.DELETE, Done("i1"), None) == GONE


def test_what_was_wished_for_meanwhile_stays_due() -> None:
    begun = begin(NEW, Verb.CREATE, NOW, TIMINGS)
    ended = end(set_desired(begun, "b", NOW), "a", Done("i1"), NOW, 1.0)
    assert (ended.desired, ended.applied, next_step(ended, NOW)) == ("b", "a", Step.UPDATE)
    ended = end(set_desired(begun, None, NOW), "a", Done("i1"), NOW, 1.0)
    assert next_step(ended, NOW) is Step.DELETE


def test_an_earlier_lost_create_stays_in_mind_when_the_next_is_confirmed() -> None:
    ended = write(replace(NEW, open_creates=1, recheck_at=NOW + TIMINGS.recheck), Verb.CREATE, Done("i1"))
    assert (ended.open_creates, ended.recheck_at) == (1, NOW + TIMINGS.recheck)


def test_without_an_answer_the_look_up_stays_owed() -> None:
    ended = write(NEW, Verb.CREATE, Unconfirmed("timeout"))
    assert ended == replace(begin(NEW, Verb.CREATE, NOW, TIMINGS), attempts=1, failure="timeout"), (
        "as a crash would leave it, and why"
    )


def test_an_id_that_leads_nowhere_is_looked_for_at_once_then_ever_later() -> None:
    once = write(a_placement(desired="b"), Verb.UPDATE, NotFound(), "b")
    assert (once.look_up_at, once.attempts, once.failure) == (NOW, 1, "item_not_found")
    assert (once.applied, once.item_id) == ("a", "i1"), "the entry may have been moved"
    again = write(looked(once, "i1"), Verb.UPDATE, NotFound(), "b")
    assert (again.look_up_at, again.attempts) == (NOW + 2 * SECOND, 2)


def test_a_delete_of_what_is_nowhere_is_done_once_that_is_certain() -> None:
    missing = write(a_placement(desired=None), Verb.DELETE, NotFound(), None)
    assert not missing.settled
    assert looked(missing).settled


@pytest.mark.parametrize("verb", [Verb.CREATE, Verb.UPDATE])
def test_a_refusal_that_may_heal_is_tried_again_later(verb: Verb) -> None:
    placement = NEW if verb is Verb.CREATE else a_placement(applied="old")
    ended = write(placement, verb, Failed(Temporary("busy")))
    assert ended == replace(placement, attempts=1, not_before=NOW + 2 * SECOND, failure="busy")
    asked = write(placement, verb, Failed(Temporary("busy", retry_after_s=60)))
    assert asked.not_before == NOW + 60 * SECOND


def test_a_refusal_for_ever_waits_for_other_content() -> None:
    ended = write(NEW, Verb.CREATE, Failed(Permanent("invalid_item")))
    assert ended == replace(NEW, failure="invalid_item", gave_up=True)
    assert ended.due_at is None
    assert next_step(set_desired(ended, "b", NOW), NOW) is Step.CREATE


def test_a_refusal_for_ever_does_not_end_doubt() -> None:
    """An earlier write may still come to light, and then things are different."""
    doubtful = replace(NEW, open_creates=1, recheck_at=NOW + TIMINGS.recheck)
    ended = write(doubtful, Verb.CREATE, Failed(Permanent("invalid_item")))
    assert not ended.gave_up
    assert (ended.attempts, ended.open_creates) == (1, 1)


@pytest.mark.parametrize("error", [Temporary("busy"), Permanent("invalid_item")])
def test_a_refusal_of_what_is_wanted_no_more_says_nothing_of_what_is(error: ConnectorError) -> None:
    begun = set_desired(begin(NEW, Verb.CREATE, NOW, TIMINGS), "b", NOW)
    assert end(begun, "a", Failed(error), NOW, 1.0) == replace(NEW, desired="b", not_before=NOW)


@pytest.mark.parametrize("scope", [Scope.MAILBOX, Scope.SERVER])
@pytest.mark.parametrize("kind", [Temporary, Permanent])
def test_the_trouble_of_a_mailbox_or_server_holds_no_single_entry_back(
    kind: type[ConnectorError], scope: Scope
) -> None:
    """It is waited for there, so that all go on at once when it heals."""
    ended = write(NEW, Verb.CREATE, Failed(kind("denied", scope)))
    assert ended == replace(NEW, failure="denied")


def test_a_failed_look_up_concludes_nothing_and_comes_later() -> None:
    doubtful = begin(a_placement(desired="b"), Verb.UPDATE, NOW - TIMINGS.settle, TIMINGS)
    after = failed(doubtful, Temporary("busy"), NOW, 1.0)
    assert replace(after, attempts=0, not_before=EPOCH, failure=None) == doubtful
    assert after.due_at == NOW + 2 * SECOND


def test_a_failed_second_look_up_comes_later_too() -> None:
    after = failed(a_placement(recheck_at=NOW), Temporary("busy"), NOW, 1.0)
    assert (after.recheck_at, after.due_at) == (NOW + 2 * SECOND, NOW + 2 * SECOND)
    early = failed(a_placement(recheck_at=NOW + TIMINGS.recheck), Temporary("busy"), NOW, 1.0)
    assert early.recheck_at == NOW + TIMINGS.recheck


# Look-ups

LOST_CREATE = begin(NEW, Verb.CREATE, NOW - TIMINGS.settle, TIMINGS)


def test_a_lost_create_that_is_found_is_adopted_and_written_again() -> None:
    after = looked(LOST_CREATE, "i1")
    assert after == a_placement(applied=STALE, not_before=NOW)
    assert next_step(after, NOW) is Step.UPDATE


def test_a_lost_create_that_is_not_found_is_redone_and_looked_for_once_more() -> None:
    after = looked(LOST_CREATE)
    assert after == replace(NEW, open_creates=1, recheck_at=NOW + TIMINGS.recheck, not_before=NOW)
    assert next_step(after, NOW) is Step.CREATE


def test_a_create_that_comes_late_is_removed_beside_its_successor() -> None:
    both = a_placement(item_id="i2", open_creates=1, recheck_at=NOW)
    after, extras = looked_up(both, found("i1", "i2"), NOW, TIMINGS)
    assert extras == ("i1",)
    assert (after.item_id, after.applied) == ("i2", STALE), "the newest content is written again"
    assert after.recheck_at == NOW + TIMINGS.settle + TIMINGS.recheck, "until the other is gone for certain"
    last = looked(replace(after, recheck_at=NOW), "i2")
    assert (last.open_creates, last.recheck_at) == (0, None)


def test_what_could_not_be_removed_is_removed_at_the_next_look() -> None:
    both = a_placement(item_id="i2", open_creates=1, recheck_at=NOW)
    once, _ = looked_up(both, found("i1", "i2"), NOW, TIMINGS)
    again, extras = looked_up(replace(once, recheck_at=NOW), found("i1", "i2"), NOW, TIMINGS)
    assert (again.item_id, extras) == ("i2", ("i1",))


def test_seeing_what_is_known_explains_no_lost_create() -> None:
    """The other one may still come."""
    lost = begin(a_placement(open_creates=1, desired="b"), Verb.UPDATE, NOW - TIMINGS.settle, TIMINGS)
    assert looked(lost, "i1").open_creates == 1


def test_a_create_that_never_comes_is_given_up_after_the_second_look() -> None:
    once = a_placement(item_id="i2", open_creates=1, recheck_at=NOW)
    assert looked(once, "i2") == a_placement(item_id="i2", applied=STALE, not_before=NOW)


def test_a_create_that_comes_late_for_an_event_that_is_over_is_removed() -> None:
    over = replace(GONE, open_creates=1, recheck_at=NOW)
    after = looked(over, "i1")
    assert (after.item_id, next_step(after, NOW)) == ("i1", Step.DELETE)


@pytest.mark.parametrize("verb", [Verb.UPDATE, Verb.DELETE])
def test_a_lost_update_or_delete_is_looked_for_twice(verb: Verb) -> None:
    """It may be made late, over what was written since."""
    lost = begin(a_placement(desired="b"), verb, NOW - TIMINGS.settle, TIMINGS)
    for ids in ((), ("i1",)):
        assert looked(lost, *ids).recheck_at == NOW + TIMINGS.recheck


def test_an_entry_that_was_moved_is_followed() -> None:
    missing = write(a_placement(desired="b"), Verb.UPDATE, NotFound(), "b")
    after = looked(missing, "i9")
    assert (after.item_id, after.applied, next_step(after, NOW)) == ("i9", STALE, Step.UPDATE)


def test_an_entry_that_an_agent_deleted_is_created_again_when_the_event_changes() -> None:
    missing = write(a_placement(desired="b"), Verb.UPDATE, NotFound(), "b")
    assert next_step(looked(missing), NOW) is Step.CREATE


def test_a_copy_that_an_agent_made_is_left_alone() -> None:
    lost = begin(a_placement(desired="b"), Verb.UPDATE, NOW - TIMINGS.settle, TIMINGS)
    assert looked(lost, "copy", "i1", "copy2").item_id == "i1"


def test_of_several_found_only_as_many_go_as_lost_creates_explain() -> None:
    lost = a_placement(open_creates=2, recheck_at=NOW)
    after, extras = looked_up(lost, found("x1", "x2", "i1", "x3"), NOW, TIMINGS)
    assert (after.item_id, extras) == ("i1", ("x1", "x2"))


def test_a_second_look_that_is_still_to_come_outlives_an_ordinary_one() -> None:
    later = NOW + timedelta(minutes=5)
    missing = replace(write(a_placement(desired="b"), Verb.UPDATE, NotFound(), "b"), recheck_at=later)
    assert looked(missing, "i1").recheck_at == later


def test_a_removal_that_is_refused_for_good_is_tried_again() -> None:
    """Nothing else will ever be wanted in its place: given up, the entry would stay in the calendar for ever."""
    refused = write(a_placement(desired=None), Verb.DELETE, Failed(Permanent("invalid_item")), sent=None)
    assert (refused.gave_up, refused.failure, refused.attempts) == (False, "invalid_item", 1)
    assert next_step(refused, NOW + timedelta(hours=1)) is Step.DELETE
