"""What needs doing now and then beside the work, each in a thread of its own: none holds up another, or the work."""

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from receiver import logs
from receiver.store import StoreUnavailable

log = logs.get("worker")

AFTER_A_FAILURE = timedelta(minutes=1)

Run = Callable[[datetime], timedelta]
"""Does it, if it is this process's turn; returns after how long to come again."""


@dataclass
class Errand:
    """One of them."""

    name: str
    run: Run
    due: datetime | None = None
    """None: at once."""
    begun_at: datetime | None = field(default=None, init=False)
    """When it was last begun; in the future: the clock was set back since, and `due` means nothing."""
    thread: threading.Thread | None = field(default=None, init=False)

    def is_due(self, now: datetime) -> bool:
        """Whether to come again."""
        return self.due is None or now >= self.due or (self.begun_at is not None and now < self.begun_at)

    def start(self, now: datetime) -> None:
        """Do it now, unless it is being done."""
        if self.thread is None or not self.thread.is_alive():
            self.begun_at = now
            # A daemon: the process must be able to end though a call never comes back.
            self.thread = threading.Thread(target=self._go, args=[now], name=f"errand-{self.name}", daemon=True)
            self.thread.start()

    def _go(self, now: datetime) -> None:
        wait = AFTER_A_FAILURE
        try:
            wait = self.run(now)
        except StoreUnavailable as error:
            log.warning("errand_failed", name=self.name, code=str(error), cause=error.refusal.cause)
        except Exception:  # a bug in what is no work must stop no work
            log.exception("unforeseen", errand=self.name)
        self.due = now + wait


class Errands:
    """All of one worker's."""

    def __init__(self, errands: Iterable[Errand]) -> None:
        self._errands = tuple(errands)

    def tick(self, now: datetime) -> None:
        """Start those that are due."""
        for errand in self._errands:
            if errand.is_due(now):
                errand.start(now)

    def join(self, deadline: float) -> None:
        """Wait for those under way until a moment of the monotonic clock."""
        for errand in self._errands:
            if errand.thread is not None:
                errand.thread.join(max(deadline - time.monotonic(), 0.0))
