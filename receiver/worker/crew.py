"""The threads that write into one calendar server, as many as it has connections."""

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from connectors.base import Connector, ConnectorError
from receiver import logs
from receiver.core.plan import Timings
from receiver.core.ruleset import Ruleset
from receiver.store import LeaseLost, MailboxWork, Store, StoreUnavailable
from receiver.worker.gate import Gate
from receiver.worker.reconcile import reconcile

log = logs.get("worker")

BATCH = 100  # what Exchange takes well in one request
IDLE_S = 1.0
STORE_PAUSE_S = 2.0


@dataclass
class Crew:
    """Claims mailboxes of one calendar while there are any, then waits to be woken."""

    calendar: str
    connector: Connector
    connections: int
    store: Store
    ruleset: Ruleset
    gate: Gate = field(default_factory=Gate)

    def __post_init__(self) -> None:
        """Prepare the threads."""
        self._timings = Timings.of(self.connector.call_timeout_s)
        self._stopping = threading.Event()
        self._wake = threading.Event()
        names = [f"{self.calendar}-{number}" for number in range(self.connections)]
        self._threads = [threading.Thread(target=self._live, name=name) for name in names]

    def start(self) -> None:
        """Begin to work."""
        for thread in self._threads:
            thread.start()

    def wake(self) -> None:
        """Say that there may be work."""
        self._wake.set()

    def stop(self) -> None:
        """Take no more work; what is in hand goes on."""
        self._stopping.set()
        self._wake.set()

    def join(self) -> None:
        """Wait for the work in hand, then close the connections."""
        for thread in self._threads:
            thread.join()
        self.connector.close()

    def _live(self) -> None:
        while not self._stopping.is_set():
            self._wake.wait(IDLE_S)
            self._wake.clear()
            while not self._stopping.is_set() and self._guarded(self.work_once):
                pass

    def _guarded(self, step: Callable[[], bool]) -> bool:
        """Survive what one mailbox, or the database, can do to a thread."""
        try:
            return step()
        except LeaseLost:
            log.warning("lease_lost", calendar=self.calendar)
            return True
        except StoreUnavailable as error:
            log.error("store_unavailable", code=str(error))
            self._stopping.wait(STORE_PAUSE_S * (0.5 + random.random()))
            return False
        except Exception:  # a bug that one mailbox brings out must not stop the others
            log.exception("unforeseen", calendar=self.calendar)
            return True  # its lease is left to end: that mailbox waits, the others go on

    def work_once(self) -> bool:
        """Do one mailbox's due work; return whether there was any that may be done now."""
        now = self.store.now()
        if not self.gate.enter(now):
            return False
        work, error = None, None
        try:
            work = self.store.claim(self.calendar, now, BATCH, self._timings.lease)
            error = self._reconcile(work) if work else None
        finally:
            self.gate.leave(error, self.store.now(), asked=work is not None)
        return work is not None

    def _reconcile(self, work: MailboxWork) -> ConnectorError | None:
        error = reconcile(self.store, self.connector, self.ruleset, work, self._timings)
        if error:
            log.warning("server_trouble", calendar=self.calendar, code=error.code)
        return error
