"""When a job that failed is tried again: the emitters' schedules, as values."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

RDV_SERVICE_PUBLIC_WAITS_S = tuple(n**4 for n in range(1, 20))
"""20 attempts, n^4 seconds after attempt n: 6.5 days."""

RDV_INSERTION_WAITS_S = tuple(n**4 + 15 for n in range(25))
"""26 attempts over 20 days: Sidekiq's defaults."""

USUAL_JITTER = 0.15
"""The maximum jitter of ActiveJob: 6.5 days become 7.5."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """The waits between attempts; one attempt more than waits is made."""

    waits_s: Sequence[float] = RDV_SERVICE_PUBLIC_WAITS_S
    jitter: float = 0.0
    """The largest part of a wait that is added to it by chance."""
    time_scale: float = 1.0
    """Factor on every wait; far below 1 for tests."""
    seed: int = 0

    @property
    def attempts(self) -> int:
        """How often one body is sent at most."""
        return len(self.waits_s) + 1

    def wait_s(self, attempt: int, job: int = 0) -> float | None:
        """Seconds to wait after attempt number `attempt` (the first is 1) of a job; None: it was the last.

        Chance depends on seed, job and attempt alone, so that threads in whatever order draw the same numbers.
        """
        if attempt >= self.attempts:
            return None
        chance = Random(f"{self.seed}/{job}/{attempt}").random()
        return self.waits_s[attempt - 1] * (1 + self.jitter * chance) * self.time_scale
