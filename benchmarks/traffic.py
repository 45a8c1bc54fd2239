"""Traffic for the soak, from three threads: webhooks of all kinds, readers, and faults of Exchange."""

import itertools
import os
import random
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import requests

from benchmarks.proc import receiver_processes
from benchmarks.town import Town
from benchmarks.webhooks import Appointments

LIVES = 400
"""Appointments in the calendars at once: each new one replaces the oldest."""
READ = (
    "/readyz",
    "/healthz",
    "/metrics",
    "/status",
    "/status/failures",
    "/status/mailboxes",
    "/status/refused",
    "/status/unmapped",
    "/status/login",
    "/api/v1/overview",
)
FAULTS = ("drop_before", "http_503", "server_busy", "drop_after", "item_error", "login_page", "error", "empty")
"""Without a refused account: the connector would pause for five minutes, and little would happen."""
FAULT_EVERY_S = 20.0
OUTAGE_EVERY = 12
"""One of so many faults is an outage of the whole server."""
OUTAGE_S = 90.0
RELOAD_EVERY = 9
"""After so many faults, the worker and the watch reload the configuration."""
READ_EVERY_S = 0.5
RECORDED = 500
"""After so many webhooks, the mock's recorded requests are deleted."""


@dataclass
class Traffic:
    """All traffic, until it is stopped."""

    town: Town
    agents: int
    per_s: float
    """Good webhooks; one bad one comes with every four."""
    counts: Counter[str] = field(default_factory=Counter)
    live: int = 0
    """Appointments that should be in the calendars."""
    stopping: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def flowing(self) -> Iterator[None]:
        """Run it while the block runs; an exception in a thread is raised at the end."""
        with ThreadPoolExecutor(3, thread_name_prefix="traffic") as pool:
            running = [pool.submit(loop) for loop in (self._webhooks, self._readers, self._faults)]
            try:
                yield
            finally:
                self.stopping.set()
        for each in running:
            each.result()

    def _webhooks(self) -> None:
        appointments = Appointments(self.agents)
        with requests.Session() as session:
            for number in itertools.count():
                for body in self._life(appointments, number):
                    if self.stopping.wait(1 / self.per_s):
                        return
                    self._good(session, body)
                    if random.random() < 0.25:
                        self._bad(session, body)
                if number % RECORDED == 0:
                    self.town.forget_requests()

    def _life(self, appointments: Appointments, number: int) -> Iterator[bytes]:
        """Send a create, a move and a deletion."""
        yield appointments.created(number)
        self.live += 1
        if number >= LIVES // 2:
            yield appointments.moved(number - LIVES // 2)
        if number >= LIVES:
            yield appointments.destroyed(number - LIVES)
            self.live -= 1

    def _good(self, session: requests.Session, body: bytes) -> None:
        status = self.town.post(session, body)
        while status == 503:  # the emitter retries too
            self.counts["unavailable"] += 1
            status = self.town.post(session, body)
        self.counts["accepted" if status == 202 else "unexpected"] += 1

    def _bad(self, session: requests.Session, body: bytes) -> None:
        """Send a webhook that is refused or repeated, one of four at random."""
        kind = random.choice(("forged", "cut", "no_event", "repeated"))
        sent = {"cut": body[: len(body) // 2], "no_event": b'{"data":{},"meta":{"model":"Rdv"}}'}.get(kind, body)
        status = self.town.post(session, sent, forged=kind == "forged")
        expected = {"forged": 401, "repeated": 202}.get(kind, 422)
        self.counts["refused" if status == expected else "unexpected"] += 1

    def _readers(self) -> None:
        with requests.Session() as session:
            for path in itertools.cycle(READ):
                if self.stopping.wait(READ_EVERY_S):
                    return
                status = self.town.get(session, path)
                self.counts["read" if status < 400 or path == "/readyz" else "unexpected"] += 1

    def _faults(self) -> None:
        turns = itertools.count(1)
        while not self.stopping.wait(FAULT_EVERY_S):
            turn = next(turns)
            self.counts["faults"] += 1
            if turn % OUTAGE_EVERY == 0:
                self.town.fault(kind="http_503", times=None)
                self.stopping.wait(OUTAGE_S)
                self.town.heal()
            else:
                self.town.fault(kind=FAULTS[turn % len(FAULTS)], times=1 + turn % 3)
            if turn % RELOAD_EVERY == 0:
                self._reload()
        self.town.heal()

    def _reload(self) -> None:
        """Reload the processes that keep running; the master would replace its web processes."""
        for process in receiver_processes(self.town.supervisor):
            if process.role in {"worker", "watch"}:
                os.kill(process.pid, signal.SIGHUP)
        self.counts["reloads"] += 1
