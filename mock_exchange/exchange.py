"""The mock as tests use it: a server in this process, and the hands that look into it."""

import ssl
import threading
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Self

from mock_exchange.access import ANONYMOUS, Access
from mock_exchange.auth import Auth, Authenticator
from mock_exchange.calendar_item import Draft
from mock_exchange.faults import Fault, Faults
from mock_exchange.model import Folder, Item, Store
from mock_exchange.names import make
from mock_exchange.recording import Recorded, StoredItem, describe
from mock_exchange.schema import SchemaError, load
from mock_exchange.series import find, shown, take_out
from mock_exchange.server import PATH, Server
from mock_exchange.service import Service
from mock_exchange.times import to_wire

EDITABLE = {
    "subject": "Subject",
    "location": "Location",
    "show_as": "LegacyFreeBusyStatus",
    "sensitivity": "Sensitivity",
    "body": "Body",
    "start": "Start",
    "end": "End",
}


class MockExchange:
    """An Exchange Web Services server on a loopback port. A context manager; nothing outlives it."""

    def __init__(
        self,
        mailboxes: Iterable[str] = (),
        *,
        auth: str = "none",
        users: Mapping[str, str] | None = None,
        impersonators: Mapping[str, Collection[str] | None] | None = None,
        delegates: Mapping[str, Mapping[str, str]] | None = None,
        aliases: Mapping[str, Iterable[str]] | None = None,
        tls: tuple[str | Path, str | Path] | None = None,
        latency_s: float = 0.0,
        schema_dir: str | Path | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self.store = Store()
        for address in mailboxes:
            self.add_mailbox(address, *(aliases or {}).get(address, ()))
        self.authenticator = Authenticator(Auth(auth), users or {})
        self.access = Access(self.store, {ANONYMOUS: None} if impersonators is None else impersonators, delegates or {})
        self.service = Service(self.access, load(Path(schema_dir)) if schema_dir else None)
        self.faults = Faults()
        self.latency_s = latency_s
        self._tls = tls
        self._address = (host, port)
        self._records: list[Recorded] = []
        self._working = 0
        self._idle = threading.Condition()
        self._server: Server | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Listen, and answer from threads of this process; after a stop, on the same port with the same items."""
        self._server = Server(self._address, self, _tls_context(self._tls))
        self._address = (self._address[0], int(self._server.server_address[1]))
        self.authenticator.open()
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name="mock-exchange")
        self._thread.start()

    def stop(self) -> None:
        """Cut every connection and give the port back."""
        if self._server is None or self._thread is None:
            return
        self._server.stop()
        self._thread.join()
        self.authenticator.close()
        self._server = self._thread = None

    @property
    def url(self) -> str:
        """The whole address of the EWS endpoint."""
        if self._server is None:
            raise RuntimeError("the mock is not started")
        scheme = "https" if self._tls else "http"
        host = "localhost" if self._tls else self._address[0]
        return f"{scheme}://{host}:{self._address[1]}{PATH}"

    @property
    def requests(self) -> list[Recorded]:
        """Every POST so far, handshakes among them."""
        with self._idle:
            return list(self._records)

    @property
    def schema_errors(self) -> list[SchemaError]:
        """What Microsoft's schemas refused, requests and answers alike."""
        return list(self.service.schema_errors)

    @property
    def crashes(self) -> list[BaseException]:
        """What no answer was foreseen for; none is ever expected of a client that follows the schemas."""
        return list(self.service.crashes)

    @property
    def mails_sent(self) -> int:
        """How many mails an Exchange would have sent to attendees."""
        return self.service.mails_sent

    def record(self, recorded: Recorded) -> None:
        """Keep a request and its answer."""
        with self._idle:
            self._records.append(recorded)

    def forget_requests(self) -> None:
        """Begin counting anew."""
        with self._idle:
            self._records.clear()

    def inject(self, fault: Fault) -> None:
        """Plan a trouble."""
        if fault.mailbox is not None:
            with self.store.lock:
                known = self.store.find_mailbox(fault.mailbox)
            fault = replace(fault, mailbox=known.address if known else fault.mailbox)
        self.faults.add(fault)

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Mark a call as being answered; also while it commits after its connection was dropped."""
        with self._idle:
            self._working += 1
        try:
            yield
        finally:
            with self._idle:
                self._working -= 1
                self._idle.notify_all()

    def settle(self, timeout_s: float = 10.0) -> None:
        """Wait until no call is being answered or committed late.

        Raises:
            TimeoutError: one still is.

        """
        with self._idle:
            if not self._idle.wait_for(lambda: self._working == 0, timeout_s):
                raise TimeoutError("the mock is still at work")

    def add_mailbox(self, address: str, *aliases: str) -> None:
        """Make a mailbox, or give one that exists more addresses."""
        self.store.add_mailbox(address, tuple(aliases))

    def rename_mailbox(self, address: str, new: str) -> None:
        """Give a mailbox a new primary address, as when an agent marries; the old ones stay as aliases.

        Raises:
            EwsError: there is no such mailbox.
            ValueError: the new address is another mailbox's.

        """
        with self.store.lock:
            old = self.store.mailbox(address).address
            self.store.rename_mailbox(old, new)
            self.faults.rename(old, new)

    def items(self, mailbox: str, folder: str | None = "calendar") -> list[StoredItem]:
        """Return a folder's items, by distinguished id or display name; None: those of every folder."""
        with self.store.lock:
            if folder is None:
                owner = self.store.mailbox(mailbox).address
                found = [item for item in self.store.items.values() if item.mailbox == owner]
            else:
                found = self.store.items_in(self.store.named(mailbox, folder).id)
            return [describe(self.store, item) for item in found]

    def occurrences(self, mailbox: str, start: datetime, end: datetime) -> list[StoredItem]:
        """Return what the calendar shows between two moments, by start: single items, and the occurrences of series.

        Raises:
            ValueError: a moment has no zone.

        """
        if start.tzinfo is None or end.tzinfo is None:
            raise ValueError("the moments must be aware of their zone")
        with self.store.lock:
            items = self.store.items_in(self.store.distinguished(mailbox, "calendar").id)
            return [describe(self.store, item) for item in shown(items, start, end)]

    def make_folder(self, mailbox: str, name: str, parent: str = "calendar") -> str:
        """Make a sub-folder and return its id."""
        return self.store.make_folder(mailbox, name, parent).id

    def move_item(self, item_id: str, folder: str) -> str:
        """Move an item within its mailbox, as an agent does; return its new id."""
        with self.store.lock:
            item = self.store.item(item_id)
            return self.store.move(item, self._beside(item, folder)).id

    def copy_item(self, item_id: str, folder: str = "calendar") -> str:
        """Copy an item within its mailbox, as an agent does; return the copy's id."""
        with self.store.lock:
            item = self.store.item(item_id)
            return self.store.copy(item, self._beside(item, folder)).id

    def delete_item(self, item_id: str, to: str | None = None) -> str | None:
        """Delete an item for ever, or into a folder, and return its id there; or an occurrence out of its series."""
        if to is not None:
            return self.move_item(item_id, to)
        with self.store.lock:
            item = find(self.store, item_id)
            if item.original_start is not None:
                take_out(self.store, item)
            else:
                self.store.remove(item)
        return None

    def edit_item(self, item_id: str, **changes: str | datetime) -> StoredItem:
        """Change an item's fields, as an agent does; the names are those of `StoredItem`."""
        with self.store.lock:
            item = self.store.item(item_id)
            draft = Draft.of(item.values, item.extended)
            for name, value in changes.items():
                kind = {"BodyType": "Text"} if name == "body" else {}
                text = to_wire(value) if isinstance(value, datetime) else value
                draft.set(make(EDITABLE[name], text, **kind))
            self.store.rewrite(item, draft.checked().values, draft.extended)
            return describe(self.store, item)

    def _beside(self, item: Item, folder: str) -> Folder:
        return self.store.named(item.mailbox, folder)


def _tls_context(files: tuple[str | Path, str | Path] | None) -> ssl.SSLContext | None:
    if files is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*files)
    return context
