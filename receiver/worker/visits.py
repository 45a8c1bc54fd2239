"""A connector for what is no work: each of its calls waits until the server has nothing better to do."""

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import TypeVar

from connectors.base import Certificate, Change, Connector, Found, Marked, Other, Outcome, Probe, Scope, Temporary
from receiver.worker.server_threads import GateClosed, ServerThreads

T = TypeVar("T")

ASK_AGAIN_S = 1.0
PATIENCE_S = 3600.0
"""A server that is in trouble, or at work, for so long is not waited for any more."""


class Interrupted(Exception):
    """The process ends, or starts its crews anew: nothing more is asked."""


class Visitor:
    """One server, asked by a thread that is none of its crew's, one call at a time."""

    def __init__(self, crew: ServerThreads, stopping: threading.Event) -> None:
        self._crew = crew
        self._stopping = stopping
        self.call_timeout_s = crew.connector.call_timeout_s

    def apply(self, mailbox: str, changes: Sequence[Change]) -> list[Outcome]:
        """Make changes, as the connector does."""
        return self._ask(lambda connector: connector.apply(mailbox, changes))

    def find(self, mailbox: str, uids: Sequence[str]) -> dict[str, list[Found]]:
        """Look entries up, as the connector does."""
        return self._ask(lambda connector: connector.find(mailbox, uids))

    def list_marked(self, mailbox: str, start: datetime, end: datetime) -> Iterable[Marked]:
        """List entries, as the connector does."""
        return self._ask(lambda connector: list(connector.list_marked(mailbox, start, end)))

    def list_others(self, mailbox: str, after: datetime) -> Iterable[Other]:
        """List the entries of other installations, as the connector does."""
        return self._ask(lambda connector: list(connector.list_others(mailbox, after)))

    def probe(self, mailbox: str) -> Probe:
        """Reach a mailbox, as the connector does."""
        return self._ask(lambda connector: connector.probe(mailbox))

    def identify(self, mailbox: str) -> str:
        """Ask for the primary address, as the connector does."""
        return self._ask(lambda connector: connector.identify(mailbox))

    def certificate(self) -> Certificate | None:
        """Look at the certificate: nothing waits for that."""
        return self._crew.connector.certificate()

    def close(self) -> None:
        """Leave the connections to the crew."""

    def _ask(self, question: Callable[[Connector], T]) -> T:
        """Return the answer.

        Raises:
            ConnectorError: of the call; or the server was to be left alone for too long.
            Interrupted: nothing was asked.

        """
        deadline = time.monotonic() + PATIENCE_S
        while not self._stopping.is_set():
            try:
                return self._crew.ask(question)
            except GateClosed:
                if time.monotonic() > deadline:
                    raise Temporary("server_left_alone", Scope.SERVER) from None
                self._stopping.wait(ASK_AGAIN_S)
        raise Interrupted
