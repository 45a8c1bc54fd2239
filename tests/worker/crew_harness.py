"""Crews as they run: real threads and the real clock, over mock servers."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from sqlalchemy import create_engine, update

from connectors.base import Connector
from mock_exchange import MockExchange
from receiver.core.facts import AgentRef
from receiver.core.mailboxes import Mailbox, MailboxMap
from receiver.core.ruleset import Ruleset, SourceRules
from receiver.core.servers import ServerState
from receiver.store import Store
from receiver.store.database.tables import servers
from receiver.store.intake import judge_batch
from receiver.store.work import servers as stored_servers
from receiver.worker.server_threads import ServerThreads
from tests.lab import worker_harness
from tests.lab.worker_harness import CALENDAR
from tests.makers import a_delivery, incoming

LONGEST_S = 30


def boxes(count: int) -> list[str]:
    return [f"agent{number}@departement.example" for number in range(count)]


def wire(exchange: MockExchange, store: Store, connections: int = 4, password: str = "pw") -> Connector:
    """A connector that is given some time: several threads share it."""
    return worker_harness.wire(
        exchange, store.installation().id, connections=connections, timeout_s=5.0, password=password
    )


@dataclass
class CrewHarness:
    """One store with the RDVs that come in, and the crews that work on it."""

    url: str
    homes: Mapping[str, str]
    """Mailbox to calendar."""
    store: Store = field(init=False)
    opened: list[Store] = field(default_factory=list)
    crews: list[ServerThreads] = field(default_factory=list)
    numbers: int = 0

    def __post_init__(self) -> None:
        self.store = self.open()
        addresses = {address: Mailbox(calendar, address) for address, calendar in self.homes.items()}
        self.ruleset = Ruleset(MailboxMap(CALENDAR, addresses=addresses), {"mds": SourceRules()})

    def open(self) -> Store:
        """The store as another process opens it."""
        self.opened.append(Store(self.url))
        return self.opened[-1]

    def send(self, *mailboxes: str, each: int = 1) -> None:
        """So many RDVs come in for each mailbox, and are settled."""
        now = self.store.now()
        batch = []
        for address in mailboxes * each:
            self.numbers += 1
            agent = AgentRef(address.partition("@")[0], address)
            batch.append(incoming(a_delivery(now=now, agents=(agent,), wire_id=self.numbers, uuid=None)))
        self.store.write(judge_batch.take, batch, now)
        while self.store.settle(lambda view: self.ruleset.compute_desired(view, now), now):
            pass
        for crew in self.crews:
            crew.wake()

    def crew(
        self, connector: Connector, connections: int = 4, calendar: str = CALENDAR, tag: str = "aa"
    ) -> ServerThreads:
        """A crew of a process of its own, not started."""
        crew = ServerThreads(calendar, connector, connections, self.open(), self.ruleset, tag)
        self.crews.append(crew)
        return crew

    def server(self, calendar: str = CALENDAR) -> ServerState:
        return self.store.read(stored_servers.find, calendar) or ServerState(calendar)

    def pass_time(self, calendar: str = CALENDAR) -> None:
        """Let the time be over for which a server is left alone."""
        engine = create_engine(self.url)
        with engine.begin() as connection:
            connection.execute(update(servers).where(servers.c.name == calendar).values(blocked_until=None))
        engine.dispose()

    def close(self) -> None:
        for crew in self.crews:
            crew.stop()
        for crew in self.crews:
            crew.join(time.monotonic() + LONGEST_S)
            for thread in crew._threads:
                thread.join(LONGEST_S)
        for store in self.opened:
            store.close()


@contextmanager
def open_crew_harness(url: str, homes: Mapping[str, str]) -> Iterator[CrewHarness]:
    crew_harness = CrewHarness(url, homes)
    try:
        yield crew_harness
    finally:
        crew_harness.close()
