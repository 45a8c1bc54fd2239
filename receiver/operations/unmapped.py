"""Agents without a mailbox."""

from datetime import datetime

from receiver.core.mailboxes import MailboxMap, Unplaced
from receiver.store import Store
from receiver.store.database.records import ComingAgent
from receiver.store.reports import overview
from receiver.store.work import rulesets

COUNTED = 10_000
"""More agents than any office has."""


def in_force(store: Store, mapping: MailboxMap) -> MailboxMap:
    """Return the mapping that entries are written by; that of this process's file where none was ever adopted.

    Files are read at other moments by each process: a CSV is changed over night, and only workers read it again.
    """
    found = store.read(rulesets.in_force)
    return found.ruleset.mailboxes if found else mapping


def unmapped(store: Store, mapping: MailboxMap, now: datetime) -> list[ComingAgent]:
    """Return the agents who have events to come and no mailbox, the busiest first."""
    return [
        agent for agent in store.read(overview.coming_agents, now) if mapping.locate(agent.email) is Unplaced.UNMAPPED
    ]


def count_unmapped(store: Store, mapping: MailboxMap, now: datetime) -> int:
    """Return how many agents of events to come nothing maps, `COUNTED` at most."""
    agents = store.read(overview.unmapped_agents, now, COUNTED)
    return sum(mapping.locate(agent.email) is Unplaced.UNMAPPED for agent in agents)
