"""The database, SQLite or PostgreSQL. It knows no HTTP and no connector.

`Store` is the entry point. This module exports it and the types of its signatures. Functions for `Store.read` and
`Store.write`, and their types, are imported from their own modules.
"""

from receiver.store.database.causes import Cause, Refusal
from receiver.store.database.engine import QUERY_TIMEOUT_S
from receiver.store.database.errors import (
    VANISHED,
    MarkerUnusable,
    StoreBehind,
    StoreOccupied,
    StoreUnavailable,
    StoreVanished,
)
from receiver.store.database.records import Incoming, Installation, MailboxWork, Receipt, Trouble, Verdict, WorkItem
from receiver.store.database.refusals import refusal_of
from receiver.store.intake.inbox import Judged
from receiver.store.migrations import Standing
from receiver.store.place.marker import Mark, Marker
from receiver.store.store import Store
from receiver.store.tools.backup import Watch
from receiver.store.work.leases import LeaseLost
from receiver.store.work.wakeup import Wakeup
from receiver.store.work.write_history import WriteRecord

__all__ = [
    "QUERY_TIMEOUT_S",
    "VANISHED",
    "Cause",
    "Incoming",
    "Installation",
    "Judged",
    "LeaseLost",
    "MailboxWork",
    "Mark",
    "Marker",
    "MarkerUnusable",
    "Receipt",
    "Refusal",
    "Standing",
    "Store",
    "StoreBehind",
    "StoreOccupied",
    "StoreUnavailable",
    "StoreVanished",
    "Trouble",
    "Verdict",
    "Wakeup",
    "Watch",
    "WorkItem",
    "WriteRecord",
    "refusal_of",
]
