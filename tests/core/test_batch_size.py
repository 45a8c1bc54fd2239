"""How many changes of a mailbox go into one request."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.base import Done, Failed, NotFound, Outcome, Permanent, Scope, Temporary, Unconfirmed
from receiver.core.batch_size import MOST, BatchSize

TIMEOUT_S = 30.0
DONE, GONE = Done("A"), NotFound()
LATE, LOST = Unconfirmed("timeout"), Unconfirmed("connection_lost", Scope.SERVER)
MISSING, DAMAGED = Unconfirmed("answer_incomplete"), Unconfirmed("server_error")
HELD_BACK = Failed(Temporary("timeout", Scope.MAILBOX))
REFUSED, BUSY = Failed(Permanent("invalid_item")), Failed(Temporary("server_busy", Scope.SERVER))
OUTCOMES = st.lists(st.sampled_from([DONE, GONE, LATE, LOST, MISSING, DAMAGED, REFUSED, BUSY]), max_size=MOST)


def after(allowed: int, outcomes: list[Outcome], took_s: float = 0.0) -> int:
    return BatchSize(allowed).after(outcomes, took_s, TIMEOUT_S).allowed


@pytest.mark.parametrize(
    ("allowed", "outcomes", "left"),
    [
        (100, [LATE] * 100, 50),
        (50, [LATE] * 50, 25),
        (100, [LATE] * 9, 4),
        (100, [DONE] * 97 + [MISSING] * 3, 50),
        (100, [LATE] * 60 + [HELD_BACK] * 40, 50),
        (100, [LOST] * 10, 5),
        (2, [LATE] * 2, 1),
    ],
)
def test_a_batch_that_was_cut_short_halves_the_next(allowed: int, outcomes: list[Outcome], left: int) -> None:
    assert after(allowed, outcomes, TIMEOUT_S) == left


@pytest.mark.parametrize("outcome", [LATE, LOST, MISSING])
def test_one_change_without_an_answer_says_nothing_of_batches(outcome: Outcome) -> None:
    assert (after(100, [outcome]), after(7, [outcome])) == (100, 7)


def test_one_damaged_item_is_no_reason_for_smaller_batches() -> None:
    assert after(100, [DONE] * 99 + [DAMAGED]) == 100


@pytest.mark.parametrize(
    ("took_s", "allowed"),
    [(0.0, 100), (7.5, 100), (7.6, 50), (29.0, 50)],
)
def test_it_grows_after_success_unless_a_larger_batch_would_take_too_long(took_s: float, allowed: int) -> None:
    assert after(50, [DONE] * 49 + [GONE], took_s) == allowed


@pytest.mark.parametrize("outcomes", [[], [DONE, BUSY], [DONE, REFUSED], [DONE, DAMAGED]])
def test_it_does_not_grow_without_success(outcomes: list[Outcome]) -> None:
    assert after(50, outcomes) == 50


@given(st.lists(st.tuples(OUTCOMES, st.floats(0, 60))))
def test_it_stays_between_one_and_the_most(batches: list[tuple[list[Outcome], float]]) -> None:
    size = BatchSize()
    for outcomes, took_s in batches:
        size = size.after(outcomes[: size.allowed], took_s, TIMEOUT_S)
        assert 1 <= size.allowed <= MOST
