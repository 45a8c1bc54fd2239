"""The mock as tests use it: a server in this process, and methods that inspect and change what it holds."""

import os
import ssl
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Self

from mock_exchange.calendar.store import Store
from mock_exchange.ews.access import ANONYMOUS, Access
from mock_exchange.ews.schema import SchemaError, load
from mock_exchange.ews.service import Service
from mock_exchange.http.auth import Auth, Authenticator, end_point
from mock_exchange.http.faults import Fault, Faults
from mock_exchange.http.recording import Recorded
from mock_exchange.http.server import PATH, Server
from mock_exchange.http.throttling import Throttle
from mock_exchange.people import People

SCHEMAS_VARIABLE = "RDV_EWS_SCHEMAS"


class MockExchange(People):
    """An Exchange Web Services server on a loopback port. A context manager; nothing outlives it.

    All that passes is validated against Microsoft's schemas where `schema_dir` or the environment names their folder,
    unless `validate` is false.
    """

    watchers: ClassVar[list[Callable[["MockExchange"], None]]] = []
    """Called with each server of this process that starts, so that a test suite can check its complaints."""

    def __init__(
        self,
        mailboxes: Iterable[str] = (),
        *,
        auth: str = "none",
        users: Mapping[str, str] | None = None,
        keytab: str | Path | None = None,
        extended_protection: bool = False,
        proof_each_request: bool = False,
        impersonators: Mapping[str, Collection[str] | None] | None = None,
        delegates: Mapping[str, Mapping[str, str]] | None = None,
        aliases: Mapping[str, Iterable[str]] | None = None,
        tls: tuple[str | Path, str | Path] | None = None,
        latency_s: float = 0.0,
        schema_dir: str | Path | None = None,
        validate: bool = True,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self.store = Store()
        for address in mailboxes:
            self.add_mailbox(address, *(aliases or {}).get(address, ()))
        if extended_protection and tls is None:
            raise ValueError("Extended Protection binds proofs to TLS")
        self.authenticator = Authenticator(
            Auth(auth),
            users or {},
            keytab=Path(keytab) if keytab else None,
            binding=end_point(tls[0]) if tls and extended_protection else None,
            each_request=proof_each_request,
        )
        self.access = Access(self.store, {ANONYMOUS: None} if impersonators is None else impersonators, delegates or {})
        schemas = (schema_dir or os.environ.get(SCHEMAS_VARIABLE)) if validate else None
        self.service = Service(self.access, load(Path(schemas)) if schemas else None)
        self.faults = Faults()
        self.throttle = Throttle()
        self.latency_s = latency_s
        self.clock_ahead_s = 0.0
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
        for watch in self.watchers:
            watch(self)

    def stop(self) -> None:
        """Close all connections and release the port."""
        if self._server is None or self._thread is None:
            return
        self._server.stop()
        self._thread.join()
        self.authenticator.close()
        self._server = self._thread = None

    @property
    def running(self) -> bool:
        """Whether it listens."""
        return self._server is not None

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
        """Unexpected exceptions; a client that follows the schemas causes none."""
        return list(self.service.crashes)

    @property
    def complaints(self) -> list[str]:
        """Schema errors and crashes as texts."""
        refused = [f"{error.direction} {error.verb}: {error.message}" for error in self.schema_errors]
        return refused + [repr(error) for error in self.crashes]

    def forget_complaints(self) -> None:
        """Delete the complaints: a test caused them on purpose."""
        self.service.schema_errors.clear()
        self.service.crashes.clear()

    @property
    def mails_sent(self) -> int:
        """How many mails an Exchange would have sent to attendees."""
        return self.service.mails_sent

    def record(self, recorded: Recorded) -> None:
        """Keep a request and its answer."""
        with self._idle:
            self._records.append(recorded)

    def forget_requests(self) -> None:
        """Delete the recorded requests."""
        with self._idle:
            self._records.clear()

    def inject(self, fault: Fault) -> None:
        """Plan a fault."""
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


def _tls_context(files: tuple[str | Path, str | Path] | None) -> ssl.SSLContext | None:
    if files is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*files)
    return context
