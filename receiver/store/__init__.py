"""What is kept, on SQLite or PostgreSQL. Knows no HTTP and no connector."""

from receiver.store.engine import StoreUnavailable
from receiver.store.identity import Neighbour
from receiver.store.leases import LeaseLost
from receiver.store.records import (
    ComingAgent,
    Incoming,
    Installation,
    MailboxWork,
    Receipt,
    Trouble,
    Verdict,
    WorkItem,
)
from receiver.store.rulesets import InForce
from receiver.store.sight import WORKERS, Sight
from receiver.store.store import Store
from receiver.store.tallies import Figure, Tally

__all__ = [
    "WORKERS",
    "ComingAgent",
    "Figure",
    "InForce",
    "Incoming",
    "Installation",
    "LeaseLost",
    "MailboxWork",
    "Neighbour",
    "Receipt",
    "Sight",
    "Store",
    "StoreUnavailable",
    "Tally",
    "Trouble",
    "Verdict",
    "WorkItem",
]
