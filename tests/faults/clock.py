"""The one clock of a cell: the receiver's, and the mock's where it hangs or commits late."""

import threading
from datetime import datetime, timedelta

from mock_exchange import MockExchange
from tests.lab.waiting import happens
from tests.makers import NOW

LONGEST_S = 20.0
"""In truth; nothing of the mock takes nearly so long."""


class Clock:
    """Stands in for the mock server's `stopping` event: its waits end when the test turns the clock so far."""

    def __init__(self) -> None:
        self.moment = NOW
        self._changed = threading.Condition()
        self._due: list[datetime] = []
        self._stopped = False

    def wait(self, timeout: float | None = None) -> bool:
        if timeout:
            with self._changed:
                due = self.moment + timedelta(seconds=timeout)
                self._due.append(due)
                self._changed.wait_for(lambda: self._stopped or self.moment >= due)
                self._due.remove(due)
        return self._stopped

    def set(self) -> None:
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def turn_to(self, moment: datetime) -> None:
        with self._changed:
            self.moment = moment
            self._changed.notify_all()

    def pending(self) -> list[datetime]:
        """When the mock will do what it still has to do, in order."""
        with self._changed:
            return sorted(due for due in self._due if due > self.moment)

    def let_the_mock_finish(self, exchange: MockExchange) -> None:
        """Wait until the mock does nothing but wait for the clock.

        Raises:
            TimeoutError: it does something else.

        """
        if not happens(lambda: exchange._working == len(self.pending()), LONGEST_S, every_s=0.0003):
            raise TimeoutError("the mock is still at work")
