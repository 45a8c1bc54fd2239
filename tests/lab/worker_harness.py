"""Store, connector and mock Exchange put together as in one worker process, driven step by step."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import create_engine, event, insert

from connectors.base import PROPERTY_SET_ID, Connector
from connectors.ews import EwsConnector, EwsSettings
from mock_exchange import Fault, FaultKind, MockExchange, StoredItem
from receiver.config import Emitter, Settings, Source, StoreSettings
from receiver.core.facts import Delivery
from receiver.core.mailboxes import Mailbox, MailboxMap
from receiver.core.plan import CallLimits
from receiver.store import Store, Verdict
from receiver.store.database.tables import mailboxes
from receiver.store.intake import judge_batch
from receiver.worker.server_threads import ServerThreads
from tests.lab.configuration import signing
from tests.makers import KARIM, MARTINE, NOW, a_delivery, incoming

HERS, HIS = MARTINE.email or "", KARIM.email or ""
UNMAPPED = "someone.else@departement.example"
CALENDAR = "exchange"
MAPPING = MailboxMap(
    CALENDAR,
    addresses={address: Mailbox(CALENDAR, address) for address in (HERS, HIS)},
    domains={"autre.example": "departement.example"},
    ignore=("*@prestataire.example",),
)
UID_KEY = (PROPERTY_SET_ID, "RdvUid")


class StoreInTime(Store):
    """The real store under a clock that the test turns."""

    moment = NOW

    def __init__(self, url: str, *arguments: Any, **options: Any) -> None:
        super().__init__(url, *arguments, **options)
        self.url = url

    def now(self) -> datetime:
        return self.moment

    def hasten(self) -> None:
        """Wait for no disk: nothing here survives a power failure, and whether commits do is another test's subject."""
        event.listen(self._engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous=OFF"))


@dataclass
class WorkerHarness:
    """A store, a mock Exchange, a connector and the threads of one calendar server, under one clock."""

    store: StoreInTime
    exchange: MockExchange
    connector: Connector
    settings: Settings
    crew: ServerThreads = field(init=False)

    def __post_init__(self) -> None:
        self._renew()

    @property
    def timings(self) -> CallLimits:
        return CallLimits.of(self.connector.call_timeout_s)

    def policies(self, **changes: object) -> None:
        """Change the source's policies, as a reload does."""
        source = self.settings.sources["mds"]
        changed = source.replace(policies=replace(source.policies, **changes))  # type: ignore[arg-type]
        self.settings = self.settings.replace(sources={"mds": changed})
        self._renew()

    def restart(self) -> None:
        """A new worker process: it remembers only what the store does."""
        self._renew()

    def _renew(self) -> None:
        settings = self.settings
        self.crew = ServerThreads(CALENDAR, self.connector, 1, self.store, settings.ruleset(), served=settings.served)

    def accept(self, delivery: Delivery) -> Verdict:
        """One webhook comes in now."""
        return self.store.write(judge_batch.take, [incoming(delivery)], self.store.moment)[0].verdict

    def tell(self, age_s: float = 60, **changes: object) -> None:
        """A state of the consultation comes in and is settled."""
        self.accept(a_delivery(age_s, now=self.store.moment, **changes))  # type: ignore[arg-type]
        self.settle()

    def settle(self) -> None:
        while self.store.settle(
            lambda view: self.crew.ruleset.compute_desired(view, self.store.moment), self.store.moment
        ):
            pass

    def work(self) -> int:
        """Do all that is due now; return how many POSTs it took."""
        before = len(self.exchange.requests)
        self.settle()
        while self.crew.work_once():
            self.settle()
        return len(self.exchange.requests) - before

    def pass_time(self, duration: timedelta) -> None:
        self.store.moment += duration

    def work_until_quiet(self, longest: timedelta = timedelta(hours=2)) -> None:
        """Let time pass, working at every step, until nothing can be due any more."""
        step = timedelta(seconds=self.connector.call_timeout_s)
        end = self.store.moment + longest
        while self.store.moment < end:
            self.work()
            self.pass_time(step)
            step = min(step * 1.3, timedelta(minutes=5))

    def inject(self, kind: FaultKind, **details: object) -> None:
        self.exchange.inject(Fault(kind=kind, **details))  # type: ignore[arg-type]

    def items(self, mailbox: str = HERS, folder: str | None = "calendar") -> list[StoredItem]:
        return self.exchange.items(mailbox, folder)

    def subjects(self, mailbox: str = HERS) -> list[str]:
        return sorted(item.subject for item in self.items(mailbox))


def exchange_with(mailboxes: Sequence[str], latency_s: float = 0.0) -> MockExchange:
    """A mock Exchange, not started, whose account is the one of `wire`."""
    users: Mapping[str, str] = {"svc": "pw"}
    return MockExchange(mailboxes, latency_s=latency_s, auth="basic", users=users, impersonators={"svc": None})


def wire(
    exchange: MockExchange, installation: str, *, connections: int = 1, timeout_s: float = 1.0, password: str = "pw"
) -> EwsConnector:
    """A connector of its own, as each process has one."""
    return EwsConnector(
        EwsSettings(
            server=exchange.url,
            version="Exchange2016",
            auth="basic",
            access="impersonation",
            username="svc",
            password=password,
            connections=connections,
            timeout_s=timeout_s,
            authentication_pause_s=0.0,  # the clock of these tests is not the connector's
            installation=installation,
        )
    )


@contextmanager
def open_harness(store_url: str) -> Iterator[WorkerHarness]:
    """Put everything together over a migrated store."""
    store = StoreInTime(store_url)
    for address in (HERS, HIS):
        know(store_url, address)
    with exchange_with([HERS, HIS]) as exchange:
        connector = wire(exchange, store.installation().id)
        try:
            yield WorkerHarness(store, exchange, connector, settings_for(store_url, MAPPING))
        finally:
            connector.close()
            store.close()


def know(store_url: str, address: str) -> None:
    """Have the mailbox asked about already, so that a test counts the POSTs of its change alone."""
    engine = create_engine(store_url)
    row = {"calendar": CALENDAR, "address": address, "identity": address, "attempts": 0, "met_at": NOW}
    with engine.begin() as connection:
        connection.execute(insert(mailboxes).values(row))
    engine.dispose()


def settings_for(store_url: str, mapping: MailboxMap) -> Settings:
    """One source, and whose mailbox is whose."""
    source = Source(
        name="mds",
        emitter=Emitter.RDV_SERVICE_PUBLIC,
        platform="production",
        secrets=(signing("s"),),
    )
    return Settings(store=StoreSettings(url=store_url), sources={"mds": source}, calendars={}, mailboxes=mapping)
