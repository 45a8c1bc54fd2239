"""Entries found where the record was lost, or is older than the calendars: what a placement makes of them."""

from dataclasses import replace
from datetime import timedelta

import pytest

from receiver.core.plan import (
    STALE,
    Placement,
    Step,
    Verb,
    first_placement,
    looked_up,
    names_one_of,
    next_step,
    taken_over,
    unseen_placement,
)
from tests.core.mailbox_model import TIMINGS, UID
from tests.core.test_plan import found
from tests.makers import NOW

UNTIL = NOW + timedelta(days=1)
WRITTEN = Placement(1, UID, desired="a", applied="a", item_id="i1")
NEW = Placement(1, UID, desired="a")


@pytest.mark.parametrize(
    ("placement", "named"),
    [(WRITTEN, True), (replace(WRITTEN, item_id="i2"), False), (replace(WRITTEN, applied=None), False), (NEW, False)],
)
def test_only_an_entry_that_is_written_is_named(placement: Placement, named: bool) -> None:
    assert names_one_of(placement, ["i0", "i1"]) is named


def test_an_entry_of_an_event_without_placement_is_removed_in_the_end_unless_it_is_wanted() -> None:
    placement = first_placement(UID, "i1", UNTIL)
    assert placement == Placement(0, UID, desired=None, applied=STALE, item_id="i1", not_before=UNTIL)
    assert next_step(placement, UNTIL) is Step.DELETE


def test_a_mailbox_that_nobody_has_read_is_looked_up_before_anything_is_written() -> None:
    placement = unseen_placement(UID, "a", NOW)
    assert placement == Placement(
        0, UID, desired="a", applied=STALE, attempted=Verb.DELETE, look_up_at=NOW, not_before=NOW
    )
    assert next_step(placement, NOW) is Step.LOOK_UP
    nothing, _ = looked_up(placement, [], NOW, TIMINGS, respect=True)
    assert (next_step(nothing, NOW), nothing.declined) == (Step.CREATE, False)
    one, extras = looked_up(placement, found("i7", "copy"), NOW, TIMINGS)
    assert (next_step(one, NOW), one.item_id, extras) == (Step.UPDATE, "i7", ())


def test_an_entry_that_the_record_names_is_left_as_it_is() -> None:
    assert taken_over(WRITTEN, "i1", UNTIL) is WRITTEN


def test_another_entry_than_the_recorded_one_is_taken_over_and_what_is_wanted_of_it_waits() -> None:
    failing = replace(WRITTEN, failure="timeout", declined=True, open_creates=1, look_up_at=NOW)
    assert taken_over(failing, "i2", UNTIL) == replace(
        failing, applied=STALE, item_id="i2", declined=False, failure=None, not_before=UNTIL
    )


@pytest.mark.parametrize(("open_creates", "left"), [(0, 0), (1, 0), (2, 1)])
def test_an_entry_that_a_create_without_an_answer_left_accounts_for_that_create(open_creates: int, left: int) -> None:
    after = taken_over(replace(NEW, open_creates=open_creates), "i2", UNTIL)
    assert after == replace(NEW, applied=STALE, item_id="i2", open_creates=left, not_before=UNTIL)


def test_a_removal_waits_for_nothing_and_stays_visible() -> None:
    leaving = replace(WRITTEN, desired=None, failure="invalid_item", not_before=NOW)
    assert taken_over(leaving, "i2", UNTIL) == replace(leaving, applied=STALE, item_id="i2")
