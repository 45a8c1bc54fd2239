"""What an operator may do to a placement that fails: have it tried at once, or let it be."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from connectors.base import Found, Permanent, Scope, Temporary
from receiver.core.plan import CallLimits, Placement, Step, dismiss, failed, looked_up, next_step, retry, set_desired

NOW = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)
WANTED = Placement(1, "Rdv/5@production", "d1", not_before=NOW)
REFUSED = failed(WANTED, Permanent("invalid_item", Scope.ITEM), NOW, 0)
WAITING = failed(WANTED, Temporary("timeout", Scope.ITEM), NOW, 0)
DOUBTFUL = replace(WAITING, look_up_at=LATER, open_creates=1)


def test_what_was_given_up_is_tried_at_once() -> None:
    assert next_step(REFUSED, LATER) is Step.NOTHING
    assert next_step(retry(REFUSED, LATER), LATER) is Step.CREATE


def test_what_waits_is_tried_at_once_and_waits_anew_as_if_it_were_the_first_time() -> None:
    assert next_step(WAITING, NOW) is Step.NOTHING
    retried = retry(WAITING, NOW)
    assert (next_step(retried, NOW), retried.attempts) == (Step.CREATE, 0)


def test_it_counts_as_failing_until_it_was_tried() -> None:
    """A removal elsewhere waits for a creation that does not fail: it must not begin to wait now."""
    assert retry(REFUSED, NOW).failure == "invalid_item"


def test_what_is_due_keeps_its_place_in_the_queue() -> None:
    assert retry(WANTED, LATER).due_at == WANTED.due_at


def test_a_look_up_that_is_owed_comes_first_and_not_earlier() -> None:
    retried = retry(DOUBTFUL, NOW)
    assert next_step(retried, NOW) is Step.NOTHING
    assert next_step(retried, LATER) is Step.LOOK_UP


def test_what_an_operator_lets_be_is_neither_tried_nor_shown() -> None:
    for failing in (REFUSED, WAITING):
        dismissed = dismiss(failing)
        assert (dismissed.failure, dismissed.due_at) == (None, None)


def test_it_comes_back_with_other_content_and_with_no_less() -> None:
    dismissed = dismiss(REFUSED)
    assert set_desired(dismissed, "d1", LATER) == dismissed
    assert next_step(set_desired(dismissed, "d2", LATER), LATER) is Step.CREATE


def test_what_does_not_fail_is_not_let_be() -> None:
    assert dismiss(WANTED) == WANTED


def test_what_is_in_doubt_is_looked_up_whatever_an_operator_says() -> None:
    assert dismiss(DOUBTFUL) == DOUBTFUL
    found, extras = looked_up(DOUBTFUL, [Found("item", "key")], LATER, CallLimits.of(1))
    assert (found.item_id, extras) == ("item", ())


def test_a_removal_is_never_let_be() -> None:
    """Nothing else will ever be wanted in its place: the entry would stay, and nobody would know."""
    leaving = replace(WAITING, desired=None, applied="d1", item_id="item")
    assert dismiss(leaving) == leaving


def test_an_order_changes_what_it_is_about_and_nothing_else() -> None:
    waited = replace(WAITING, attempts=5)
    assert retry(waited, NOW) == replace(waited, not_before=NOW, attempts=0)
    assert retry(REFUSED, LATER) == replace(REFUSED, gave_up=False)
    assert dismiss(waited) == replace(waited, attempts=0, failure=None, gave_up=True)
