"""Checks everything, in a thread of its own: a database that never answers must not block the alerts."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

from receiver.alerts.message import Summary, counts
from receiver.config import Settings
from receiver.config.store_url import sqlite_file
from receiver.core.troubles import Code
from receiver.operations.status import Status, status, unreadable, unusable
from receiver.operations.support.check import STORE_ERRORS
from receiver.store import Cause, Refusal, Store

OpenStore = Callable[[Settings], Store]


@dataclass(frozen=True, slots=True)
class Found:
    """What one check found."""

    summary: Summary
    installation: str = ""
    """Id of the installation; empty: unknown."""
    digest_on: date | None = None
    """The day whose digest can be made from this check; None: no digest was asked for."""


WriteNotices = Callable[[Store], None]
"""Writes into the store what this process reports of itself."""


def check(
    settings: Settings, open_store: OpenStore, digest_on: date | None, report: WriteNotices | None = None
) -> Found:
    """Check once, over a new connection: an older one could still refer to a file that was replaced.

    Args:
        settings: those in force.
        open_store: opens the configured store.
        digest_on: the day whose digest needs counts.
        report: called with the store before anything is checked, if the store can be used.

    """
    try:
        store = open_store(settings)
        try:
            standing = store.standing()  # where a store is known to belong there, it is said to have vanished
            file = sqlite_file(settings.store.address)
            if file is not None and not file.exists():
                return without_store(settings, digest_on, Refusal(Cause.FILE_MISSING, str(file)))
            if report is not None and standing.usable:
                report(store)
            return _check(settings, store, digest_on)
        finally:
            store.close()
    except STORE_ERRORS as error:
        return Found(_summary(unreadable(settings, error, datetime.now(UTC))), digest_on=digest_on)


def without_store(settings: Settings, digest_on: date | None, refusal: Refusal | None = None) -> Found:
    """Return what is found when the store cannot be used. `refusal` None: it does not answer."""
    found = unusable(settings, Code.STORE_UNREACHABLE, datetime.now(UTC), refusal or Refusal(Cause.NO_ANSWER))
    return Found(_summary(found), digest_on=digest_on)


def _check(settings: Settings, store: Store, digest_on: date | None) -> Found:
    found = status(settings, store, store.now())
    summary = _summary(found)
    if found.sight is None:
        return Found(summary, digest_on=digest_on)
    if digest_on is not None:
        summary = replace(summary, counts=counts(store, digest_on))
    return Found(summary, store.installation().id, digest_on)


def _summary(found: Status) -> Summary:
    # No alert about a silent watch: this process is a watch, and it is alive.
    troubles = tuple(each for each in found.troubles if each.code is not Code.WATCH_SILENT)
    if found.sight is None:
        return Summary(troubles)
    return Summary(troubles, found.sight.due, found.sight.unsettled)


class CheckThread:
    """Runs one check at a time."""

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None
        self._started_at = 0.0
        self._result: list[Found | BaseException] = []

    @property
    def age_s(self) -> float:
        """How long the present check has been running, in seconds; 0: no check is running."""
        return time.monotonic() - self._started_at if self._thread else 0.0

    def start(self, run: Callable[[], Found]) -> None:
        """Begin a check, unless one is running."""
        if self._thread is not None:
            return
        result: list[Found | BaseException] = []
        self._result = result
        self._started_at = time.monotonic()
        # A daemon: a thread that never ends must not keep the process from ending.
        self._thread = threading.Thread(target=_into, args=(run, result), daemon=True)
        self._thread.start()

    def take(self) -> Found | None:
        """Return what the last check found, once; None: nothing new. Raises what the check raised."""
        if self._thread is None or self._thread.is_alive():
            return None
        self._thread = None
        found = self._result.pop()
        if isinstance(found, BaseException):
            raise found
        return found


def _into(run: Callable[[], Found], result: list[Found | BaseException]) -> None:
    try:
        result.append(run())
    except BaseException as error:  # noqa: BLE001 -- raised again where the result is taken
        result.append(error)
