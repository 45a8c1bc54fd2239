"""The connector as the worker uses it: running calls are known, and questions that are no work wait for admission.

No library's time-out covers everything: this detects a call that never returns.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime, timedelta
from typing import TypeVar

from connectors.base import Certificate, Change, Connector, Found, Marked, Other, Outcome, Probe

T = TypeVar("T")

Admission = Callable[[], AbstractContextManager[None]]
"""Entered before each call and left after it. It may raise instead of admitting the call."""


class CallsUnderWay:
    """The beginning of each thread's call. A thread makes one call at a time."""

    def __init__(self) -> None:
        self._began: dict[int, float] = {}
        """By thread, in seconds of the monotonic clock."""

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Note the current thread's call until it ends."""
        thread = threading.get_ident()
        self._began[thread] = time.monotonic()
        try:
            yield
        finally:
            del self._began[thread]

    def heard(self, items: Iterable[T]) -> Iterator[T]:
        """Pass items on. Each one shows that the current thread's call is not stuck."""
        for item in items:
            self._began[threading.get_ident()] = time.monotonic()
            yield item

    def overdue(self, longest: timedelta) -> set[int]:
        """Return the threads whose call has been running for longer."""
        limit = time.monotonic() - longest.total_seconds()
        return {thread for thread, began in list(self._began.items()) if began < limit}


class GuardedConnector:
    """A connector that admits and notes each call."""

    def __init__(self, connector: Connector, calls: CallsUnderWay, admission: Admission = nullcontext) -> None:
        self._connector = connector
        self._calls = calls
        self._admission = admission
        self.call_timeout_s = connector.call_timeout_s

    def apply(self, mailbox: str, changes: Sequence[Change]) -> list[Outcome]:
        """Make changes, as the connector does."""
        with self._call():
            return self._connector.apply(mailbox, changes)

    def find(self, mailbox: str, uids: Sequence[str]) -> dict[str, list[Found]]:
        """Look entries up, as the connector does."""
        with self._call():
            return self._connector.find(mailbox, uids)

    def list_marked(self, mailbox: str, start: datetime, end: datetime) -> list[Marked]:
        """List entries, as the connector does. All are read within one call, before the caller gets any."""
        with self._call():
            return list(self._calls.heard(self._connector.list_marked(mailbox, start, end)))

    def list_others(self, mailbox: str, after: datetime) -> Iterator[Other]:
        """List the entries of other installations, as the connector does. The call lasts until the last one is read."""
        with self._call():
            yield from self._calls.heard(self._connector.list_others(mailbox, after))

    def probe(self, mailbox: str) -> Probe:
        """Reach a mailbox, as the connector does."""
        with self._call():
            return self._connector.probe(mailbox)

    def identify(self, mailbox: str) -> str:
        """Ask for the primary address, as the connector does."""
        with self._call():
            return self._connector.identify(mailbox)

    def certificate(self) -> Certificate | None:
        """Read the certificate over a connection of its own, which is neither admitted nor noted."""
        return self._connector.certificate()

    def close(self) -> None:
        """Close nothing: other threads share the connections."""

    @contextmanager
    def _call(self) -> Iterator[None]:
        with self._admission(), self._calls.noted():
            yield
