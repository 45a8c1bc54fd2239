"""Heartbeats of processes: which run, which stopped as intended, which died."""

import secrets
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, ScalarSelect, and_, delete, func, insert, select, update

from receiver.store.database.tables import heartbeats

WORKERS = "worker/"
"""Prefix of the names of workers."""
DEAD_AFTER = timedelta(seconds=30)
"""A worker without a goodbye counts as dead after this time without a heartbeat; they come every 5 s."""
DEATHS_WITHIN = timedelta(hours=1)
DEATHS_NAMED = 20
SERVES = "serve/"
"""Prefix of the names of processes that receive webhooks."""
WATCH = "watch"
"""The name of the process that sends alerts, whichever host it is on: an installation has one."""


def last_beat(connection: Connection, prefix: str) -> datetime | None:
    """Return the last heartbeat of the processes whose names have a prefix."""
    newest: datetime | None = connection.scalar(select(newest_beat(prefix)))
    return newest


def worker_name(host: str, pid: int) -> str:
    """Return a name for one run of a worker: a restarted process has another one, even with the same pid."""
    return f"{WORKERS}{host[:40]}/{pid}/{secrets.token_hex(3)}"


def say_goodbye(connection: Connection, name: str) -> None:
    """Note that a worker stopped as intended: its last heartbeat is kept under the name of its host."""
    beat_at = connection.scalar(select(heartbeats.c.beat_at).where(heartbeats.c.name == name))
    if beat_at is not None:
        connection.execute(delete(heartbeats).where(heartbeats.c.name == name))
        beat(connection, name.rsplit("/", 2)[0], beat_at)


def beat(connection: Connection, name: str, now: datetime) -> None:
    """Note a heartbeat."""
    known = connection.execute(update(heartbeats).where(heartbeats.c.name == name).values(beat_at=now))
    if not known.rowcount:
        connection.execute(insert(heartbeats).values(name=name, beat_at=now))


def beats(connection: Connection) -> dict[str, datetime]:
    """Return the last heartbeat of each process, by name."""
    return {row.name: row.beat_at for row in connection.execute(select(heartbeats).order_by(heartbeats.c.name))}


def newest_beat(prefix: str) -> ScalarSelect[datetime]:
    """Select the last heartbeat of the processes whose names have a prefix."""
    named = heartbeats.c.name.startswith(prefix, autoescape=True)
    return select(func.max(heartbeats.c.beat_at)).where(named).scalar_subquery()


def count_deaths(now: datetime) -> ScalarSelect[int]:
    """Select how many workers ended within `DEATHS_WITHIN` without a goodbye."""
    return select(func.count()).select_from(heartbeats).where(_has_died(now)).scalar_subquery()


def first_death(now: datetime) -> ScalarSelect[datetime]:
    """Select the last heartbeat of the first of them."""
    return select(func.min(heartbeats.c.beat_at)).where(_has_died(now)).scalar_subquery()


def last_deaths(connection: Connection, now: datetime) -> tuple[datetime, ...]:
    """Return the last heartbeats of the `DEATHS_NAMED` that died last, the newest first."""
    newest = select(heartbeats.c.beat_at).where(_has_died(now)).order_by(heartbeats.c.beat_at.desc())
    return tuple(connection.scalars(newest.limit(DEATHS_NAMED)))


def _has_died(now: datetime) -> ColumnElement[bool]:
    # Three slashes: an older program wrote two, and no goodbyes.
    one_life = heartbeats.c.name.like(f"{WORKERS}%/%/%")
    return and_(one_life, heartbeats.c.beat_at.between(now - DEATHS_WITHIN, now - DEAD_AFTER))
