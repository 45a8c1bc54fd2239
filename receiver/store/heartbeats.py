"""Heartbeats of processes: who lives, who ended as it should, who died."""

import secrets
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, ScalarSelect, and_, delete, func, insert, select, update

from receiver.store.database.tables import heartbeats

WORKERS = "worker/"
"""How the names of workers begin among the heartbeats."""
DEAD_AFTER = timedelta(seconds=30)
"""Without a sign of life for so long, and without a goodbye, a worker is dead; one that lives beats every 5 s."""
DEATHS_WITHIN = timedelta(hours=1)
DEATHS_NAMED = 20
SERVES = "serve/"
"""How the names of processes that take webhooks begin among the heartbeats."""


def last_beat(connection: Connection, prefix: str) -> datetime | None:
    """Return when a process whose name begins so was last heard of."""
    newest: datetime | None = connection.scalar(select(newest_beat(prefix)))
    return newest


def worker_name(host: str, pid: int) -> str:
    """Return the name of one life of a worker: a process that is started again is another, even under an old pid."""
    return f"{WORKERS}{host[:40]}/{pid}/{secrets.token_hex(3)}"


def say_goodbye(connection: Connection, name: str) -> None:
    """Note that a worker ended as it should: what was last heard of it goes on under its host's name."""
    beat_at = connection.scalar(select(heartbeats.c.beat_at).where(heartbeats.c.name == name))
    if beat_at is not None:
        connection.execute(delete(heartbeats).where(heartbeats.c.name == name))
        beat(connection, name.rsplit("/", 2)[0], beat_at)


def beat(connection: Connection, name: str, now: datetime) -> None:
    """Note a sign of life."""
    known = connection.execute(update(heartbeats).where(heartbeats.c.name == name).values(beat_at=now))
    if not known.rowcount:
        connection.execute(insert(heartbeats).values(name=name, beat_at=now))


def beats(connection: Connection) -> dict[str, datetime]:
    """Return when each process was last heard of, by name."""
    return {row.name: row.beat_at for row in connection.execute(select(heartbeats).order_by(heartbeats.c.name))}


def newest_beat(prefix: str) -> ScalarSelect[datetime]:
    """Ask when a process whose name begins so was last heard of."""
    named = heartbeats.c.name.startswith(prefix, autoescape=True)
    return select(func.max(heartbeats.c.beat_at)).where(named).scalar_subquery()


def count_deaths(now: datetime) -> ScalarSelect[int]:
    """Ask how many workers ended within `DEATHS_WITHIN` without a goodbye."""
    return select(func.count()).select_from(heartbeats).where(_has_died(now)).scalar_subquery()


def first_death(now: datetime) -> ScalarSelect[datetime]:
    """Ask when the first of them was last heard of."""
    return select(func.min(heartbeats.c.beat_at)).where(_has_died(now)).scalar_subquery()


def last_deaths(connection: Connection, now: datetime) -> tuple[datetime, ...]:
    """Return when the last `DEATHS_NAMED` of them were last heard of, the newest first."""
    newest = select(heartbeats.c.beat_at).where(_has_died(now)).order_by(heartbeats.c.beat_at.desc())
    return tuple(connection.scalars(newest.limit(DEATHS_NAMED)))


def _has_died(now: datetime) -> ColumnElement[bool]:
    # Three slashes: a program of before wrote two, and said no goodbye.
    one_life = heartbeats.c.name.like(f"{WORKERS}%/%/%")
    return and_(one_life, heartbeats.c.beat_at.between(now - DEATHS_WITHIN, now - DEAD_AFTER))
