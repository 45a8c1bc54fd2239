"""Knows the calls under way, so that one which never comes back is noticed: no time-out reaches into every library."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

from connectors.base import Change, Connector, Found, Outcome


class Calls:
    """The part of a connector that writing needs, with a watch on each call."""

    def __init__(self, connector: Connector) -> None:
        self._connector = connector
        self._began: dict[int, float] = {}
        """By thread, which makes one call at a time; in seconds of the monotonic clock."""

    def apply(self, mailbox: str, changes: Sequence[Change]) -> list[Outcome]:
        """Make changes, as the connector does."""
        with self._noted():
            return self._connector.apply(mailbox, changes)

    def find(self, mailbox: str, uids: Sequence[str]) -> dict[str, list[Found]]:
        """Look entries up, as the connector does."""
        with self._noted():
            return self._connector.find(mailbox, uids)

    def identify(self, mailbox: str) -> str:
        """Ask for the primary address, as the connector does."""
        with self._noted():
            return self._connector.identify(mailbox)

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
