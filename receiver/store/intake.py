"""Judges webhooks: newest facts win, whatever the order, the repeats and the number of hosts.

A batch is judged in memory, one webhook after the other, against rows that were read together; what came of it is
written together. A thousand webhooks cost a few statements for each hundred, not ten for each.
"""

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby

from sqlalchemy import Connection

from receiver.core.facts import AgentNews, Delivery, RoleNews
from receiver.store import agents
from receiver.store.chunks import chunks
from receiver.store.journal import Journal
from receiver.store.records import Incoming, Receipt, Verdict
from receiver.store.workset import Workset


def take(connection: Connection, batch: Sequence[Incoming], now: datetime) -> list[Receipt]:
    """Judge webhooks in their order and keep what is news. Runs inside a write transaction."""
    journal = Journal(connection, batch)
    receipts: list[Receipt] = []
    for are_deliveries, run in groupby(batch, lambda incoming: isinstance(incoming.news, Delivery)):
        if are_deliveries:
            for chunk in chunks(list(run)):
                receipts += Workset(connection, chunk, journal, now).take()
        else:
            receipts += [_take_agent_news(connection, incoming, journal, now) for incoming in run]
    journal.write()
    return receipts


def _take_agent_news(connection: Connection, incoming: Incoming, journal: Journal, now: datetime) -> Receipt:
    if journal.knows(incoming):
        return Receipt(Verdict.DUPLICATE)
    verdict = Verdict.ACCEPTED if _learn(connection, incoming, now) else Verdict.SUPERSEDED
    journal.note(incoming, None, verdict)
    return Receipt(verdict)


def _learn(connection: Connection, incoming: Incoming, now: datetime) -> bool:
    """Keep news of an agent; return whether they are any."""
    news = incoming.news
    if isinstance(news, RoleNews):
        return agents.learn_role(connection, incoming.platform, news, now)
    return isinstance(news, AgentNews) and agents.learn_agent(connection, incoming.platform, news, now)
