"""Time in the model: whole ticks from now. The present is always `NOW`; when time passes, moments come nearer.

`receiver/core/plan.py` does two things with moments: it compares them with the present one, and it sets new ones at a
fixed distance from it. A moment that has come can therefore be recorded as `NOW`: it compares with any later present
in the same way (`tests/proof/test_ticks.py` holds the functions to that). Moments are rounded down to whole ticks, so
nothing becomes due later than in reality. Nothing in the model must happen as soon as it is due: a worker may always be
later. Only a call under way and a server that lost its client have a last moment, and both are before it, never at it.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache

from receiver.core.plan import CallLimits, Placement
from tests.makers import NOW

TICK = timedelta(minutes=1)
MET = 100_000
"""Placements whose form is remembered: the same few come again and again."""
FEW = 2
"""Attempts are counted so far: up to some more, the delay that they cause is less than a tick."""


@dataclass(frozen=True)
class Proportions:
    """The limits of `CallLimits`, in ticks. Those of the product are as 3, 5 and 10."""

    settle: int
    lease: int
    recheck: int

    @property
    def limits(self) -> CallLimits:
        """As the plan takes them."""
        return CallLimits(settle=TICK * self.settle, recheck=TICK * self.recheck, lease=TICK * self.lease)


@lru_cache(MET)
def tidy(placement: Placement) -> Placement:
    """Write a placement as it compares: moments in whole ticks from `NOW`, and a failure without its code."""
    look_up_at, recheck_at = placement.look_up_at, placement.recheck_at
    return replace(
        placement,
        look_up_at=None if look_up_at is None else NOW + TICK * max((look_up_at - NOW) // TICK, 0),
        recheck_at=None if recheck_at is None else NOW + TICK * max((recheck_at - NOW) // TICK, 0),
        not_before=NOW + TICK * max((placement.not_before - NOW) // TICK, 0),
        attempts=min(placement.attempts, FEW),
        failure=None if placement.failure is None else "failing",
    )


def is_waiting(placement: Placement) -> bool:
    """Whether a moment of a placement is still to come."""
    look_up_at, recheck_at = placement.look_up_at, placement.recheck_at
    return (
        placement.not_before > NOW
        or (look_up_at is not None and look_up_at > NOW)
        or (recheck_at is not None and recheck_at > NOW)
    )


@lru_cache(MET)
def a_tick_later(placement: Placement) -> Placement:
    """Return a placement as it compares one tick later."""
    if not is_waiting(placement):
        return placement
    look_up_at, recheck_at = placement.look_up_at, placement.recheck_at
    return replace(
        placement,
        look_up_at=None if look_up_at is None else max(look_up_at - TICK, NOW),
        recheck_at=None if recheck_at is None else max(recheck_at - TICK, NOW),
        not_before=max(placement.not_before - TICK, NOW),
    )


def ahead(moment: datetime | None) -> int:
    """Return in how many ticks a moment comes; -1 for none."""
    return -1 if moment is None else (moment - NOW) // TICK
