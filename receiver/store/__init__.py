"""What is kept, on SQLite or PostgreSQL. Knows no HTTP and no connector."""

from receiver.store.counters import Figure, Tally
from receiver.store.database.causes import Cause, Refusal
from receiver.store.database.engine import PATIENCE_S
from receiver.store.database.errors import (
    VANISHED,
    MarkerUnusable,
    StoreBehind,
    StoreOccupied,
    StoreUnavailable,
    StoreVanished,
)
from receiver.store.database.records import (
    ComingAgent,
    Incoming,
    Installation,
    MailboxWork,
    Reason,
    Receipt,
    Trouble,
    Verdict,
    WorkItem,
)
from receiver.store.database.refusals import refusal_of
from receiver.store.heartbeats import SERVES, WORKERS, worker_name
from receiver.store.intake.inbox import Judged
from receiver.store.intake.set_aside import MOST as MOST_SET_ASIDE
from receiver.store.intake.set_aside import Group, Waiting, Wanted
from receiver.store.migrations import Standing
from receiver.store.place.batch_counter import BEHIND
from receiver.store.place.marker import Mark, Marker
from receiver.store.reports.activity import HourCount, ModelCount, SeriesCount
from receiver.store.reports.event_history import DeliverySight, EventHistory, PlacementSight, PlacementState, WriteSight
from receiver.store.reports.overview import FailureGroup, FailureScope, MailboxSight
from receiver.store.reports.status import COUNTED, Sight
from receiver.store.store import Store
from receiver.store.tools.backup import CopyFailed, Watch
from receiver.store.tools.erasure import Erased
from receiver.store.tools.failures import Chosen, Failing
from receiver.store.tools.resync import HeldEvent, Scope
from receiver.store.tools.tokens import TokenRecord
from receiver.store.work.leases import LeaseLost
from receiver.store.work.mailbox_identity import Neighbour
from receiver.store.work.rulesets import InForce
from receiver.store.work.wakeup import Wakeup
from receiver.store.work.writes import DONE, Written

__all__ = [
    "BEHIND",
    "COUNTED",
    "DONE",
    "MOST_SET_ASIDE",
    "PATIENCE_S",
    "SERVES",
    "VANISHED",
    "WORKERS",
    "Cause",
    "Chosen",
    "ComingAgent",
    "CopyFailed",
    "DeliverySight",
    "Erased",
    "EventHistory",
    "Failing",
    "FailureGroup",
    "FailureScope",
    "Figure",
    "Group",
    "HeldEvent",
    "HourCount",
    "InForce",
    "Incoming",
    "Installation",
    "Judged",
    "LeaseLost",
    "MailboxSight",
    "MailboxWork",
    "Mark",
    "Marker",
    "MarkerUnusable",
    "ModelCount",
    "Neighbour",
    "PlacementSight",
    "PlacementState",
    "Reason",
    "Receipt",
    "Refusal",
    "Scope",
    "SeriesCount",
    "Sight",
    "Standing",
    "Store",
    "StoreBehind",
    "StoreOccupied",
    "StoreUnavailable",
    "StoreVanished",
    "Tally",
    "TokenRecord",
    "Trouble",
    "Verdict",
    "Waiting",
    "Wakeup",
    "Wanted",
    "Watch",
    "WorkItem",
    "WriteSight",
    "Written",
    "refusal_of",
    "worker_name",
]
