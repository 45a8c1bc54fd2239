"""Knows the calls under way, so that one which never comes back is noticed: no time-out reaches into every library."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

from connectors.base import Certificate, Change, Connector, Found, Marked, Other, Outcome, Probe


class Calls:
    """A connector with a watch on each call."""

    def __init__(self, connector: Connector) -> None:
        self._connector = connector
        self._began: dict[int, float] = {}
        """By thread, which makes one call at a time; in seconds of the monotonic clock."""
        self.call_timeout_s = connector.call_timeout_s

    def apply(self, mailbox: str, changes: Sequence[Change]) -> list[Outcome]:
        """Make changes, as the connector does."""
        with self._noted():
            return self._connector.apply(mailbox, changes)

    def find(self, mailbox: str, uids: Sequence[str]) -> dict[str, list[Found]]:
        """Look entries up, as the connector does."""
        with self._noted():
            return self._connector.find(mailbox, uids)

    def list_marked(self, mailbox: str, start: datetime, end: datetime) -> Iterator[Marked]:
        """List entries, as the connector does. Each that comes shows that the call has not stopped."""
        with self._noted():
            for item in self._connector.list_marked(mailbox, start, end):
                self._began[threading.get_ident()] = time.monotonic()
                yield item

    def list_others(self, mailbox: str, after: datetime) -> Iterator[Other]:
        """List the entries of other installations, as the connector does."""
        with self._noted():
            for item in self._connector.list_others(mailbox, after):
                self._began[threading.get_ident()] = time.monotonic()
                yield item

    def probe(self, mailbox: str) -> Probe:
        """Reach a mailbox, as the connector does."""
        with self._noted():
            return self._connector.probe(mailbox)

    def identify(self, mailbox: str) -> str:
        """Ask for the primary address, as the connector does."""
        with self._noted():
            return self._connector.identify(mailbox)

    def certificate(self) -> Certificate | None:
        """Look at the certificate, as the connector does: over a connection that nobody waits for."""
        return self._connector.certificate()

    def close(self) -> None:
        """Give connections back."""
        self._connector.close()

    def overdue(self, longest: timedelta) -> set[int]:
        """Return the threads whose call has been under way for longer."""
        limit = time.monotonic() - longest.total_seconds()
        return {thread for thread, began in list(self._began.items()) if began < limit}

    @contextmanager
    def _noted(self) -> Iterator[None]:
        thread = threading.get_ident()
        self._began[thread] = time.monotonic()
        try:
            yield
        finally:
            del self._began[thread]
