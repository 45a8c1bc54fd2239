"""Retry delays: exponential backoff with jitter, without a last attempt, and with a cap on a server's Retry-After."""

from datetime import datetime, timedelta

FIRST_DELAY_S = 2.0
LONGEST_DELAY_S = 15 * 60.0
DAY_S = 24 * 3600.0
"""The longest delay for a mailbox that may not exist at all."""
MAX_RETRY_AFTER_S = 10 * 60.0
"""The cap on a server's Retry-After: a wrong or hostile value must not stop all writing."""
GROWTH = 2.0
LONGEST_PAUSE = timedelta(hours=1)
"""A recorded pause that ends later than this is ignored: no pause that starts here is a quarter as long."""
LONGEST_MAILBOX_PAUSE = timedelta(hours=25)
"""The same for mailboxes: the delay for those that the server does not know grows to a day."""


def capped_retry_after_s(retry_after_s: float | None) -> float:
    """Return a server's Retry-After, at most `MAX_RETRY_AFTER_S`; 0 for None, NaN or a negative value."""
    return min(retry_after_s, MAX_RETRY_AFTER_S) if retry_after_s is not None and retry_after_s > 0 else 0.0


def active_until(recorded: datetime | None, now: datetime, longest: timedelta = LONGEST_PAUSE) -> datetime | None:
    """Return the end of a recorded pause; None if there is none, it is over, or its end is implausible.

    An end beyond `longest` was recorded by an earlier version, or while a clock was wrong.
    """
    return recorded if recorded is not None and timedelta() < recorded - now <= longest else None


def shortened(recorded: datetime | None, now: datetime) -> datetime | None:
    """Return the end of a recorded pause; one that only an earlier version can have recorded is cut to the cap."""
    if recorded is None or recorded <= now + timedelta(seconds=LONGEST_DELAY_S):
        return recorded
    return now + timedelta(seconds=MAX_RETRY_AFTER_S)


def delay_s(attempts: int, retry_after_s: float | None, jitter: float, longest_s: float = LONGEST_DELAY_S) -> float:
    """Return the seconds to wait before the next attempt.

    Args:
        attempts: consecutive failures so far, at least 1.
        retry_after_s: the server's Retry-After; its capped value is the minimum.
        jitter: a random number from 0 to 1. It spreads the delay over its upper half, so that work that failed
            together is not retried together.
        longest_s: the maximum of the backoff.

    """
    exponent = min(max(attempts, 1) - 1, 32)  # the maximum is reached long before
    grown = min(FIRST_DELAY_S * GROWTH**exponent, longest_s)
    return max(grown * (0.5 + jitter / 2), capped_retry_after_s(retry_after_s))
