"""One look at everything, and a thread for it: a database that never answers must not blind the watch."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

from receiver.alerts.digest import counts
from receiver.alerts.message import Standing
from receiver.config import Settings
from receiver.config.store_url import sqlite_file
from receiver.core.troubles import Code
from receiver.operations.status import Status, status, unreadable, unusable
from receiver.operations.support.check import STORE_ERRORS
from receiver.store import Cause, Refusal, Store

OpenStore = Callable[[Settings], Store]


@dataclass(frozen=True, slots=True)
class Seen:
    """What one look brought."""

    standing: Standing
    installation: str = ""
    """Who we are; empty: the store does not say."""
    digest_on: date | None = None
    """The day for whose digest this look is enough; None: it was not asked for."""


Leave = Callable[[Store], None]
"""Leaves word of the watch itself in the store."""


def look(settings: Settings, open_store: OpenStore, digest_on: date | None, leave: Leave | None = None) -> Seen:
    """Look once, through a connection of its own: one that was kept might know a file that was replaced since.

    Args:
        settings: those in force.
        leave: called with the store before anything is looked at, where it can be used.
        open_store: opens the configured store.
        digest_on: the day for whose digest numbers are wanted.

    """
    try:
        store = open_store(settings)
        try:
            standing = store.standing()  # where a store is known to belong there, it is said to have vanished
            file = sqlite_file(settings.store_url)
            if file is not None and not file.exists():
                return blind(settings, digest_on, Refusal(Cause.FILE_MISSING, str(file)))
            if leave is not None and standing.usable:
                leave(store)
            return _look(settings, store, digest_on)
        finally:
            store.close()
    except STORE_ERRORS as error:
        return Seen(_standing(unreadable(settings, error, datetime.now(UTC))), digest_on=digest_on)


def blind(settings: Settings, digest_on: date | None, refusal: Refusal | None = None) -> Seen:
    """Return what is seen of a store that cannot be used; without a reason, of one that does not answer."""
    found = unusable(settings, Code.STORE_UNREACHABLE, datetime.now(UTC), refusal or Refusal(Cause.NO_ANSWER))
    return Seen(_standing(found), digest_on=digest_on)


def _look(settings: Settings, store: Store, digest_on: date | None) -> Seen:
    found = status(settings, store, store.now())
    standing = _standing(found)
    if found.sight is None:
        return Seen(standing, digest_on=digest_on)
    if digest_on is not None:
        standing = replace(standing, counts=counts(store, digest_on))
    return Seen(standing, store.installation().id, digest_on)


def _standing(found: Status) -> Standing:
    if found.sight is None:
        return Standing(found.troubles)
    return Standing(found.troubles, found.sight.due, found.sight.unsettled)


class Looker:
    """Takes one look at a time, in a thread."""

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None
        self._started_at = 0.0
        self._found: list[Seen | BaseException] = []

    @property
    def age_s(self) -> float:
        """For how long the present look has lasted; 0: there is none."""
        return time.monotonic() - self._started_at if self._thread else 0.0

    def start(self, take_a_look: Callable[[], Seen]) -> None:
        """Begin a look, unless one is under way."""
        if self._thread is not None:
            return
        found: list[Seen | BaseException] = []
        self._found = found
        self._started_at = time.monotonic()
        # A daemon: one that never comes back must not keep the process from ending.
        self._thread = threading.Thread(target=_into, args=(take_a_look, found), daemon=True)
        self._thread.start()

    def answer(self) -> Seen | None:
        """Return what was seen, once; None: nothing yet. Raises what the look raised."""
        if self._thread is None or self._thread.is_alive():
            return None
        self._thread = None
        found = self._found.pop()
        if isinstance(found, BaseException):
            raise found
        return found


def _into(take_a_look: Callable[[], Seen], found: list[Seen | BaseException]) -> None:
    try:
        found.append(take_a_look())
    except BaseException as error:  # noqa: BLE001 -- raised again where the answer is asked for
        found.append(error)
