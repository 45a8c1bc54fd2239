"""Agents without a mailbox."""

from datetime import datetime

from receiver.core.mailboxes import MailboxMap, Unplaced
from receiver.store import Store
from receiver.store.database.records import ComingAgent
from receiver.store.reports import overview
from receiver.store.work import rulesets

COUNTED = 10_000
"""A limit above the number of agents of any office."""


def in_force(store: Store, mapping: MailboxMap) -> MailboxMap:
    """Return the mapping in force; that of this process's file if none was ever put in force.

    Processes read files at different moments: a CSV may change over night, and only workers read it again.
    """
    found = store.read(rulesets.in_force)
    return found.ruleset.mailboxes if found else mapping


def unmapped(store: Store, mapping: MailboxMap, now: datetime) -> list[ComingAgent]:
    """Return the agents who have coming events and no mailbox, the busiest first."""
    return [
        agent for agent in store.read(overview.coming_agents, now) if mapping.locate(agent.email) is Unplaced.UNMAPPED
    ]


def count_unmapped(store: Store, mapping: MailboxMap, now: datetime) -> int:
    """Return how many agents of coming events nothing maps, at most `COUNTED`."""
    agents = store.read(overview.unmapped_agents, now, COUNTED)
    return sum(mapping.locate(agent.email) is Unplaced.UNMAPPED for agent in agents)
