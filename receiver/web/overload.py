"""Refuses webhooks before the store fails: the emitter sends refused ones again for days."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from receiver import logs
from receiver.core.room import Room
from receiver.core.troubles import Code
from receiver.operations.status import disk_of
from receiver.store import Cause, Store, StoreUnavailable, StoreVanished
from receiver.store.database.files import followed
from receiver.store.reports import status

LOOK_EVERY = timedelta(seconds=5)
_NOT_TO_BE_TRUSTED = {Cause.CORRUPT, Cause.NOT_A_DATABASE, Cause.INCOMPLETE, Cause.RIGHTS_MISSING}
"""The causes that concern a whole store, though a row may still be added to it."""

log = logs.get("web")


class Overload:
    """Whether webhooks must be refused for now. Checks at intervals, in the thread of a request."""

    def __init__(self, store: Store, file: Path | None, backlog_limit: int, clock: Callable[[], datetime]) -> None:
        """Make it.

        Args:
            store: where webhooks are kept.
            file: the database, if it is a file of this machine.
            backlog_limit: how many webhooks may wait to be judged, and how many events to be settled.
            clock: this host's time.

        """
        self._store = store
        self._folder = followed(file).parent if file else None
        self._limit = backlog_limit
        self._clock = clock
        self._lock = threading.Lock()
        self._check_due = clock()
        self._reason: str | None = None
        self._cause: str | None = None

    def reason(self) -> str | None:
        """Return why webhooks are refused: ``disk``, ``backlog``, or the store's trouble; None: they are not."""
        now = self._clock()
        is_due = not self._check_due - LOOK_EVERY <= now < self._check_due  # also where the clock was set back
        if is_due and self._lock.acquire(blocking=False):
            try:
                self._check_due = now + LOOK_EVERY
                self._note(self._check())
            finally:
                self._lock.release()
        return self._reason

    def _check(self) -> str | None:
        disk = disk_of(self._folder) if self._folder is not None else None
        if disk is not None and disk.room is Room.LACKING:
            return "disk"
        try:
            standing = self._store.standing()
            if not standing.usable:
                return standing
            self._store.look_for_damage()
            reason = "backlog" if self._store.read(status.has_backlog, more_than=self._limit) else None
        except StoreVanished as error:
            self._note_cause(error.cause)
            return str(error)
        except StoreUnavailable as error:
            self._note_cause(error.refusal.cause)
            # Webhooks that are still kept might be lost with the store. Other causes show when a webhook is kept.
            return Code.STORE_UNREACHABLE if error.refusal.cause in _NOT_TO_BE_TRUSTED else None
        self._note_cause(None)
        return reason

    def _note_cause(self, cause: str | None) -> None:
        if cause != self._cause:
            report = log.error if cause else log.info
            report("store_cause", cause=cause)
        self._cause = cause

    def _note(self, reason: str | None) -> None:
        if reason != self._reason:
            report = log.error if reason else log.info
            report("pressure", reason=reason)
        self._reason = reason
