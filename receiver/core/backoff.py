"""When to try again. For ever, ever less often, never all at once; and never later because somebody else asks."""

from datetime import datetime, timedelta

FIRST_DELAY_S = 2.0
LONGEST_DELAY_S = 15 * 60.0
DAY_S = 24 * 3600.0
"""The longest wait for what may never be there at all."""
MAX_RETRY_AFTER_S = 10 * 60.0
"""The most that is granted of a wait that a server asks for: a slip, or malice, must not stop all writing."""
GROWTH = 2.0
LONGEST_PAUSE = timedelta(hours=1)
"""A recorded end that is further off holds nobody: no wait that is begun here is a quarter as long."""
LONGEST_MAILBOX_PAUSE = timedelta(hours=25)
"""The same of mailboxes: those that the server does not know are left alone for a day in the end."""


def capped_retry_after_s(asked_s: float | None) -> float:
    """Return the seconds that are granted of a wait that somebody else asks for; 0 for None, NaN or a past moment."""
    return min(asked_s, MAX_RETRY_AFTER_S) if asked_s is not None and asked_s > 0 else 0.0


def active_until(recorded: datetime | None, now: datetime, furthest: timedelta = LONGEST_PAUSE) -> datetime | None:
    """Return the end of a recorded wait that is not over; None: nothing holds.

    An end that is further off than any was recorded by an earlier version, or while a clock was wrong.
    """
    return recorded if recorded is not None and timedelta() < recorded - now <= furthest else None


def shortened(recorded: datetime | None, now: datetime) -> datetime | None:
    """Return when a recorded wait ends that an earlier version may have granted: as if it were asked for now."""
    if recorded is None or recorded <= now + timedelta(seconds=LONGEST_DELAY_S):
        return recorded
    return now + timedelta(seconds=MAX_RETRY_AFTER_S)


def delay_s(attempts: int, retry_after_s: float | None, jitter: float, longest_s: float = LONGEST_DELAY_S) -> float:
    """Return the seconds to wait after so many failed attempts in a row (1 for the first).

    Args:
        attempts: failures so far.
        retry_after_s: what the server asked for: as much of it as is granted is the least.
        jitter: a random number from 0 to 1; spreads the wait over its upper half, so that what failed together does
            not come back together.
        longest_s: the most that it grows to.

    """
    exponent = min(max(attempts, 1) - 1, 32)  # beyond, the longest delay has long been reached
    grown = min(FIRST_DELAY_S * GROWTH**exponent, longest_s)
    return max(grown * (0.5 + jitter / 2), capped_retry_after_s(retry_after_s))
