"""What a cell stands on: a mock Exchange with three mailboxes, the real connector, store and worker, one clock."""

import random
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import delete, func, insert, select

from connectors.base import Connector, Found
from connectors.ews import EwsConnector
from mock_exchange import FaultKind, MockExchange
from mock_exchange.http.throttling import Throttle
from receiver.core.facts import AgentRef
from receiver.core.mailboxes import Mailbox, MailboxMap
from receiver.core.plan import Placement
from receiver.store import Store
from receiver.store.database.tables import installation, mailboxes, metadata, placements
from tests.faults.clock import Clock
from tests.lab.database import database, placements_in
from tests.lab.relay import Relay, T
from tests.lab.worker_harness import (
    CALENDAR,
    HERS,
    HIS,
    UID_KEY,
    StoreInTime,
    WorkerHarness,
    exchange_with,
    settings_for,
    wire,
)
from tests.makers import NOW

CALL_TIMEOUT_S = 30.0
"""By the clock of the cell."""
PATIENCE_S, IMPATIENCE_S = 15.0, 0.4
"""In truth: as a rule, and where the mock is about to hang."""
HANGS = frozenset({FaultKind.HANG, FaultKind.SLOW_ANSWER})
SUB_FOLDER = "Archives"
CLAIRE = AgentRef("35", "claire.nouvelle@departement.example")
NEW = CLAIRE.email or ""
"""A mailbox that was never written into: the server is asked for its name first."""
MAPPING = MailboxMap(CALENDAR, addresses={address: Mailbox(CALENDAR, address) for address in (HERS, HIS, NEW)})
LONGEST = timedelta(hours=12)


class PatientConnector(Relay):
    """The connector; impatient where the mock is about to hang, so that nobody waits in truth."""

    call_timeout_s = CALL_TIMEOUT_S

    def __init__(self, exchange: MockExchange, clock: Clock, patient: EwsConnector, impatient: EwsConnector) -> None:
        self._exchange, self._clock = exchange, clock
        self._patient, self._impatient = patient, impatient
        self.look_ups = 0
        self.spend: Callable[[timedelta], None] = lambda _: None
        """Told how long a call took by the clock of the cell."""

    def find(self, mailbox: str, uids: Sequence[str]) -> dict[str, list[Found]]:
        self.look_ups += 1
        return super().find(mailbox, uids)

    def called(self, call: Callable[[Connector], T]) -> T:
        hangs = self._hangs_planned()
        try:
            return call(self._impatient if hangs else self._patient)
        finally:
            self._clock.let_the_mock_finish(self._exchange)
            waited = hangs - self._hangs_planned()
            self.spend(timedelta(seconds=waited * CALL_TIMEOUT_S))

    def _hangs_planned(self) -> int:
        planned = self._exchange.faults._planned
        return sum(each.left or 0 for each in planned if each.fault.kind in HANGS)

    def close(self) -> None:
        for connector in (self._patient, self._impatient):
            connector.close()


@dataclass
class SteppedSystem:
    """One receiver over one Exchange, under one clock."""

    harness: WorkerHarness
    relay: PatientConnector
    clock: Clock
    coming: list[tuple[datetime, Callable[[], None]]] = field(default_factory=list)
    """What happens at Exchange later on."""

    @property
    def exchange(self) -> MockExchange:
        return self.harness.exchange

    def later(self, wait: timedelta, happens: Callable[[], None]) -> None:
        self.coming.append((self.harness.store.moment + wait, happens))

    def come_to_rest(self) -> None:
        """Work whenever something is due, until nothing is and the mock has nothing left to do.

        Raises:
            AssertionError: there is no end of it.

        """
        end = self.harness.store.moment + LONGEST
        while True:
            self.harness.work()
            moment = self._next_moment()
            if moment is None:
                return
            assert moment < end, ("there is no end of it", self.placements())
            self.turn_to(moment)

    def turn_to(self, moment: datetime) -> None:
        """Let time pass; what Exchange does meanwhile it does in its order."""
        while stops := [stop for stop in self._stops() if stop <= moment]:
            self._set(min(stops))
            self.clock.let_the_mock_finish(self.exchange)
            due = [each for each in self.coming if each[0] <= self.harness.store.moment]
            self.coming = [each for each in self.coming if each not in due]
            for _, happens in due:
                happens()
        self._set(moment)

    def placements(self) -> list[tuple[str, Placement]]:
        """Return (mailbox, placement) of all that the store remembers."""
        return [(address, placement) for address, _, placement in placements_in(self.harness.store.url)]

    def shown(self, mailbox: str) -> list[str]:
        """Return the subjects in a mailbox's calendar and its sub-folder, sorted."""
        folders = ("calendar", SUB_FOLDER)
        return sorted(item.subject for folder in folders for item in self.harness.items(mailbox, folder))

    def uids(self, mailbox: str) -> list[object]:
        """Return the marks in a mailbox's calendar and its sub-folder."""
        folders = ("calendar", SUB_FOLDER)
        return [item.extended[UID_KEY] for folder in folders for item in self.harness.items(mailbox, folder)]

    def _stops(self) -> list[datetime]:
        return [*self.clock.pending(), *(moment for moment, _ in self.coming)]

    def _next_moment(self) -> datetime | None:
        """Return when there is something to do next; None: never."""
        now = self.harness.store.moment
        with database(self.harness.store.url) as connection:
            due = connection.scalar(select(func.min(placements.c.due_at)))
        # What is due and is not done waits for its mailbox or its server: ask again and again.
        soonest = [] if due is None else [max(due, now + timedelta(seconds=2))]
        return min([*soonest, *self._stops()], default=None)

    def _set(self, moment: datetime) -> None:
        self.harness.store.moment = max(self.harness.store.moment, moment)
        self.clock.turn_to(self.harness.store.moment)


class SharedExchange:
    """A mock Exchange, connectors and a store, shared by cells: starting them costs more than a cell."""

    def __init__(self, folder: Path) -> None:
        self._url = f"sqlite:///{folder / 'store.db'}"
        store = Store(self._url)
        store.migrate()
        store.close()
        self._store = StoreInTime(self._url)
        self._store.hasten()
        own = self._store.installation().id
        self.exchange = exchange_with((HERS, HIS, NEW))
        self.exchange.start()
        self._patient = wire(self.exchange, own, timeout_s=PATIENCE_S)
        self._impatient = wire(self.exchange, own, timeout_s=IMPATIENCE_S)

    def close(self) -> None:
        for connector in (self._patient, self._impatient):
            connector.close()
        self.exchange.stop()
        self._store.close()

    @contextmanager
    def system(self, **policies: object) -> Iterator[SteppedSystem]:
        """Give an empty store, and empty mailboxes; what remains is looked at by whoever asked."""
        clock = self._begin_anew()
        relay = PatientConnector(self.exchange, clock, self._patient, self._impatient)
        harness = WorkerHarness(self._store, self.exchange, relay, settings_for(self._url, MAPPING))  # type: ignore[arg-type]
        harness.policies(**policies)
        system = SteppedSystem(harness, relay, clock)
        relay.spend = lambda wait: system.turn_to(self._store.moment + wait)
        try:
            yield system
        finally:
            clock.set()
            self.exchange.settle()

    def _begin_anew(self) -> Clock:
        clock, exchange = Clock(), self.exchange
        exchange._server.stopping = clock  # type: ignore[union-attr, assignment]
        exchange.faults.clear()
        exchange.throttle = Throttle(lambda: (clock.moment - NOW).total_seconds())  # noqa: PLW0108  # read anew each time
        for folder in list(exchange.store.folders.values()):
            if folder.distinguished is None:
                exchange.store.remove_folder(folder)
        for item in list(exchange.store.items.values()):
            exchange.store.remove(item)
        for address in list(exchange.store.mailboxes):
            if address not in (HERS, HIS, NEW):
                exchange.rename_mailbox(address, HERS)  # renamed by the cell before
        for mailbox in exchange.store.mailboxes.values():
            mailbox.quota_bytes, mailbox.moving = None, False
            exchange.make_folder(mailbox.address, SUB_FOLDER)
        exchange.forget_requests()
        self._forget()
        random.seed(1)  # jitter is the same in every run
        return clock

    def _forget(self) -> None:
        """Empty the store; two mailboxes were asked about, so that a cell counts the calls of its own change."""
        self._store.moment = NOW
        with database(self._url) as connection:
            for table in reversed(metadata.sorted_tables):
                if table is not installation:
                    connection.execute(delete(table))
            known = {"calendar": CALENDAR, "attempts": 0, "met_at": NOW}
            rows = [known | {"address": each, "identity": each} for each in (HERS, HIS)]
            connection.execute(insert(mailboxes), rows)


@contextmanager
def shared_exchange() -> Iterator[SharedExchange]:
    """Open what the cells share, in a temporary folder."""
    with tempfile.TemporaryDirectory() as folder:
        opened = SharedExchange(Path(folder))
        try:
            yield opened
        finally:
            opened.close()
