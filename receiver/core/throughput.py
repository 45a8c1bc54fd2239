"""How many calls may be under way at one calendar server: halved when it asks for less, grown again by ones. Pure.

Exchange tells nobody its limits, and administrators change them: the only way to know is to be refused. Additive
increase and multiplicative decrease, as TCP does it, finds them and shares them fairly with whoever else calls.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from receiver.core.backoff import capped_retry_after_s, delay_s

GROWTH_AFTER = 10
"""So many answers, and one more call may be under way."""
MAX_REFUSALS = 3
"""So many refusals in a row without one answer, and the server is not throttling but in trouble."""


@dataclass(frozen=True, slots=True)
class Throughput:
    """What one process may ask of one server at once."""

    maximum: int
    allowed: int
    answers: int = 0
    """Since the number of calls last changed."""
    refusals: int = 0
    """In a row: calls that were refused together count once."""
    reduced_at: datetime | None = None
    paused_until: datetime | None = None

    @classmethod
    def full(cls, maximum: int) -> "Throughput":
        """Begin with all that is configured."""
        return cls(maximum, maximum)

    @property
    def exhausted(self) -> bool:
        """Whether going slower has not helped."""
        return self.refusals >= MAX_REFUSALS

    def admits(self, under_way: int, now: datetime) -> bool:
        """Say whether one more call may begin beside those under way."""
        paused = self.paused_until is not None and now < self.paused_until
        return under_way < self.allowed and not paused

    def answered(self) -> "Throughput":
        """Note a call that was answered."""
        calm = replace(self, answers=self.answers + 1, refusals=0)
        if self.allowed == self.maximum or calm.answers < GROWTH_AFTER:
            return calm
        return replace(calm, allowed=self.allowed + 1, answers=0)

    def resumed(self) -> "Throughput":
        """Go on before the pause is over, as somebody wishes."""
        return replace(self, paused_until=None)

    def refused(self, began_at: datetime, now: datetime, asked_s: float | None, jitter: float) -> "Throughput":
        """Note a call that was refused because there are too many.

        Args:
            began_at: when the call began. What began before the last reduction tells nothing new.
            now: the moment.
            asked_s: how long the server asked to wait, which is then enough, as far as it is granted; None: it did not
                say.
            jitter: from 0 to 1, for a wait that nobody asked for.

        """
        known = self.reduced_at is not None and began_at < self.reduced_at
        refusals = self.refusals if known else self.refusals + 1
        trusted = asked_s is not None and refusals < MAX_REFUSALS
        wait_s = capped_retry_after_s(asked_s) if trusted else delay_s(refusals, asked_s, jitter)
        until = now + timedelta(seconds=wait_s)
        paused_until = max(until, self.paused_until or until)
        if known:
            return replace(self, paused_until=paused_until)
        allowed = max(self.allowed // 2, 1)
        return replace(self, allowed=allowed, answers=0, refusals=refusals, reduced_at=now, paused_until=paused_until)
