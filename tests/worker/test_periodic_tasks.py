"""What needs doing now and then comes again when it said, or at once when the clock went back."""

from datetime import datetime, timedelta

from receiver.worker.periodic import AFTER_A_FAILURE, Task
from tests.makers import NOW

HOUR = timedelta(hours=1)


def done(task: Task, now: datetime) -> None:
    task.start(now)
    assert task.thread is not None
    task.thread.join(10)


def test_it_comes_again_when_it_said() -> None:
    task = Task("count", HOUR * 2, lambda _: HOUR)
    assert task.is_due(NOW)
    done(task, NOW)
    assert not task.is_due(NOW + HOUR - timedelta(seconds=1))
    assert task.is_due(NOW + HOUR)


def test_a_clock_that_was_set_back_makes_it_due() -> None:
    """It may be the one that tells that the clock was wrong."""
    task = Task("clock", HOUR * 2, lambda _: HOUR)
    done(task, NOW + HOUR)
    assert task.is_due(NOW)


def test_one_that_fails_is_tried_again_soon() -> None:
    def fail(_: datetime) -> timedelta:
        raise ValueError

    task = Task("count", HOUR * 2, fail)
    done(task, NOW)
    assert not task.is_due(NOW + AFTER_A_FAILURE / 2)
    assert task.is_due(NOW + AFTER_A_FAILURE)
