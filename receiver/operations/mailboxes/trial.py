"""Tries one mailbox as the worker would use it: reaches, identifies and writes into it, and cleans up."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import TypeVar
from zoneinfo import ZoneInfo

from connectors.base import (
    PROBE_UID,
    CalendarEntry,
    Change,
    Connector,
    ConnectorError,
    Create,
    Delete,
    Done,
    Failed,
    NotFound,
    Outcome,
    Permanent,
    Probe,
    Scope,
    ShowAs,
    Temporary,
    Unconfirmed,
    Update,
)
from receiver.core.backoff import capped_retry_after_s

RETRIES = 5
"""How many times in a row a call is repeated after a busy answer."""
DEFAULT_WAIT_S = 10.0
LONGEST_WAIT_S = 120.0

BUSY = "server_busy"
PROBE_ZONE = "Europe/Paris"
PROBE_START = datetime(2001, 1, 1, 6, 0, tzinfo=UTC)
"""Long ago: no calendar view shows it, and no reminder appears."""

T = TypeVar("T")


class Pace:
    """The pauses that one busy server asked for, shared by all threads that call it. Thread-safe."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        """Once set, no call begins and no thread waits."""
        self._lock = threading.Lock()
        self._not_before = 0.0

    def wait(self) -> None:
        """Wait until the server may be called."""
        while (left_s := self._not_before - time.monotonic()) > 0 and not self.stop.wait(left_s):
            pass

    def slow_down(self, asked_s: float | None) -> None:
        """Note that the server was busy, and the pause that it asked for."""
        wait_s = min(DEFAULT_WAIT_S if asked_s is None else capped_retry_after_s(asked_s), LONGEST_WAIT_S)
        with self._lock:
            self._not_before = max(self._not_before, time.monotonic() + wait_s)


@dataclass
class Trial:
    """The trial of one mailbox. It times every call, and waits as long as a busy server asks."""

    connector: Connector
    mailbox: str
    pace: Pace
    throttled: int = 0
    calls_ms: list[float] = field(default_factory=list)
    may_remain: bool = False
    """Whether a probe entry may still be in the calendar."""

    @property
    def latency_ms(self) -> int | None:
        """The median of the calls; None: there was none."""
        return round(median(self.calls_ms)) if self.calls_ms else None

    def reach(self) -> Probe:
        """Read the mailbox without writing.

        Raises:
            ConnectorError: with the code that says why not.

        """
        return self.with_retries(lambda: self.connector.probe(self.mailbox))

    def write(self, title: str) -> int:
        """Write, change, find and remove an entry; return how many entries of earlier runs were removed.

        Raises:
            ConnectorError: what failed; the entry was removed, unless `may_remain` is set.

        """
        leftovers = self._found()
        self._remove(leftovers)
        try:
            self._write(title)
        except BaseException:
            if self.may_remain:
                self._remove_quietly()
            raise
        return len(leftovers)

    def _write(self, title: str) -> None:
        self.may_remain = True  # from here on, whatever the outcome of the call
        try:
            item_id = self._apply(Create(probe_entry(title)))
        except ConnectorError as error:
            self.may_remain = isinstance(error, InDoubt)
            raise
        item_id = self._apply(Update(item_id, probe_entry(title, timedelta(minutes=15))))
        found = self._found()
        if item_id not in found:
            raise Temporary("probe_not_found", Scope.MAILBOX)
        self._remove(found)
        self.may_remain = False

    def _remove_quietly(self) -> None:
        """Clean up after a failure, without an error: the first failure is reported."""
        try:
            found = self._found()
            self._remove(found)
        except ConnectorError:
            return
        # A create without an answer may be carried out after this look-up.
        self.may_remain = not found

    def _remove(self, item_ids: list[str]) -> None:
        for item_id in item_ids:
            self._apply(Delete(item_id))

    def _found(self) -> list[str]:
        found = self.with_retries(lambda: self.connector.find(self.mailbox, [PROBE_UID]))
        return [item.item_id for item in found.get(PROBE_UID, [])]

    def _apply(self, change: Change) -> str:
        return self.with_retries(lambda: _done(change, self.connector.apply(self.mailbox, [change])))

    def with_retries(self, call: Callable[[], T]) -> T:
        """Return what a call returns; repeat it after the pause that a busy server asked for.

        Raises:
            ConnectorError: of the call.

        """
        for attempt in range(RETRIES + 1):
            self.pace.wait()
            began = time.monotonic()
            try:
                return call()
            except Temporary as error:
                if error.code != BUSY:
                    raise
                self.throttled += 1
                self.pace.slow_down(error.retry_after_s)
                if attempt == RETRIES or self.pace.stop.is_set():
                    raise
            finally:
                self.calls_ms.append((time.monotonic() - began) * 1000)
        raise AssertionError("unreachable")


class InDoubt(Temporary):
    """No answer came to a change: it may have been made, or be made later."""


def probe_entry(title: str, later: timedelta = timedelta()) -> CalendarEntry:
    """Return the entry that is written: long ago, free, private, without a reminder."""
    start = (PROBE_START + later).astimezone(ZoneInfo(PROBE_ZONE))
    return CalendarEntry(
        uid=PROBE_UID,
        title=title,
        start=start,
        end=start + timedelta(minutes=15),
        time_zone=PROBE_ZONE,
        show_as=ShowAs.FREE,
    )


def _done(change: Change, outcomes: list[Outcome]) -> str:
    outcome = outcomes[0] if outcomes else Unconfirmed("answer_incomplete")
    match outcome:
        case Done(item_id):
            return item_id
        case NotFound():
            if isinstance(change, Delete):
                return change.item_id  # a missing item is the wanted result
            raise Permanent("item_not_found", Scope.MAILBOX)
        case Failed(error):
            raise error
        case Unconfirmed(code, scope):
            raise InDoubt(code, scope)
