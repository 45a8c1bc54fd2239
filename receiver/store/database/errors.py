"""The errors that the store raises."""

from receiver.store.database.causes import Refusal


class StoreUnavailable(Exception):
    """The database cannot be reached, is locked for too long, or has no space. Nothing was changed.

    Its text is the kind of error. `refusal` says why, and what can be done.
    """

    def __init__(self, kind: str = "", refusal: Refusal | None = None) -> None:
        super().__init__(kind)
        self.refusal = refusal or Refusal()


class Conflict(StoreUnavailable):
    """Another transaction changed the same rows; this one changed nothing."""


VANISHED = "store_vanished"
MARKER_UNUSABLE = "marker_unusable"

GONE, REPLACED, EMPTIED = "store_gone", "store_replaced", "store_emptied"
ANOTHER, OLD_LOG, LOG_MISSING = "store_another", "store_log", "store_log_missing"
"""Causes of `VANISHED`: no file; another file than was opened; no schema; another installation's database; the log of a
removed file is beside a new file; the log was removed while it was in use."""


class StoreVanished(StoreUnavailable):
    """The known database is not there. What was being written at this moment may be lost."""

    def __init__(self, cause: str) -> None:
        """Make it.

        Args:
            cause: a code, see above.

        """
        super().__init__(VANISHED)
        self.cause = cause


class StoreOccupied(StoreUnavailable):
    """A new database was to be created, and there is one already. Nothing was changed."""


class StoreBehind(StoreUnavailable):
    """The database's counter is behind its marker: it is an older copy. Nothing was changed."""


class MarkerUnusable(StoreUnavailable):
    """The marker cannot be read or written, so nothing may be written into calendars."""

    def __init__(self, cause: str) -> None:
        """Make it.

        Args:
            cause: a code: ``marker_unreadable`` or ``marker_unwritable``.

        """
        super().__init__(MARKER_UNUSABLE)
        self.cause = cause
