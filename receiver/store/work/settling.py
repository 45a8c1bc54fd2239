"""Makes placements agree with facts: decides for each changed event what every mailbox should hold."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate
from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError

from receiver.core.desired import AgentView, Decision, EventView
from receiver.core.mailboxes import Mailbox
from receiver.core.plan import Placement, set_desired, unseen_placement
from receiver.core.scope import read_all
from receiver.store import fairness, installation, removal_counts
from receiver.store.database.engine import chunks, is_of_the_database
from receiver.store.database.records import read_facts, write_facts
from receiver.store.database.tables import agents, event_agents, events, mailboxes, placements
from receiver.store.fairness import Rota
from receiver.store.work import dues, found_entries, mailbox_identity
from receiver.store.work.agent_emails import StatedEmails
from receiver.store.work.placements import NOT_SETTLED, columns_of, drop, keep, placement_of

Decide = Callable[[EventView], Decision]
Spoilt = Callable[[str], None]

AGENTS_AT_ONCE = 1_000
"""The approximate number of agents whose events one transaction settles, so that others can write in between."""

_QUEUED = fairness.WaitingRows(events, events.c.unsettled_at.is_not(None), events.c.unsettled_at)
_PLACED = select(placements, events.c.uid).join(events, events.c.id == placements.c.event_id)


_AGENTS = (
    select(event_agents.c.event_id, agents)
    .join(events, events.c.id == event_agents.c.event_id)
    .join(agents, (agents.c.ident == event_agents.c.ident) & (agents.c.platform == events.c.platform))
    # Literal values, as in `receiver.store.intake.judge_agents`: PostgreSQL would keep a plan made for small tables.
    .where(event_agents.c.event_id.in_(bindparam("numbers", expanding=True, literal_execute=True)))
    .order_by(event_agents.c.event_id, event_agents.c.ident)
)
_HELD = (
    select(placements, events.c.uid, mailboxes.c.calendar, mailboxes.c.address)
    .join(mailboxes, mailboxes.c.id == placements.c.mailbox_id)
    .join(events, events.c.id == placements.c.event_id)
    .where(placements.c.event_id.in_(bindparam("numbers", expanding=True)))
)
_HELD_LOCKED = _HELD.with_for_update(of=placements, key_share=True)


@dataclass(frozen=True, slots=True)
class Previewed:
    """One event under other rules: the present and the new desired content by mailbox."""

    now: Mapping[Mailbox, str | None]
    then: Mapping[Mailbox, str | None]


def settle(connection: Connection, decide: Decide, now: datetime, limit: int, rota: Rota, spoilt: Spoilt) -> int:
    """Settle up to `limit` events that are next; return how many. Runs inside a write transaction.

    `decide` is pure: it takes facts, e-mails and present mailboxes, and returns the desired content. While nothing may
    be written, nothing is settled: the content of calendars is not known yet, or irrelevant. An event that cannot be
    settled does not affect the others: it is set aside, and `spoilt` is called with its uid in the `except` block.
    """
    if not installation.read(connection).may_write:
        return 0
    rows, listed = _next(connection, rota, limit)
    if rows and not _try(connection, rows, listed, decide, now):
        for row in rows:
            if not _try(connection, [row], listed, decide, now, spoilt):
                _set_aside(connection, row["id"])
    return len(rows)


def _next(connection: Connection, rota: Rota, limit: int) -> tuple[Sequence[RowMapping], Mapping[int, list[AgentView]]]:
    """Return the events that are next, with their agents, up to about `AGENTS_AT_ONCE` agents."""
    rows = fairness.pick(connection, _QUEUED, rota, limit)
    listed = _agents(connection, rows)
    total = list(accumulate(len(listed[row["id"]]) for row in rows))
    return rows[: max(bisect_right(total, AGENTS_AT_ONCE), 1)], listed


def _try(
    connection: Connection,
    rows: Sequence[RowMapping],
    listed: Mapping[int, list[AgentView]],
    decide: Decide,
    now: datetime,
    spoilt: Spoilt | None = None,
) -> bool:
    """Settle events; False: they could not be settled, at least not together, and nothing has changed."""
    for may_try_again in (True, True, False):
        attempt = connection.begin_nested()
        try:
            _settle(connection, rows, listed, decide, now)
        except Exception as error:  # whatever the error, the other events must not wait
            if is_of_the_database(error):
                raise
            attempt.rollback()
            if isinstance(error, IntegrityError) and may_try_again:
                continue  # another host wrote the same at this moment; a second time, it is another error
            if spoilt:
                spoilt(rows[0]["uid"])
            return False
        attempt.commit()
        return True
    return False


def _settle(
    connection: Connection,
    rows: Sequence[RowMapping],
    listed: Mapping[int, list[AgentView]],
    decide: Decide,
    now: datetime,
) -> None:
    pending = found_entries.pending(connection)
    if pending.entries:
        rows = found_entries.take_over(connection, rows, now)
    held = _held(connection, [row["id"] for row in rows])
    aliases = mailbox_identity.aliases(connection)
    decided = {row["id"]: decide(_view(row, listed[row["id"]], held[row["id"]], aliases)) for row in rows}
    _forget(connection, [held[event_id] for event_id, decision in decided.items() if decision.forget])
    _record_desired(connection, decided, held, now, pending.was_lost)
    _take_up(connection, [held[row["id"]] for row in rows if row["failure"] == NOT_SETTLED])
    _mark_settled(connection, decided)
    dues.announce(connection, decided)


def _set_aside(connection: Connection, event_id: int) -> None:
    """Leave an event unchanged until there is news of it or a worker starts; look-ups of its placements go on."""
    connection.execute(_SETTLE, {"number": event_id, "unmapped": 0, "failure": NOT_SETTLED})
    certain = placements.c.look_up_at.is_(None), placements.c.recheck_at.is_(None)
    connection.execute(update(placements).where(placements.c.event_id == event_id, *certain).values(due_at=None))


def _take_up(connection: Connection, held: Iterable[Mapping[Mailbox, Placement]]) -> None:
    """Make the placements of events that were set aside due again, unless new desired content did so already."""
    numbers = [placement.id for placed in held for placement in placed.values()]
    for chunk in chunks(numbers):
        rows = connection.execute(_PLACED.where(placements.c.id.in_(chunk))).mappings()
        keep(connection, [placement_of(row) for row in rows])


def settle_again(connection: Connection, now: datetime) -> int:
    """Mark set aside events to be settled again, as another version may be able to; return how many."""
    again = update(events).where(events.c.failure == NOT_SETTLED).values(unsettled_at=now)
    return connection.execute(again).rowcount


def _mark_settled(connection: Connection, decided: Mapping[int, Decision]) -> None:
    changed = [_settled(event_id, decision) for event_id, decision in decided.items()]
    scrubbed = [
        {"number": event_id, "facts": write_facts(decision.state)}
        for event_id, decision in decided.items()
        if decision.state is not None
    ]
    connection.execute(_SETTLE, changed)
    if scrubbed:
        connection.execute(_SCRUB, scrubbed)


_THIS_EVENT = events.c.id == bindparam("number")
_SETTLE = update(events).where(_THIS_EVENT).values(
    unsettled_at=None, unmapped=bindparam("unmapped"), failure=bindparam("failure")
)  # fmt: skip
_SCRUB = update(events).where(_THIS_EVENT).values(facts=bindparam("facts"))


def _settled(event_id: int, decision: Decision) -> dict[str, Any]:
    return {"number": event_id, "unmapped": decision.unmapped, "failure": decision.failure}


def preview(connection: Connection, decide: Decide, after: int, limit: int) -> tuple[list[Previewed], int | None]:
    """Return what `decide` would change of up to `limit` live events, and where to continue; None: that was all."""
    live = select(events).where(events.c.id > after, events.c.facts.is_not(None)).order_by(events.c.id).limit(limit)
    rows = connection.execute(live).mappings().all()
    listed = _agents(connection, rows)
    held = _held(connection, [row["id"] for row in rows], lock=False)
    aliases = mailbox_identity.aliases(connection)
    seen = []
    for row in rows:
        placed = held[row["id"]]
        now_wanted = {mailbox: placement.desired for mailbox, placement in placed.items()}
        seen.append(Previewed(now_wanted, decide(_view(row, listed[row["id"]], placed, aliases)).digests))
    return seen, rows[-1]["id"] if len(rows) == limit else None


def unsettle(connection: Connection, event_ids: Sequence[int], now: datetime) -> None:
    """Mark these events to be settled again."""
    for chunk in chunks(event_ids):
        connection.execute(update(events).where(events.c.id.in_(chunk)).values(unsettled_at=now))


def has_unsettled(connection: Connection, more_than: int = 0) -> bool:
    """Whether more than a number of events have placements that may not agree with their facts."""
    waiting = select(events.c.id).where(events.c.unsettled_at.is_not(None)).offset(more_than).limit(1)
    return connection.execute(waiting).first() is not None


def _agents(connection: Connection, rows: Sequence[RowMapping]) -> Mapping[int, list[AgentView]]:
    """Return the agents of some events, as stated by the authorities that may speak for the event."""
    by_id = {row["id"]: row for row in rows}
    found: list[RowMapping] = []
    for some in chunks(list(by_id)):
        found += connection.execute(_AGENTS, {"numbers": some}).mappings()
    stated = StatedEmails(connection, found)
    listed: defaultdict[int, list[AgentView]] = defaultdict(list)
    for each in found:
        row = by_id[each["event_id"]]
        listed[each["event_id"]].append(stated.view(each, row["organisation"], read_all(row["tellers"])))
    return listed


def _held(
    connection: Connection, event_ids: Sequence[int], *, lock: bool = True
) -> Mapping[int, dict[Mailbox, Placement]]:
    held: defaultdict[int, dict[Mailbox, Placement]] = defaultdict(dict)
    for chunk in chunks(event_ids):
        for row in connection.execute(_HELD_LOCKED if lock else _HELD, {"numbers": chunk}).mappings():
            held[row["event_id"]][Mailbox(row["calendar"], row["address"])] = placement_of(row)
    return held


def _view(
    row: RowMapping,
    listed: Iterable[AgentView],
    held: Mapping[Mailbox, Placement],
    aliases: Mapping[Mailbox, Mailbox],
) -> EventView:
    return EventView(
        uid=row["uid"],
        source=row["source"],
        state_at=row["state_at"],
        state=read_facts(row["facts"]),
        purged=row["purged"],
        agents=tuple(listed),
        held={mailbox: placement.may_be_there for mailbox, placement in held.items()},
        aliases=aliases,
    )


def _forget(connection: Connection, held: Iterable[Mapping[Mailbox, Placement]]) -> None:
    """Drop certain placements. Those in doubt are kept until they were looked up."""
    certain = [placement.id for placed in held for placement in placed.values() if not placement.in_doubt]
    drop(connection, certain)


def _record_desired(
    connection: Connection,
    decided: Mapping[int, Decision],
    held: Mapping[int, Mapping[Mailbox, Placement]],
    now: datetime,
    was_lost: bool,
) -> None:
    kept: list[Placement] = []
    placed: list[tuple[int, Mailbox, str | None]] = []
    for event_id, decision in decided.items():
        for mailbox, desired in decision.digests.items():
            placement = held[event_id].get(mailbox)
            if placement is None:
                placed.append((event_id, mailbox, desired))
            else:
                kept.append(set_desired(placement, desired, now))
    keep(connection, kept)
    _place(connection, placed, now, was_lost)


def _place(
    connection: Connection, placed: Sequence[tuple[int, Mailbox, str | None]], now: datetime, was_lost: bool
) -> None:
    if not placed:
        return
    numbers = mailbox_identity.mailbox_ids(connection, {mailbox for _, mailbox, _ in placed})
    unread = found_entries.unread(connection, numbers.values()) if was_lost else set()
    removal_counts.mark(connection, now)
    rows = [
        columns_of(_placement(desired, now, unread=numbers[mailbox] in unread))
        | {"event_id": event_id, "mailbox_id": numbers[mailbox]}
        for event_id, mailbox, desired in placed
    ]
    connection.execute(insert(placements), rows)


def _placement(desired: str | None, now: datetime, *, unread: bool) -> Placement:
    if unread and desired is not None:
        return unseen_placement("", desired, now)
    return Placement(id=0, uid="", desired=desired, not_before=now)
