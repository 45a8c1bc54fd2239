"""From when on something is a trouble."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From when on something is a trouble."""

    web_silent: timedelta = timedelta(minutes=1)
    worker_silent: timedelta = timedelta(minutes=1)
    worker_deaths: int = 3
    """So many within an hour: the next one will not stay either."""
    worker_restart: timedelta = timedelta(minutes=2)
    """So long the new start of one that keeps dying may take: the supervisor's longest pause, and the start itself."""
    change_late: timedelta = timedelta(minutes=15)
    signatures_refused: int = 10
    """So many wrong signatures in a day: a secret was changed at one end, not two or three stray requests."""
    signed_strangers: int = 5
    """So many signed webhooks in a day for addresses that no source has: an emitter, not a robot."""
    source_silent: timedelta = timedelta(hours=8)
    """Of working time."""
    certificate_warning: timedelta = timedelta(days=30)
    """Renewing one takes people some weeks."""
    certificate_alarm: timedelta = timedelta(days=7)
    backlog_high: float = 0.8
    """Of the limit: whoever looks now has time before webhooks are refused."""
    clock_off: timedelta = timedelta(minutes=2)
    """The age up to which a state may come from the future; beyond, webhooks are refused. Kerberos bears 5 minutes."""
