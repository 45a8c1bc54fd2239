"""What all examples share, as starting it costs more than an example: the mock Exchange, the connector, the schema.

What Exchange does late it does when the test says so: a call that it commits after its client has gone waits here.
"""

import contextlib
import shutil
import tempfile
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from connectors.base import Connector
from connectors.ews import EwsConnector
from mock_exchange import StoredItem
from mock_exchange.calendar.series import shown
from mock_exchange.http.recording import describe
from receiver.store import Store
from tests.lab.relay import Relay, T
from tests.lab.worker_harness import StoreInTime, exchange_with, wire

CALL_TIMEOUT_S = 30.0
"""By the clock of the test; in truth nobody waits so long."""
PATIENCE_S = 1.0
SUB_FOLDER = "Archives"


class Late:
    """Stands in for the server's `stopping` event: its waits end when the test says so."""

    def __init__(self) -> None:
        self._ended = threading.Event()
        self._stopped = False

    def wait(self, timeout: float | None = None) -> bool:
        if timeout:
            self._ended.wait(30)
        return self._stopped

    def let(self) -> None:
        self._ended.set()

    def hold(self) -> None:
        self._ended.clear()

    def set(self) -> None:
        self._stopped = True
        self._ended.set()


class InterruptedConnector(Relay):
    """The connector, with somebody who may do something else at the moment of a call."""

    call_timeout_s = CALL_TIMEOUT_S

    def __init__(self, connector: EwsConnector) -> None:
        self._connector = connector
        self.meanwhile: Callable[[], None] | None = None

    def called(self, call: Callable[[Connector], T]) -> T:
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile:
            meanwhile()
        return call(self._connector)


class SharedExchange:
    """A mock Exchange with these mailboxes, a connector to it, and empty stores on demand."""

    def __init__(self, folder: Path, mailboxes: Sequence[str], aliases: Mapping[str, str]) -> None:
        self._folder = folder
        self._template = folder / "template.db"
        store = Store(f"sqlite:///{self._template}")
        store.migrate()
        installation = store.installation().id
        store.close()
        self.mailboxes = tuple(mailboxes)
        self.exchange = exchange_with(mailboxes)
        for mailbox in mailboxes:
            self.exchange.make_folder(mailbox, SUB_FOLDER)
        for alias, mailbox in aliases.items():
            self.exchange.add_mailbox(mailbox, alias)
        self.exchange.start()
        self.late = Late()
        self.exchange._server.stopping = self.late  # type: ignore[union-attr, assignment]
        self.connector = wire(self.exchange, installation, connections=2, timeout_s=PATIENCE_S)
        self.other = wire(self.exchange, str(uuid.UUID(int=7)), timeout_s=PATIENCE_S)
        """Another installation's."""

    def close(self) -> None:
        self.late.set()
        self.connector.close()
        self.other.close()
        self.exchange.stop()

    @contextlib.contextmanager
    def fresh(self) -> Iterator[StoreInTime]:
        """An empty store, and nothing in any mailbox."""
        self.settle_late()
        self.exchange.faults.clear()
        for item in list(self.exchange.store.items.values()):
            self.exchange.store.remove(item)
        self.exchange.forget_requests()
        self.exchange.service.schema_errors.clear()
        self.exchange.service.crashes.clear()
        self.exchange.service.mails_sent = 0
        with tempfile.TemporaryDirectory(dir=self._folder) as folder:
            copy = Path(folder) / "store.db"
            shutil.copy(self._template, copy)
            store = StoreInTime(f"sqlite:///{copy}")
            store.hasten()
            try:
                yield store
            finally:
                store.close()

    def settle_late(self) -> None:
        """Have Exchange do now what it still has to do."""
        self.late.let()
        self.exchange.settle()
        self.late.hold()

    def masters(self, mailbox: str) -> list[StoredItem]:
        """Return the stored items of a mailbox, wherever its agent keeps them."""
        return [item for folder in ("calendar", SUB_FOLDER) for item in self.exchange.items(mailbox, folder)]

    def times(self, mailbox: str, start: object, end: object) -> list[StoredItem]:
        """Return what a mailbox shows between two moments, wherever its agent keeps it."""
        store = self.exchange.store
        with store.lock:
            folders = store.distinguished(mailbox, "calendar"), store.named(mailbox, SUB_FOLDER)
            items = [item for folder in folders for item in store.items_in(folder.id)]
            return [describe(store, item) for item in shown(items, start, end)]  # type: ignore[arg-type]
