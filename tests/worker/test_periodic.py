"""What needs doing now and then comes again when it said, or at once when the clock went back."""

from datetime import datetime, timedelta

from receiver.worker.errands import AFTER_A_FAILURE, Errand
from tests.makers import NOW

HOUR = timedelta(hours=1)


def done(errand: Errand, now: datetime) -> None:
    errand.start(now)
    assert errand.thread is not None
    errand.thread.join(10)


def test_it_comes_again_when_it_said() -> None:
    errand = Errand("count", lambda _: HOUR)
    assert errand.is_due(NOW)
    done(errand, NOW)
    assert not errand.is_due(NOW + HOUR - timedelta(seconds=1))
    assert errand.is_due(NOW + HOUR)


def test_a_clock_that_was_set_back_makes_it_due() -> None:
    """It may be the one that tells that the clock was wrong."""
    errand = Errand("clock", lambda _: HOUR)
    done(errand, NOW + HOUR)
    assert errand.is_due(NOW)


def test_one_that_fails_is_tried_again_soon() -> None:
    def fail(_: datetime) -> timedelta:
        raise ValueError

    errand = Errand("count", fail)
    done(errand, NOW)
    assert not errand.is_due(NOW + AFTER_A_FAILURE / 2)
    assert errand.is_due(NOW + AFTER_A_FAILURE)
