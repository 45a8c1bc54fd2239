"""The limits beyond which something is a trouble."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The limits beyond which something is a trouble."""

    web_silent: timedelta = timedelta(minutes=1)
    worker_silent: timedelta = timedelta(minutes=1)
    """Of the watch, too."""
    worker_deaths: int = 3
    """Deaths within an hour: a worker that is started again will die as well."""
    worker_restart: timedelta = timedelta(minutes=2)
    """How long the restart of a worker that keeps dying may take: the supervisor's longest pause, and the start."""
    change_late: timedelta = timedelta(minutes=15)
    signatures_refused: int = 10
    """Wrong signatures in a day: a secret was changed at one end; a few stray requests are fewer."""
    signed_to_unknown: int = 5
    """Signed webhooks in a day for addresses that no source has: an emitter, not a robot."""
    source_silent: timedelta = timedelta(hours=8)
    """Working time."""
    certificate_warning: timedelta = timedelta(days=30)
    """A renewal takes people some weeks."""
    certificate_alarm: timedelta = timedelta(days=7)
    backlog_high: float = 0.8
    """Share of the limit: early enough to act before webhooks are refused."""
    clock_off: timedelta = timedelta(minutes=2)
    """Webhooks with states further in the future are refused. Kerberos tolerates 5 minutes."""
