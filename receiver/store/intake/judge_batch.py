"""Judges a batch of webhooks. `receiver.core.facts.judge_state` decides which of two states is newer.

The batch is judged in memory, one webhook after the other, against rows that were read together. The results are
written together. A thousand webhooks cost a few statements for each hundred, not ten for each.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import groupby
from typing import cast

from sqlalchemy import Connection, text

from receiver.core.facts import AgentNews, Delivery, RoleNews
from receiver.store.database.engine import chunks
from receiver.store.database.records import Incoming, Receipt, Verdict
from receiver.store.intake import agents, judge_events, set_aside
from receiver.store.intake.journal import Journal
from receiver.store.intake.judge_events import Workset
from receiver.store.intake.removal_guard import Guard

_LOCK = 7_302_002
"""The key of PostgreSQL's advisory lock for judging; migrations have another one."""


def take_turn(connection: Connection, *, waits: bool) -> bool:
    """Take the lock for judging until this transaction ends; return whether it was free.

    One transaction of all hosts judges at a time. A webhook may cause others, of any event, to be judged again: two
    transactions would lock the same rows in different orders. SQLite has one writer anyway.

    Args:
        connection: in a write transaction.
        waits: whether to wait for another that judges at this moment.

    """
    if connection.dialect.name != "postgresql":
        return True
    if waits:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        return True
    return bool(connection.scalar(text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": _LOCK}))


@dataclass
class _Touched:
    """The events and agents that webhooks changed."""

    events: set[int] = field(default_factory=set)
    agents: set[tuple[str, str]] = field(default_factory=set)


def take(connection: Connection, batch: Sequence[Incoming], now: datetime) -> list[Receipt]:
    """Take the lock for judging, wait for it if needed, and judge webhooks as `take_in_turn` does."""
    take_turn(connection, waits=True)
    return take_in_turn(connection, batch, now)


def take_in_turn(connection: Connection, batch: Sequence[Incoming], now: datetime) -> list[Receipt]:
    """Judge webhooks in their order and keep what is news. Runs in a write transaction that has the lock for judging.

    Webhooks that wait for a decision about the same events and agents are judged again: they may be decided now.
    """
    touched = _Touched()
    receipts = _take(connection, batch, now, touched)
    while touched.events or touched.agents:
        events, people = touched.events, touched.agents
        touched = _Touched()
        again = partial(_take, connection, now=now, touched=touched)
        if not set_aside.judge_again(connection, again, events, people):
            break  # judging again decided nothing
    return receipts


def release(connection: Connection, ids: Collection[int], now: datetime) -> int:
    """Accept webhooks that waited for a decision, whatever set them aside; return how many there were."""
    return set_aside.release(connection, _decide(connection, now), ids, now)


def judge_out_of_scope(connection: Connection, authorities: Mapping[str, set_aside.AuthorityOf], now: datetime) -> int:
    """Judge webhooks out of scope again if their secrets now have another authority; return how many that decided.

    Args:
        connection: a write transaction.
        authorities: by source, the function that returns the authority of a signature.
        now: the moment.

    """
    return set_aside.judge_all(connection, _decide(connection, now), authorities)


def _decide(connection: Connection, now: datetime) -> set_aside.Judge:
    """Return a function that judges decided webhooks, and then those that wait beside them."""
    take_turn(connection, waits=True)  # before set aside rows are locked
    return partial(take_in_turn, connection, now=now)


def _take(connection: Connection, batch: Sequence[Incoming], now: datetime, touched: _Touched) -> list[Receipt]:
    journal = Journal(connection, batch)
    guard = Guard(connection, now)
    receipts: list[Receipt] = []
    for are_deliveries, run in groupby(batch, lambda incoming: isinstance(incoming.news, Delivery)):
        if are_deliveries:
            for chunk in chunks(list(run)):
                workset = Workset(connection, chunk, journal, guard, now)
                receipts += workset.take()
                touched.events |= workset.touched
                touched.agents |= workset.moved
        else:
            for incoming in run:
                receipt = _take_agent_news(connection, incoming, journal, guard, now)
                if receipt.verdict is Verdict.ACCEPTED and isinstance(incoming.news, AgentNews | RoleNews):
                    touched.agents.add((incoming.platform, incoming.news.agent.ident))
                receipts.append(receipt)
    journal.write()
    guard.write()
    set_aside.put(connection, zip(batch, receipts, strict=True), now)
    return receipts


def _take_agent_news(
    connection: Connection, incoming: Incoming, journal: Journal, guard: Guard, now: datetime
) -> Receipt:
    if journal.knows(incoming):
        return Receipt(Verdict.DUPLICATE)
    news = cast("AgentNews | RoleNews", incoming.news)
    if isinstance(news, RoleNews):
        receipt = agents.learn_role(connection, incoming, news, guard, now)
    else:
        receipt = agents.learn_agent(connection, incoming, news, guard, now)
    if receipt.verdict not in {Verdict.HELD, Verdict.OUT_OF_SCOPE}:
        journal.note(incoming, None, receipt.verdict)
    return receipt


def is_known(connection: Connection, platform: str, news: Delivery | RoleNews) -> bool:
    """Whether the event or role of a webhook is known."""
    if isinstance(news, RoleNews):
        return agents.is_known_role(connection, platform, news)
    return judge_events.is_known(connection, platform, news)
