"""The worker's life: settle what changed, wake the crews, beat, keep house; reload and stop when told to."""

import os
import signal
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from connectors.base import Connector
from receiver import logs
from receiver.config import EwsCalendar, Reloadable, Settings
from receiver.store import Decision, EventView, Store, StoreUnavailable
from receiver.worker.crew import Crew
from receiver.worker.rules import Rules

log = logs.get("worker")

POLL_S = 0.1
STORE_PAUSE_S = 2.0
BEAT_EVERY = timedelta(seconds=5)
PURGE_EVERY = timedelta(hours=1)
HEARTBEAT = "worker/"
"""How the names of workers begin among the heartbeats."""

Connect = Callable[[Settings], Mapping[str, Connector]]
"""Builds the connectors that some settings ask for."""


@dataclass
class Worker:
    """One worker process over an open store."""

    settings: Reloadable
    store: Store
    connect: Connect
    name: str = field(default_factory=lambda: f"{HEARTBEAT}{socket.gethostname()}/{os.getpid()}"[:80])

    def __post_init__(self) -> None:
        """Start nothing yet."""
        self._stopping = threading.Event()
        self._reloading = threading.Event()
        self._beat_due = self._purge_due = datetime.min.replace(tzinfo=UTC)
        self._rules = Rules(self.settings.current)
        self._crews: list[Crew] = []

    def stop(self) -> None:
        """Ask the loop to end once the calls in hand are done."""
        self._stopping.set()

    def reload(self) -> None:
        """Ask the loop to read the configuration anew."""
        self._reloading.set()

    def run(self) -> None:
        """Work until told to stop."""
        self._start_crews()
        log.info("worker_started", name=self.name)
        while not self._stopping.is_set():
            try:
                busy = self._turn()
            except StoreUnavailable as error:
                log.error("store_unavailable", code=str(error))
                self._stopping.wait(STORE_PAUSE_S)
                continue
            if not busy:
                self._stopping.wait(POLL_S)
        self._stop_crews()
        log.info("worker_stopped", name=self.name)

    def _turn(self) -> bool:
        """Do once what there is to do; return whether more may wait."""
        if self._reloading.is_set():
            self._reloading.clear()
            self._reload()
        now = self.store.now()
        self._keep_house(now)
        settled = self.store.settle(lambda view: self._decide(view, now), now) if self.store.has_unsettled() else 0
        for crew in self._crews:
            if self.store.has_work(crew.calendar, now):
                crew.wake()
        return settled > 0

    def _decide(self, view: EventView, now: datetime) -> Decision:
        """Decide on one event; one that a bug makes undecidable holds no other up and stays as it is."""
        try:
            return self._rules.decide(view, now)
        except Exception:
            log.exception("undecidable", uid=view.uid)
            return Decision({})

    def _keep_house(self, now: datetime) -> None:
        if now >= self._beat_due:
            self.store.beat(self.name, now)
            self._beat_due = now + BEAT_EVERY
        if now >= self._purge_due:
            settings = self.settings.current
            purged = self.store.purge(now, settings.tombstone_days, settings.journal_days)
            log.info("purged", count=purged)
            self._purge_due = now + PURGE_EVERY

    def _reload(self) -> None:
        if self.settings.reload():
            self._stop_crews()
            self._rules = Rules(self.settings.current)
            self._start_crews()

    def _start_crews(self) -> None:
        settings = self.settings.current
        self._crews = [
            Crew(name, connector, _connections(settings, name), self.store, self._rules)
            for name, connector in self.connect(settings).items()
        ]
        for crew in self._crews:
            crew.start()

    def _stop_crews(self) -> None:
        for crew in self._crews:
            crew.stop()
        for crew in self._crews:
            crew.join()


def _connections(settings: Settings, calendar: str) -> int:
    configured = settings.calendars[calendar]
    return configured.connections if isinstance(configured, EwsCalendar) else 1


def run(settings: Reloadable, store: Store, connect: Connect) -> None:
    """Run a worker in this process until SIGTERM or SIGINT; SIGHUP reads the configuration anew."""
    worker = Worker(settings, store, connect)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: worker.stop())
    signal.signal(signal.SIGHUP, lambda *_: worker.reload())
    worker.run()
