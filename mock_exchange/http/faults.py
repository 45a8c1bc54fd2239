"""Faults on demand, each limited by verb, mailbox and number of times."""

import threading
from dataclasses import dataclass, replace
from enum import StrEnum


class FaultKind(StrEnum):
    """What goes wrong."""

    DROP_BEFORE = "drop_before"
    """The connection closes; nothing is done."""
    DROP_AFTER = "drop_after"
    """The work is done; the connection closes instead of an answer."""
    LATE_COMMIT = "late_commit"
    """The connection closes; the work is done `delay_s` later."""
    UNAUTHORIZED = "http_401"
    UNAVAILABLE = "http_503"
    """With `retry_after_s` where it is given."""
    SERVER_BUSY = "server_busy"
    """SOAP fault ErrorServerBusy, with `back_off_ms` where it is given."""
    REDIRECT = "http_302"
    """To a login page elsewhere."""
    LOGIN_PAGE = "login_page"
    """An HTML page with status 200, as proxies before Exchange answer."""
    ITEM_ERROR = "item_error"
    """The item at `index` of the batch fails with `code`; the others are done."""
    ERROR = "error"
    """The whole call fails with a SOAP fault of `code`."""
    HANG = "hang"
    """Nothing happens for `delay_s`; then the work is done and answered."""
    SLOW_ANSWER = "slow_answer"
    """The work is done at once; its answer comes `delay_s` later."""
    EMPTY = "empty"
    """Status 200 without a body; nothing is done."""
    SHORT = "short"
    """All is done; the last `missing` response messages are left out."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One planned fault."""

    kind: FaultKind
    verb: str | None = None
    """Only calls of this verb; None: any."""
    mailbox: str | None = None
    """Only calls that act on this mailbox, by any of its addresses; None: any."""
    times: int | None = 1
    """How many calls have it; None: all from now on."""
    after: int = 0
    """How many matching calls go first without it."""
    delay_s: float = 1.0
    retry_after_s: int | None = None
    back_off_ms: int | None = None
    index: int = 0
    code: str = "ErrorInternalServerError"
    missing: int = 1


@dataclass(slots=True)
class _Planned:
    fault: Fault
    spared: int
    left: int | None


class Faults:
    """The planned faults; a call has the first that matches. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._planned: list[_Planned] = []

    def add(self, fault: Fault) -> None:
        """Plan a fault."""
        with self._lock:
            self._planned.append(_Planned(fault, fault.after, fault.times))

    @property
    def pending(self) -> int:
        """How many planned faults have not yet occurred as often as planned."""
        with self._lock:
            return len(self._planned)

    def clear(self) -> None:
        """Delete all planned faults."""
        with self._lock:
            self._planned.clear()

    def rename(self, old: str, new: str) -> None:
        """Apply a mailbox's change of address to the planned faults."""
        with self._lock:
            for planned in self._planned:
                if (planned.fault.mailbox or "").casefold() == old.casefold():
                    planned.fault = replace(planned.fault, mailbox=new)

    def take(self, verb: str, mailbox: str | None) -> Fault | None:
        """Return the fault of a call, and count it; all matching faults count the calls that go first."""
        with self._lock:
            met: Fault | None = None
            for planned in self._planned:
                if not _matches(planned.fault, verb, mailbox):
                    continue
                if planned.spared:
                    planned.spared -= 1
                elif met is None and planned.left != 0:
                    planned.left = None if planned.left is None else planned.left - 1
                    met = planned.fault
            self._planned = [planned for planned in self._planned if planned.left != 0]
            return met


def _matches(fault: Fault, verb: str, mailbox: str | None) -> bool:
    same_mailbox = fault.mailbox is None or fault.mailbox.casefold() == (mailbox or "").casefold()
    return fault.verb in {None, verb} and same_mailbox
