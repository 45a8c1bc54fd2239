"""The errors that the store raises."""

from receiver.store.database.causes import Refusal


class StoreUnavailable(Exception):
    """The database cannot be reached, is locked for too long, or has no room. Nothing was changed.

    Its text is the kind of error; why it is so, and what can be done, is its `refusal`.
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
"""Causes of `VANISHED`: no file; another file than was opened; no schema; another installation's; the log of the file
that is gone lies beside a new one; the log of the file was removed while it was in use."""


class StoreVanished(StoreUnavailable):
    """The database that was known is not there. What was written at this moment may be lost with it."""

    def __init__(self, cause: str) -> None:
        """Make it.

        Args:
            cause: a code, see above.

        """
        super().__init__(VANISHED)
        self.cause = cause


class StoreOccupied(StoreUnavailable):
    """There is a database where a new one was to be made. Nothing was changed."""


class StoreBehind(StoreUnavailable):
    """The database has counted less than its marker: it is an older copy. Nothing was changed."""


class MarkerUnusable(StoreUnavailable):
    """The marker cannot be read or written: nothing may be written into calendars."""

    def __init__(self, cause: str) -> None:
        """Make it.

        Args:
            cause: a code: ``marker_unreadable`` or ``marker_unwritable``.

        """
        super().__init__(MARKER_UNUSABLE)
        self.cause = cause
