"""When to try again. For ever, ever less often, never all at once."""

FIRST_DELAY_S = 2.0
LONGEST_DELAY_S = 15 * 60.0
DAY_S = 24 * 3600.0
"""The longest wait for what may never be there at all."""
GROWTH = 2.0


def delay_s(attempts: int, retry_after_s: float | None, jitter: float, longest_s: float = LONGEST_DELAY_S) -> float:
    """Return the seconds to wait after so many failed attempts in a row (1 for the first).

    Args:
        attempts: failures so far.
        retry_after_s: what the server asked for, obeyed as a minimum.
        jitter: a random number from 0 to 1; spreads the wait over its upper half, so that what failed together does
            not come back together.
        longest_s: the most that it grows to.

    """
    exponent = min(max(attempts, 1) - 1, 32)  # beyond, the longest delay has long been reached
    grown = min(FIRST_DELAY_S * GROWTH**exponent, longest_s)
    return max(grown * (0.5 + jitter / 2), retry_after_s or 0.0)
