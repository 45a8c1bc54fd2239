"""The concurrency limit of one calendar server: additive increase, multiplicative decrease, as in TCP. Pure.

Exchange does not publish its throttling limits, and administrators change them: a refusal is the only way to learn
them. AIMD finds them and shares them fairly with other clients.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from receiver.core.backoff import capped_retry_after_s, delay_s

GROWTH_AFTER = 10
"""After this number of answers, one more concurrent call is allowed."""
MAX_REFUSALS = 3
"""After this number of consecutive refusals, the server does not merely throttle: it fails."""


@dataclass(frozen=True, slots=True)
class Throughput:
    """How many concurrent calls one process may make to one server."""

    maximum: int
    allowed: int
    answers: int = 0
    """Answers since `allowed` last changed."""
    refusals: int = 0
    """Consecutive refusals; calls that were refused together count once."""
    reduced_at: datetime | None = None
    paused_until: datetime | None = None

    @classmethod
    def full(cls, maximum: int) -> "Throughput":
        """Start with the configured maximum."""
        return cls(maximum, maximum)

    @property
    def exhausted(self) -> bool:
        """Whether fewer calls have not helped."""
        return self.refusals >= MAX_REFUSALS

    def admits(self, under_way: int, now: datetime) -> bool:
        """Return whether one more call may begin, given the number under way."""
        paused = self.paused_until is not None and now < self.paused_until
        return under_way < self.allowed and not paused

    def answered(self) -> "Throughput":
        """Record a call that was answered."""
        calm = replace(self, answers=self.answers + 1, refusals=0)
        if self.allowed == self.maximum or calm.answers < GROWTH_AFTER:
            return calm
        return replace(calm, allowed=self.allowed + 1, answers=0)

    def resumed(self) -> "Throughput":
        """End the pause early, as an operator asks."""
        return replace(self, paused_until=None)

    def refused(self, began_at: datetime, now: datetime, retry_after_s: float | None, jitter: float) -> "Throughput":
        """Record a call that was refused because there were too many.

        Args:
            began_at: when the call began. A call from before the last reduction does not reduce again.
            now: the moment of the refusal.
            retry_after_s: the server's Retry-After, used instead of the backoff as far as the cap allows; None: none.
            jitter: from 0 to 1, for the backoff.

        """
        known = self.reduced_at is not None and began_at < self.reduced_at
        refusals = self.refusals if known else self.refusals + 1
        trusted = retry_after_s is not None and refusals < MAX_REFUSALS
        wait_s = capped_retry_after_s(retry_after_s) if trusted else delay_s(refusals, retry_after_s, jitter)
        until = now + timedelta(seconds=wait_s)
        paused_until = max(until, self.paused_until or until)
        if known:
            return replace(self, paused_until=paused_until)
        allowed = max(self.allowed // 2, 1)
        return replace(self, allowed=allowed, answers=0, refusals=refusals, reduced_at=now, paused_until=paused_until)
