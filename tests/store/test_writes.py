"""Each write into a calendar leaves a row and a count, at no transaction more; turns are taken by one at a time."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, select

from connectors.base import Done
from receiver.core.desired import Decision
from receiver.core.facts import AgentRef, EventKind
from receiver.core.mailboxes import Mailbox
from receiver.core.plan import CallLimits, Placement, Verb, begin, end
from receiver.operations.erasure import purge
from receiver.store import LeaseLost, MailboxWork, Store, WriteRecord, counters
from receiver.store.counters import Tally
from receiver.store.database.tables import events, mailboxes, tallies, writes
from receiver.store.intake import judge_batch
from receiver.store.tools import retention
from receiver.store.work.write_history import DONE
from tests.lab.database import engine_of
from tests.makers import NOW, a_delivery, incoming

LEASE = timedelta(seconds=60)
TIMINGS = CallLimits.of(1)
HERS = Mailbox("exchange", "martine@x.example")
DAY = timedelta(days=1)


def place(store: Store, *homes: Mailbox, number: int = 1) -> None:
    agents = tuple(AgentRef(home.address, home.address) for home in homes)
    store.write(judge_batch.take, [incoming(a_delivery(wire_id=number, uuid=None, agents=agents))], NOW)
    store.settle(lambda view: Decision(dict.fromkeys(homes, "d1")), NOW)


def leased(store: Store) -> MailboxWork:
    work = store.claim("exchange", NOW, 100, LEASE)
    assert work is not None
    return work


def record(store: Store, work: MailboxWork, outcome: str = DONE, at: datetime = NOW) -> None:
    """Play a worker whose write had an outcome."""

    def write(placement: Placement) -> Placement:
        return end(begin(placement, Verb.CREATE, at, TIMINGS), "d1", Done("item"), at, 0)

    ids = [item.placement.id for item in work.items]
    written = {item.placement.id: WriteRecord(item.event_id, Verb.CREATE, outcome, at) for item in work.items}
    store.advance(work, dict.fromkeys(ids, write), at, LEASE, written)


def rows(store: Store) -> list[tuple[str, str, str]]:
    """Mailbox, verb and outcome of each."""
    query = select(mailboxes.c.address, writes.c.verb, writes.c.outcome).join_from(writes, mailboxes)
    return sorted(tuple(row) for row in store.write(lambda connection: connection.execute(query).all()))


def counted(store: Store) -> dict[Tally, int]:
    columns = tallies.c.kind, tallies.c.name, tallies.c.detail, tallies.c.outcome, tallies.c["count"]
    found = store.write(lambda connection: connection.execute(select(*columns)).all())
    return {Tally(*row[:4]): row[4] for row in found}


@contextmanager
def commits(store: Store) -> Iterator[list[Any]]:
    seen: list[Any] = []

    def note(connection: Any) -> None:
        seen.append(connection)

    event.listen(engine_of(store), "commit", note)
    try:
        yield seen
    finally:
        event.remove(engine_of(store), "commit", note)


def test_an_outcome_its_row_and_its_count_are_one_transaction(store: Store) -> None:
    place(store, HERS, number=1)
    place(store, HERS, number=2)
    work = leased(store)
    with commits(store) as seen:
        record(store, work, at=NOW + LEASE)
    assert len(seen) == 1
    assert rows(store) == [(HERS.address, "create", "done")] * 2
    assert counted(store) == {Tally("write", "exchange", "create", "done"): 2}


def test_what_is_not_recorded_leaves_no_row_and_no_count(store: Store) -> None:
    place(store, HERS)
    work = leased(store)
    with pytest.raises(LeaseLost):
        record(store, replace(work, lease="another's"))
    assert (rows(store), counted(store)) == ([], {})


def test_a_write_whose_record_is_gone_costs_the_others_nothing(store: Store) -> None:
    """The outcomes of a batch are recorded whatever became of one of its events."""
    place(store, HERS)
    work = leased(store)
    [item] = work.items
    gone = {item.placement.id + 1: WriteRecord(9_999, "update", DONE, NOW)}
    mine = {item.placement.id: WriteRecord(item.event_id, "update", DONE, NOW)}
    store.advance(work, {item.placement.id: lambda placement: placement}, NOW, LEASE, gone | mine)
    store.release(work, written=[WriteRecord(9_999, "delete", DONE, NOW)])
    assert rows(store) == [(HERS.address, "update", "done")]
    assert not store.write(
        lambda connection: connection.execute(select(mailboxes).where(mailboxes.c.lease != "")).all()
    )


def test_a_write_beside_the_placements_is_noted_with_the_release(store: Store) -> None:
    place(store, HERS)
    work = leased(store)
    with commits(store) as seen:
        store.release(work, written=[WriteRecord(work.items[0].event_id, "delete", "timeout", NOW)])
    assert len(seen) == 1
    assert rows(store) == [(HERS.address, "delete", "timeout")]


def test_workers_that_count_the_same_at_once_lose_nothing(store: Store, store_url: str) -> None:
    """The first of an hour make the row, on two hosts at once."""
    homes = [Mailbox("exchange", f"agent{number}@x.example") for number in range(8)]
    place(store, *homes)
    other = Store(store_url)
    works = [leased(store) for _ in homes]
    together = threading.Barrier(len(works))

    def write(place: int) -> None:
        together.wait(20)
        for _ in range(5):
            record((store, other)[place % 2], works[place], ("done", "timeout", "quota_exceeded")[place % 3])

    threads = [threading.Thread(target=write, args=[place]) for place in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    other.close()
    expected = Counter({"done": 15, "timeout": 15, "quota_exceeded": 10})
    assert Counter({tally.outcome: count for tally, count in counted(store).items()}) == expected
    assert Counter(outcome for _, _, outcome in rows(store)) == expected


def test_old_rows_go_with_the_journal_a_few_at_a_time(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "DROPPED_AT_ONCE", 2)
    place(store, HERS)
    work = leased(store)
    for age in (40, 35, 31, 29):
        record(store, work, at=NOW - age * DAY)
    with commits(store) as seen:
        assert purge(store, NOW, 30, 30)["writes"] == 3
    assert len(rows(store)) == 1
    assert len(seen) == 3, "two for the rows, and one that finds none"


def test_a_tombstone_that_goes_takes_its_rows_along(store: Store) -> None:
    place(store, HERS)
    record(store, leased(store))
    store.write(lambda connection: connection.execute(mailboxes.update().values(lease=None, leased_until=None)))
    store.write(judge_batch.take, [incoming(a_delivery(30, EventKind.DESTROYED, wire_id=1, uuid=None))], NOW)
    store.settle(lambda view: Decision({HERS: None}), NOW)
    work = leased(store)
    [item] = work.items

    def delete(placement: Placement) -> Placement:
        return end(begin(placement, Verb.DELETE, NOW, TIMINGS), None, Done("item"), NOW, 0)

    written = {item.placement.id: WriteRecord(item.event_id, Verb.DELETE, DONE, NOW)}
    store.advance(work, {item.placement.id: delete}, NOW, LEASE, written)
    assert [verb for _, verb, _ in rows(store)] == ["create", "delete"], "the placement is gone, its writes are not"
    purge(store, NOW + 31 * DAY, 30, 60)
    assert store.write(lambda connection: connection.execute(select(events.c.id)).all()) == []
    assert rows(store) == []


# Turns


def test_a_task_is_one_hosts_at_a_time(store: Store, store_url: str) -> None:
    hour = timedelta(hours=1)
    other = Store(store_url)
    try:
        assert [each.write(counters.take_turn, "count", hour, NOW) for each in (store, other, store)] == [
            True,
            False,
            False,
        ]
        assert other.write(counters.take_turn, "another", hour, NOW)
        assert not store.write(counters.take_turn, "count", hour, NOW + hour - timedelta(seconds=1))
        assert [each.write(counters.take_turn, "count", hour, NOW + hour) for each in (other, store)] == [True, False]
    finally:
        other.close()


def test_a_turn_of_the_future_is_none(store: Store) -> None:
    """A clock that was an hour ahead and is right again: what would see it must not wait for that hour."""
    hour, minutes = timedelta(hours=1), timedelta(minutes=2)
    assert store.write(counters.take_turn, "clock", hour, NOW + hour)
    assert store.write(counters.take_turn, "clock", hour, NOW)
    assert store.write(counters.take_turn, "count", hour, NOW + minutes)
    assert not store.write(counters.take_turn, "count", hour, NOW), "clocks of two hosts differ a little"


def test_of_hosts_that_ask_at_once_one_has_the_turn(store: Store, store_url: str) -> None:
    other = Store(store_url)
    together = threading.Barrier(6)
    taken: list[bool] = []

    def ask(place: int) -> None:
        together.wait(20)
        taken.append((store, other)[place % 2].write(counters.take_turn, "count", timedelta(hours=1), NOW))

    threads = [threading.Thread(target=ask, args=[place]) for place in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    other.close()
    assert sorted(taken) == [False] * 5 + [True]


def test_a_turn_that_is_set_back_is_due_sooner(store: Store) -> None:
    hour = timedelta(hours=1)
    store.write(counters.take_turn, "count", hour, NOW)
    store.write(counters.set_turn_back, "count", NOW - hour)
    assert store.write(counters.take_turn, "count", hour, NOW)
    store.write(counters.set_turn_back, "count", NOW + hour)
    assert not store.write(counters.take_turn, "count", hour, NOW), "never forward"
