"""Webhooks that were judged and have no effect until an operator or a later webhook decides."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import blake2b

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, delete, func, insert, select, update

from receiver import logs
from receiver.core.digests import DIGEST_BYTES
from receiver.core.facts import AgentNews, Delivery, EventKind, Model, News, RdvState, RoleNews, model_of
from receiver.core.scope import Authority
from receiver.store import counters
from receiver.store.counters import Tally
from receiver.store.database.engine import chunks
from receiver.store.database.records import (
    Aside,
    Incoming,
    Reason,
    Receipt,
    Verdict,
    incoming_of,
    read_facts,
    read_news,
    write_facts,
    write_news,
)
from receiver.store.database.tables import events, set_aside

log = logs.get("store")

MOST = 1_000
"""The most webhooks out of scope that are kept for each secret: the first of a flood explain it."""

SETTLING = timedelta(minutes=10)
"""If one of an agent's organisations sends an absence, the others send it within this time, or not at all."""

Judge = Callable[[Sequence[Incoming]], list[Receipt]]
_ANY = select(set_aside.c.id).limit(1)


@dataclass(frozen=True, slots=True)
class Group:
    """Webhooks that wait for a decision, of one kind, one source and one signature."""

    reason: Reason
    source: str
    signed_by: str
    model: str
    count: int
    entries: int
    since: datetime
    """When the first of them was set aside."""
    last: int = 0
    """The highest number among them: a decision on the group must not concern webhooks that came after it was shown."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Filters for waiting webhooks; None: any."""

    reason: str | None = None
    source: str | None = None
    signed_by: str | None = None
    model: str | None = None
    up_to: int | None = None
    """The highest number."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """One webhook that waits for a decision."""

    id: int
    reason: Reason
    model: str
    since: datetime
    source: str
    platform: str
    signed_by: str
    news: News
    uid: str | None
    """The event that it concerns."""
    organisation: int | None
    """The organisation that this event belongs to; of a role, the organisation that it belonged to."""
    entries: int
    delivery: str
    wire_id: int | None
    """The number that the platform knows the event by."""


def put(connection: Connection, judged: Iterable[tuple[Incoming, Receipt]], now: datetime) -> None:
    """Keep webhooks that must wait. One that waits already is not kept twice."""
    for incoming, receipt in judged:
        for aside in receipt.asides:
            _put(connection, incoming, aside, now)


def _put(connection: Connection, incoming: Incoming, aside: Aside, now: datetime) -> None:
    ident = aside.news.agent.ident if isinstance(aside.news, AgentNews | RoleNews) else None
    mine = [
        set_aside.c.source == incoming.source,
        set_aside.c.signed_by == incoming.signed_by,
        set_aside.c.reason == aside.reason,
    ]
    if _is_there(connection, incoming, aside, mine, ident):
        return
    if aside.reason is Reason.SCOPE and _is_full(connection, mine):
        tally = Tally("webhook", incoming.source, model_of(aside.news), "dropped")
        counters.add(connection, {tally: 1}, now)
        log.error("set_aside_full", source=incoming.source, delivery=incoming.id)
        return
    sort, text = write_news(aside.news)
    digest = _digest(incoming, aside)
    row = {
        "reason": aside.reason,
        "model": model_of(aside.news),
        "set_aside_at": now,
        "entries": aside.entries,
        "event_id": aside.event.id if aside.event is not None else None,
        "ident": ident,
        "organisation": aside.organisation,
        "delivery": incoming.id if digest == incoming.digest else digest.hex(),
        "source": incoming.source,
        "platform": incoming.platform,
        "emitter": incoming.emitter,
        "digest": digest,
        "sort": sort,
        "news": text,
        "received_at": incoming.received_at,
        "authority": incoming.authority.text if incoming.authority else None,
        "signed_by": incoming.signed_by,
    }
    connection.execute(insert(set_aside).values(row))


def _is_there(
    connection: Connection, incoming: Incoming, aside: Aside, mine: list[ColumnElement[bool]], ident: str | None
) -> bool:
    """Whether the same webhook waits already. About an agent, or a removal of an event, only the newest one waits: each
    later webhook about the same causes it to be judged again.
    """
    sort, _ = write_news(aside.news)
    if ident is not None:
        same = and_(set_aside.c.platform == incoming.platform, set_aside.c.ident == ident, set_aside.c.sort == sort)
    elif aside.reason is Reason.REMOVAL and aside.event is not None:
        same = set_aside.c.event_id == aside.event.id
    else:
        same = set_aside.c.digest == _digest(incoming, aside)
    for row in connection.execute(select(set_aside).where(*mine, same)).mappings().all():
        waits = read_news(row["sort"], row["news"])
        if isinstance(aside.news, RoleNews) and isinstance(waits, RoleNews) and waits.wire_id != aside.news.wire_id:
            continue
        if _is_newer(waits, aside.news):
            connection.execute(delete(set_aside).where(set_aside.c.id == row["id"]))
        else:
            return True
    return False


def _is_newer(waiting: News, incoming: News) -> bool:
    """Whether an incoming webhook replaces a waiting one; a destroyed event stays destroyed."""
    if isinstance(incoming, Delivery) and EventKind.DESTROYED in {waiting.version.kind, incoming.version.kind}:
        return waiting.version.kind is not EventKind.DESTROYED
    return waiting.version.state_at < incoming.version.state_at


def _digest(incoming: Incoming, aside: Aside) -> bytes:
    """Return its identifying digest. A part has another digest than its webhook, which may have been accepted."""
    if aside.news is incoming.news and aside.reason is not Reason.CANCELLATION:
        return incoming.digest
    part = f"{aside.reason} {aside.news.agent.ident if isinstance(aside.news, AgentNews) else ''}"
    return blake2b(incoming.digest + part.encode(), digest_size=DIGEST_BYTES).digest()


def _is_full(connection: Connection, mine: list[ColumnElement[bool]]) -> bool:
    beyond = select(set_aside.c.id).where(*mine).offset(MOST - 1).limit(1)
    return connection.execute(beyond).first() is not None


# Judging again


def judge_again(
    connection: Connection,
    judge: Judge,
    event_ids: Collection[int] = (),
    agents: Collection[tuple[str, str]] = (),
) -> int:
    """Judge again the webhooks that wait about these events and agents; return how many were decided."""
    if connection.execute(_ANY).first() is None:  # the common case
        return 0
    rows = [row for chunk in chunks(sorted(event_ids)) for row in _rows(connection, set_aside.c.event_id.in_(chunk))]
    for platform, ident in sorted(agents):
        rows += _rows(connection, and_(set_aside.c.platform == platform, set_aside.c.ident == ident))
    return _decide(connection, judge, rows)


AuthorityOf = Callable[[str], Authority | None]
"""Returns the authority of a signature by the present configuration; None: such a secret is no longer configured."""


def judge_all(connection: Connection, judge: Judge, authorities: Mapping[str, AuthorityOf]) -> int:
    """Judge webhooks out of scope again if their secrets now have another authority; return how many that decided.

    Args:
        connection: the transaction.
        judge: judges webhooks.
        authorities: by source.

    """
    rows = _rows(connection, set_aside.c.reason == Reason.SCOPE)
    bound: list[RowMapping] = []
    for row in rows:
        tell = authorities.get(row["source"])
        authority = tell(row["signed_by"] or "") if tell else None
        if authority is not None and authority.text != row["authority"]:
            this = set_aside.c.id == row["id"]
            connection.execute(update(set_aside).where(this).values(authority=authority.text))
            bound += _rows(connection, this)
    return _decide(connection, judge, bound)


def release(connection: Connection, judge: Judge, ids: Collection[int], now: datetime) -> int:
    """Accept waiting webhooks, as an operator decided; return how many there were."""
    rows = [row for chunk in chunks(sorted(ids)) for row in _rows(connection, set_aside.c.id.in_(chunk))]
    for row in rows:  # one after the other, as each may decide the next one
        if row["reason"] == Reason.CANCELLATION:
            _unmark(connection, row["event_id"], now)
        else:
            judge([incoming_of(row, released=True)])
    _drop(connection, [row["id"] for row in rows])
    return len(rows)


def drop(connection: Connection, ids: Collection[int]) -> int:
    """Delete waiting webhooks, as an operator decided; return how many there were."""
    return sum(
        connection.execute(delete(set_aside).where(set_aside.c.id.in_(chunk))).rowcount for chunk in chunks(sorted(ids))
    )


def _decide(connection: Connection, judge: Judge, rows: Sequence[RowMapping]) -> int:
    cancelled = [row for row in rows if row["reason"] == Reason.CANCELLATION]
    judged = [row for row in rows if row["reason"] != Reason.CANCELLATION]
    decided = [row["id"] for row in cancelled if not _is_marked(connection, row["event_id"])]
    if judged:
        receipts = judge([incoming_of(row, held=row["reason"] == Reason.REMOVAL) for row in judged])
        decided += [row["id"] for row, receipt in zip(judged, receipts, strict=True) if not _waits(row, receipt)]
    _drop(connection, decided)
    return len(decided)


def _waits(row: RowMapping, receipt: Receipt) -> bool:
    """Whether it still waits for the same reason; for another reason it has a new row."""
    waits = receipt.verdict in {Verdict.OUT_OF_SCOPE, Verdict.HELD}
    return waits and any(aside.reason == row["reason"] for aside in receipt.asides)


def _is_marked(connection: Connection, event_id: int) -> bool:
    return _marked(connection, event_id) is not None


def _marked(connection: Connection, event_id: int) -> RdvState | None:
    """Return the facts of an event that is shown as cancelled instead of removed; None: it is not."""
    state = read_facts(
        connection.scalar(select(events.c.facts).where(events.c.id == event_id).with_for_update(key_share=True))
    )
    return state if isinstance(state, RdvState) and state.cancelled and state.marked else None


def _unmark(connection: Connection, event_id: int, now: datetime) -> None:
    """Allow the removal of an event that is shown as cancelled."""
    if state := _marked(connection, event_id):
        values = {"facts": write_facts(replace(state, marked=False)), "unsettled_at": now}
        connection.execute(update(events).where(events.c.id == event_id).values(values))


def _rows(connection: Connection, wanted: ColumnElement[bool]) -> list[RowMapping]:
    found = select(set_aside).where(wanted).order_by(set_aside.c.id).with_for_update(skip_locked=True)
    return list(connection.execute(found).mappings())


def _drop(connection: Connection, ids: Sequence[int]) -> None:
    for chunk in chunks(ids):
        connection.execute(delete(set_aside).where(set_aside.c.id.in_(chunk)))


# What pages and commands show


def groups(connection: Connection, now: datetime) -> list[Group]:
    """Return the waiting webhooks in groups, by reason, source, signature and model.

    An agent's organisations send each absence within moments, so a shorter wait is left out: it ends by itself.
    """
    keys = set_aside.c.reason, set_aside.c.source, set_aside.c.signed_by, set_aside.c.model
    is_settling = and_(
        set_aside.c.reason == Reason.SCOPE,
        set_aside.c.model == Model.ABSENCE,
        set_aside.c.set_aside_at > now - SETTLING,
    )
    counted = (
        select(
            *keys,
            func.count().label("number"),
            func.sum(set_aside.c.entries).label("entries"),
            func.min(set_aside.c.set_aside_at).label("since"),
            func.max(set_aside.c.id).label("last"),
        )
        .where(~is_settling)
        .group_by(*keys)
        .order_by(*keys)
    )
    return [
        Group(
            reason=Reason(row.reason),
            source=row.source,
            signed_by=row.signed_by or "",
            model=row.model,
            count=row.number,
            entries=row.entries,
            since=row.since,
            last=row.last,
        )
        for row in connection.execute(counted)
    ]


def waiting(connection: Connection, limit: int, after: int = 0, wanted: Wanted | None = None) -> list[Waiting]:
    """Return up to `limit` waiting webhooks after a number, the oldest first."""
    rows = connection.execute(
        select(set_aside, events.c.uid, events.c.wire_id, events.c.organisation.label("owner"))
        .outerjoin(events, events.c.id == set_aside.c.event_id)
        .where(set_aside.c.id > after, *_meant(wanted or Wanted()))
        .order_by(set_aside.c.id)
        .limit(limit)
    ).mappings()
    return [
        Waiting(
            id=row["id"],
            reason=Reason(row["reason"]),
            model=row["model"],
            since=row["set_aside_at"],
            source=row["source"],
            platform=row["platform"],
            signed_by=row["signed_by"] or "",
            news=read_news(row["sort"], row["news"]),
            uid=row["uid"],
            organisation=row["organisation"] if row["uid"] is None else row["owner"],
            entries=row["entries"],
            delivery=row["delivery"],
            wire_id=row["wire_id"],
        )
        for row in rows
    ]


def count(connection: Connection, wanted: Wanted) -> int:
    """Return how many webhooks wait."""
    return connection.execute(select(func.count()).select_from(set_aside).where(*_meant(wanted))).scalar_one()


def _meant(wanted: Wanted) -> list[ColumnElement[bool]]:
    equal = {
        set_aside.c.reason: wanted.reason,
        set_aside.c.source: wanted.source,
        func.coalesce(set_aside.c.signed_by, ""): wanted.signed_by,
        set_aside.c.model: wanted.model,
    }
    meant = [column == value for column, value in equal.items() if value is not None]
    return meant if wanted.up_to is None else [*meant, set_aside.c.id <= wanted.up_to]
