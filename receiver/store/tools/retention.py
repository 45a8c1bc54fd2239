"""Drops rows that are past their retention; the worker does so each hour."""

from collections import Counter
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, Table, and_, delete, exists, func, select

from receiver.core.removal_limits import KEPT as LOSSES_KEPT
from receiver.store.counters import is_old
from receiver.store.database.tables import (
    agent_words,
    deliveries,
    events,
    heartbeats,
    losses,
    placements,
    roles,
    set_aside,
    tallies,
    writes,
)
from receiver.store.heartbeats import WATCH
from receiver.store.intake.judge_agents import is_of_unknown_agent
from receiver.store.tools import unused

DROPPED_AT_ONCE = 500
"""Rows of a table that one transaction drops, so that others do not wait long for it."""
PAUSE_S = 0.02
"""Pause between two transactions, longer than a waiting writer sleeps, so that it gets the lock."""


def drop_old(connection: Connection, now: datetime, tombstone_days: int, journal_days: int) -> Counter[str]:
    """Drop some of what is past its retention, in one short transaction; return how many rows, by table.

    The result is empty if nothing was left to drop.
    """
    counts: Counter[str] = Counter()
    for table, condition in _old(now, tombstone_days, journal_days).items():
        # Tables whose key has several columns have few rows, and are not limited.
        key = next(iter(table.primary_key.columns))
        some = key.in_(select(key).where(condition).limit(DROPPED_AT_ONCE))
        counts[table.name] += connection.execute(delete(table).where(condition, some)).rowcount
        if counts[table.name] >= DROPPED_AT_ONCE:
            return +counts  # events last: their deliveries would be deleted with them, uncounted
    if counts.total():
        return +counts
    # Only when all else is done: these conditions read every agent.
    counts[agent_words.name] += connection.execute(delete(agent_words).where(is_of_unknown_agent())).rowcount
    return counts + unused.drop(connection, now, now - timedelta(days=tombstone_days))


def count_old(connection: Connection, now: datetime, tombstone_days: int, journal_days: int) -> dict[str, int]:
    """Return how many rows are past their retention, by table."""
    asked = _old(now, tombstone_days, journal_days) | {agent_words: is_of_unknown_agent()}
    return {
        table.name: connection.execute(select(func.count()).select_from(table).where(condition)).scalar_one()
        for table, condition in asked.items()
    } | unused.count(connection, now, now - timedelta(days=tombstone_days))


def _old(now: datetime, tombstone_days: int, journal_days: int) -> dict[Table, ColumnElement[bool]]:
    """Return the conditions for old rows. Events with a placement stay, and the last heartbeat of the watch."""
    forgotten, read = now - timedelta(days=tombstone_days), now - timedelta(days=journal_days)
    placed = exists().where(placements.c.event_id == events.c.id)
    return {
        deliveries: deliveries.c.received_at < read,
        writes: writes.c.written_at < read,
        events: and_(events.c.destroyed_at < forgotten, ~placed),
        roles: and_(roles.c.gone, roles.c.state_at < forgotten),
        heartbeats: and_(heartbeats.c.beat_at < now - timedelta(days=1), heartbeats.c.name != WATCH),
        tallies: is_old(now),
        set_aside: set_aside.c.set_aside_at < forgotten,
        losses: losses.c.starts_at < now - LOSSES_KEPT,
    }
