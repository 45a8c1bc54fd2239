"""Waiting ends when the condition holds, and says what it waited for when it never does."""

import pytest

from tests.lab.waiting import happens, wait_until


def test_waiting_returns_the_first_value_that_holds() -> None:
    answers = iter([0, None, 7, 8])
    assert wait_until(lambda: next(answers), "an answer", every_s=0) == 7


def test_waiting_in_vain_names_what_was_waited_for_and_shows_the_evidence() -> None:
    with pytest.raises(AssertionError, match="in vain for the moon\nthe log"):
        wait_until(lambda: False, "the moon", timeout_s=0, evidence=lambda: "the log")


def test_a_condition_that_holds_at_the_end_of_the_time_is_seen() -> None:
    answers = iter([False, True])
    assert happens(lambda: next(answers), timeout_s=60, every_s=0)
    assert not happens(lambda: False, timeout_s=0, every_s=0)
