"""The inbox: webhooks that are on disk and not judged yet.

The web processes append with one statement and read nothing, so that an answer is cheap and fast. Judging reads and
writes along a dozen indexes; a worker does it for many webhooks at once.
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
"""The most webhooks that one transaction judges, as it delays those that are appended meanwhile."""
LENGTH_AT_ONCE = 100_000
"""The most characters of news that one transaction judges: a limit for webhooks that list many agents."""

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
    """A webhook and its receipt."""

    delivery: str
    source: str
    receipt: Receipt | None
    """None: it could not be judged, and is set aside."""


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
    """Judge the webhooks that are next, in the order in which they came, and count the verdicts.

    A webhook that cannot be judged is set aside and does not affect the others. While another host judges, nothing is
    judged here, unless `waits` is set.
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
    """Return the webhooks that are next, up to about `LENGTH_AT_ONCE` characters."""
    picked = fairness.pick(connection, _QUEUED, rota, limit)
    total = list(accumulate(len(row["news"]) for row in picked))
    return sorted(picked[: max(bisect_right(total, LENGTH_AT_ONCE), 1)], key=lambda row: row["id"])


def _try(connection: Connection, rows: Sequence[RowMapping], now: datetime) -> list[Judged] | None:
    """Judge webhooks; None: they could not be judged, at least not together, and nothing has changed."""
    for may_try_again in (True, True, False):
        attempt = connection.begin_nested()
        try:
            judged = _judge(connection, rows, now)
        except Exception as error:  # whatever the error, the other webhooks must not wait
            if is_of_the_database(error):
                raise
            attempt.rollback()
            if isinstance(error, IntegrityError) and may_try_again:
                continue  # another host wrote the same at this moment; a second time, it is another error
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
    """Delete the set aside webhooks that name an agent; return how many there were."""
    named = inbox.c.failure.is_not(None), func.lower(inbox.c.news).contains(email, autoescape=True)
    return connection.execute(delete(inbox).where(*named)).rowcount


def take_up(connection: Connection) -> int:
    """Put set aside webhooks up for judging again, as another version may be able to; return how many there were."""
    return connection.execute(update(inbox).where(inbox.c.failure.is_not(None)).values(failure=None)).rowcount


def is_empty(connection: Connection) -> bool:
    """Whether nothing waits to be judged."""
    return connection.execute(select(inbox.c.id).where(_WAITING).limit(1)).first() is None


def size(connection: Connection, most: int) -> int:
    """Return how many webhooks wait to be judged, counted up to `most`, without those set aside."""
    return _counted(connection, select(inbox.c.id).where(_WAITING), most)


def size_by_number(connection: Connection, most: int) -> int:
    """Return how many webhooks there are, counted up to `most`, for an account that may only read the ids."""
    return _counted(connection, select(inbox.c.id), most)


def _counted(connection: Connection, wanted: Select[tuple[int]], most: int) -> int:
    some = wanted.order_by(inbox.c.id).limit(most).subquery()
    count: int = connection.execute(select(func.count()).select_from(some)).scalar_one()
    return count


def waiting(connection: Connection, most: int) -> tuple[int, datetime | None]:
    """Return how many webhooks wait to be judged, counted up to `most`, and when the oldest of them came."""
    some = select(inbox.c.id).where(_WAITING).order_by(inbox.c.id).limit(most).subquery()
    first = select(inbox.c.received_at).where(_WAITING).order_by(inbox.c.id).limit(1).scalar_subquery()
    count, oldest = connection.execute(select(select(func.count()).select_from(some).scalar_subquery(), first)).one()
    return count, oldest
