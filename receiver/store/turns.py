"""Who does what needs doing once in a while: one process of all hosts, whoever asks first when it is time again.

A turn is a figure of which only the moment matters: when the task was last taken.
"""

from datetime import datetime, timedelta

from sqlalchemy import Connection, insert, or_, select, update

from receiver.store.counters import is_of_the_future
from receiver.store.database.tables import figures

PREFIX = "turn/"
"""How the names of turns begin among the figures."""


def take(connection: Connection, task: str, every: timedelta, now: datetime) -> bool:
    """Whether a task is the caller's to do now; if so, nobody else's for so long. A turn of the future is none: the
    clock was set back since, and the task may be the one that would see that it is wrong.
    """
    mine = figures.c.name == PREFIX + task
    is_time = or_(figures.c.taken_at <= now - every, is_of_the_future(now))
    if connection.execute(update(figures).where(mine, is_time).values(taken_at=now)).rowcount:
        return True
    if connection.scalar(select(figures.c.name).where(mine)) is not None:
        return False
    connection.execute(insert(figures).values(name=PREFIX + task, value=0, taken_at=now))
    return True


def set_back(connection: Connection, task: str, to: datetime) -> None:
    """Have a task count as last taken at an earlier moment, so that it is due sooner."""
    mine = figures.c.name == PREFIX + task
    connection.execute(update(figures).where(mine, figures.c.taken_at > to).values(taken_at=to))
