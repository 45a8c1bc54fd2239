"""What is kept, on SQLite or PostgreSQL. Knows no HTTP and no connector."""

from receiver.store.activity import HourCount, ModelCount, SeriesCount
from receiver.store.causes import Cause, Refusal
from receiver.store.copying import CopyFailed, Watch
from receiver.store.counting import BEHIND
from receiver.store.engine import PATIENCE_S
from receiver.store.erasure import Erased
from receiver.store.errors import VANISHED, MarkerUnusable, StoreBehind, StoreOccupied, StoreUnavailable, StoreVanished
from receiver.store.failing import Chosen, Failing
from receiver.store.history import DeliverySight, EventHistory, PlacementSight, PlacementState, WriteSight
from receiver.store.identity import Neighbour
from receiver.store.inbox import Judged
from receiver.store.leases import LeaseLost
from receiver.store.marker import Mark, Marker
from receiver.store.migrations import Standing
from receiver.store.overview import FailureGroup, FailureScope, MailboxSight
from receiver.store.records import (
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
from receiver.store.refusals import refusal_of
from receiver.store.resyncing import HeldEvent, Scope
from receiver.store.rulesets import InForce
from receiver.store.set_aside import MOST as MOST_SET_ASIDE
from receiver.store.set_aside import Group, Waiting, Wanted
from receiver.store.sight import COUNTED, SERVES, WORKERS, Sight, worker_name
from receiver.store.store import Store
from receiver.store.tallies import Figure, Tally
from receiver.store.tokens import TokenRecord
from receiver.store.wakeup import Wakeup
from receiver.store.writes import DONE, Written

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
