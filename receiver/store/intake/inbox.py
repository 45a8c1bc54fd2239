"""Webhooks that are on disk and that nobody has judged yet.

The web processes append: one statement, no look at what is known, so that an answer costs little and waits for nobody.
Judging reads and writes along a dozen indexes; a worker does it for many webhooks at once.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate
from typing import NamedTuple

from sqlalchemy import Connection, RowMapping, Select, bindparam, delete, func, select, update
from sqlalchemy.exc import IntegrityError

from receiver.core.facts import model_of
from receiver.store import counters, fairness
from receiver.store.counters import Tally
from receiver.store.database.engine import chunks, is_of_the_database
from receiver.store.database.records import Incoming, Receipt, incoming_of, write_news
from receiver.store.database.tables import inbox
from receiver.store.fairness import Rota
from receiver.store.intake import judge_batch

NOT_JUDGED = "not_judged"
JUDGED_AT_ONCE = 50
"""Webhooks that are judged in a transaction, which delays those that are appended meanwhile."""
LENGTH_AT_ONCE = 100_000
"""Characters of news that are judged in a transaction, which bounds a batch of webhooks that list many agents."""

_WAITING = inbox.c.failure.is_(None)
_QUEUED = fairness.WaitingRows(inbox, _WAITING, inbox.c.id)
_THESE = delete(inbox).where(inbox.c.id.in_(bindparam("ids", expanding=True)))


class Row(NamedTuple):
    """A webhook as a row of the inbox."""

    delivery: str
    source: str
    platform: str
    emitter: str
    digest: bytes
    sort: str
    news: str
    organisation: int | None
    received_at: datetime
    authority: str | None
    signed_by: str


@dataclass(frozen=True, slots=True)
class Judged:
    """A webhook, and what became of it."""

    delivery: str
    source: str
    receipt: Receipt | None
    """None: it cannot be judged, and is set aside."""


def row_of(incoming: Incoming) -> Row:
    """Write a webhook as a row of the inbox."""
    return Row(
        incoming.id,
        incoming.source,
        incoming.platform,
        incoming.emitter,
        incoming.digest,
        *write_news(incoming.news),
        incoming.news.organisation,
        incoming.received_at,
        incoming.authority.text if incoming.authority else None,
        incoming.signed_by,
    )


def judge(
    connection: Connection, now: datetime, limit: int, rota: Rota | None = None, *, waits: bool = True
) -> list[Judged]:
    """Judge the webhooks whose turn it is, in the order they came, and count what became of them.

    One that cannot be judged, whatever the reason, costs the others nothing: it is set aside. While another host
    judges, nothing is judged here unless one `waits` for it.
    """
    if not judge_batch.take_turn(connection, waits=waits):
        return []
    rows = _next(connection, rota or Rota(), limit)
    if not rows:
        return []
    judged = _try(connection, rows, now)
    if judged is None:  # one of them made the batch fail
        judged = [each for row in rows for each in _try(connection, [row], now) or _set_aside(connection, row)]
    return judged


def _next(connection: Connection, rota: Rota, limit: int) -> list[RowMapping]:
    """Return the webhooks whose turn it is, up to about `LENGTH_AT_ONCE` characters."""
    picked = fairness.pick(connection, _QUEUED, rota, limit)
    total = list(accumulate(len(row["news"]) for row in picked))
    return sorted(picked[: max(bisect_right(total, LENGTH_AT_ONCE), 1)], key=lambda row: row["id"])


def _try(connection: Connection, rows: Sequence[RowMapping], now: datetime) -> list[Judged] | None:
    """Judge some; None: they cannot be judged, at least not together, and nothing has changed."""
    for may_try_again in (True, True, False):
        attempt = connection.begin_nested()
        try:
            judged = _judge(connection, rows, now)
        except Exception as error:  # whatever it is, the other webhooks must not wait for it
            if is_of_the_database(error):
                raise
            attempt.rollback()
            if isinstance(error, IntegrityError) and may_try_again:
                continue  # another host wrote the same just now, unless it comes again
            return None
        attempt.commit()
        return judged
    return None


def _judge(connection: Connection, rows: Sequence[RowMapping], now: datetime) -> list[Judged]:
    batch = [incoming_of(row) for row in rows]
    receipts = judge_batch.take_in_turn(connection, batch, now)
    pairs = list(zip(batch, receipts, strict=True))
    counts = Counter(Tally("webhook", each.source, model_of(each.news), receipt.verdict) for each, receipt in pairs)
    counters.add(connection, counts, now)
    for chunk in chunks([row["id"] for row in rows]):
        connection.execute(_THESE, {"ids": chunk})
    return [Judged(incoming.id, incoming.source, receipt) for incoming, receipt in pairs]


def _set_aside(connection: Connection, row: RowMapping) -> list[Judged]:
    connection.execute(update(inbox).where(inbox.c.id == row["id"]).values(failure=NOT_JUDGED))
    return [Judged(row["delivery"], row["source"], None)]


def judge_all(connection: Connection, now: datetime) -> None:
    """Judge the whole inbox, with what was set aside."""
    take_up(connection)
    while judge(connection, now, JUDGED_AT_ONCE):
        pass


def drop(connection: Connection, email: str) -> int:
    """Forget the webhooks that were set aside and name an agent; return how many there were."""
    named = inbox.c.failure.is_not(None), func.lower(inbox.c.news).contains(email, autoescape=True)
    return connection.execute(delete(inbox).where(*named)).rowcount


def take_up(connection: Connection) -> int:
    """Have what was set aside judged again, as another version may know how; return how many there were."""
    return connection.execute(update(inbox).where(inbox.c.failure.is_not(None)).values(failure=None)).rowcount


def is_empty(connection: Connection) -> bool:
    """Whether nothing waits to be judged."""
    return connection.execute(select(inbox.c.id).where(_WAITING).limit(1)).first() is None


def size(connection: Connection, most: int) -> int:
    """Return how many webhooks wait to be judged, counted up to `most`. What is set aside does not count."""
    return _counted(connection, select(inbox.c.id).where(_WAITING), most)


def size_by_number(connection: Connection, most: int) -> int:
    """Return how many webhooks are there, counted up to `most`, for an account that may read the ids alone."""
    return _counted(connection, select(inbox.c.id), most)


def _counted(connection: Connection, wanted: Select[tuple[int]], most: int) -> int:
    some = wanted.order_by(inbox.c.id).limit(most).subquery()
    count: int = connection.execute(select(func.count()).select_from(some)).scalar_one()
    return count


def waiting(connection: Connection, most: int) -> tuple[int, datetime | None]:
    """Return how many webhooks wait to be judged, counted so far, and when the one came that has waited longest."""
    some = select(inbox.c.id).where(_WAITING).order_by(inbox.c.id).limit(most).subquery()
    first = select(inbox.c.received_at).where(_WAITING).order_by(inbox.c.id).limit(1).scalar_subquery()
    count, oldest = connection.execute(select(select(func.count()).select_from(some).scalar_subquery(), first)).one()
    return count, oldest
