"""Why the model may forget how long ago a moment was: the plan compares a past moment as it compares the present."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.base import Done, Failed, Found, NotFound, Outcome, Permanent, Scope, Temporary, Unconfirmed
from receiver.core import plan
from receiver.core.plan import STALE, Placement, Verb
from tests.makers import NOW
from tests.proof.ticks import TICK, Proportions, a_tick_later, tidy
from tests.proof.world import UID

LIMITS = Proportions(3, 5, 10).limits
MOMENTS = st.integers(-9, 9).map(lambda ticks: NOW + TICK * ticks)
CONTENTS = st.sampled_from(["A", "B", None])
OUTCOMES: list[Outcome] = [
    Done("i1"),
    NotFound(),
    Unconfirmed("timeout"),
    Failed(Temporary("busy", retry_after_s=300)),
    Failed(Temporary("quota", Scope.MAILBOX)),
    Failed(Permanent("invalid_item")),
]


@st.composite
def placements(draw: st.DrawFn) -> Placement:
    applied = draw(st.sampled_from(["A", "B", STALE, None]))
    return Placement(
        1,
        UID,
        desired=draw(CONTENTS),
        applied=applied,
        item_id=None if applied is None else "i1",
        attempted=draw(st.sampled_from([None, *Verb])),
        look_up_at=draw(st.none() | MOMENTS),
        recheck_at=draw(st.none() | MOMENTS),
        open_creates=draw(st.integers(0, 2)),
        attempts=draw(st.integers(0, 2)),
        not_before=draw(MOMENTS),
        failure=draw(st.sampled_from([None, "failing"])),
        gave_up=draw(st.booleans()),
        declined=draw(st.booleans()),
    )


Change = Callable[[Placement], Placement]
CHANGES: dict[str, Change] = {
    "set_desired": lambda p: plan.set_desired(p, "A", NOW),
    "retry": lambda p: plan.retry(p, NOW),
    "shortened": lambda p: plan.shortened(p, NOW),
    "dismiss": plan.dismiss,
    "removed": lambda p: plan.removed(p, 1),
    "taken_over": lambda p: plan.taken_over(p, "i2", NOW + TICK),
    **{f"begin {verb}": lambda p, verb=verb: plan.begin(p, verb, NOW, LIMITS) for verb in Verb},  # type: ignore[misc]
    **{f"end {outcome}": lambda p, outcome=outcome: plan.end(p, "A", outcome, NOW, 0.0) for outcome in OUTCOMES},  # type: ignore[misc]
    **{
        f"looked_up {ids}": lambda p, ids=ids: plan.looked_up(
            p, [Found(i, UID) for i in ids], NOW, LIMITS, respect=True
        )[0]  # type: ignore[misc]
        for ids in ((), ("i1",), ("i2",), ("i1", "i2"))
    },
}


@pytest.mark.parametrize("name", CHANGES)
@settings(max_examples=60)
@given(placement=placements())
def test_a_moment_that_has_come_may_as_well_be_the_present_one(name: str, placement: Placement) -> None:
    change = CHANGES[name]
    assert tidy(change(placement)) == tidy(change(tidy(placement)))


@given(placements(), st.integers(0, 12))
def test_what_is_next_does_not_depend_on_how_long_something_has_been_due(placement: Placement, ticks: int) -> None:
    later = NOW + TICK * ticks
    assert plan.next_step(placement, later) is plan.next_step(tidy(placement), later)


@given(placements())
def test_time_that_passes_brings_moments_nearer_and_changes_nothing_else(placement: Placement) -> None:
    later = a_tick_later(tidy(placement))
    for ticks in range(12):
        moment = NOW + TICK * ticks
        assert plan.next_step(later, moment) is plan.next_step(tidy(placement), moment + TICK)


def test_the_products_limits_are_in_the_proportions_that_are_explored() -> None:
    assert plan.CallLimits.of(30) == LIMITS
