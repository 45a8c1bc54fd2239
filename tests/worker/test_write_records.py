"""Each write into a calendar leaves a row and a count, whatever came of it, and costs no transaction of its own."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import event, select

from mock_exchange import FaultKind
from receiver.core.facts import EventKind
from receiver.store import Store, StoreUnavailable
from receiver.store.database.tables import mailboxes, tallies, writes
from tests.lab.waiting import wait_until
from tests.lab.worker_harness import CALENDAR, HERS, HIS, Bench
from tests.makers import MARTINE, a_delivery

HER_OWN = (MARTINE,)


def left(bench: Bench) -> list[tuple[str, str]]:
    """Verb and outcome of each write, in order."""
    query = select(writes.c.verb, writes.c.outcome).order_by(writes.c.id)
    return [(verb, outcome) for verb, outcome in bench.store._write(lambda connection: connection.execute(query).all())]


def counted(bench: Bench) -> Counter[tuple[str, str]]:
    """The same from the counts of the hours."""
    columns = tallies.c.detail, tallies.c.outcome, tallies.c["count"]
    query = select(*columns).where(tallies.c.kind == "write", tallies.c.name == CALENDAR)
    query = query.where(tallies.c.hour > datetime(2000, 1, 1, tzinfo=UTC))
    found: Counter[tuple[str, str]] = Counter()
    for verb, outcome, count in bench.store._write(lambda connection: connection.execute(query).all()):
        found[verb, outcome] += count
    return found


@contextmanager
def write_transactions(store: Store) -> Iterator[list[str]]:
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement == "BEGIN IMMEDIATE":
            seen.append(statement)

    event.listen(store._engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(store._engine, "before_cursor_execute", note)


def test_each_verb_leaves_a_row_and_a_count(bench_on_each: Bench) -> None:
    bench = bench_on_each
    bench.tell(90, agents=HER_OWN)
    bench.work()
    bench.tell(60, agents=HER_OWN, motif="Vaccination")
    bench.work()
    bench.accept(a_delivery(30, EventKind.DESTROYED))
    bench.work()
    assert left(bench) == [("create", "done"), ("update", "done"), ("delete", "done")]
    assert counted(bench) == Counter(left(bench))


def test_a_row_names_the_mailbox_and_the_moment(bench: Bench) -> None:
    bench.tell()
    bench.work()
    query = select(mailboxes.c.address, writes.c.written_at).join_from(writes, mailboxes)
    rows = bench.store._write(lambda connection: connection.execute(query).all())
    assert {tuple(row) for row in rows} == {(HERS, bench.store.moment), (HIS, bench.store.moment)}


def test_each_item_of_a_batch_has_its_own_outcome(bench: Bench) -> None:
    for number in (1, 2, 3):
        bench.tell(wire_id=number, uuid=None, agents=HER_OWN)
    bench.inject(FaultKind.ITEM_ERROR, verb="CreateItem", code="ErrorPropertyValidationFailure", index=1)
    bench.work()
    assert Counter(left(bench)) == {("create", "done"): 2, ("create", "property_validation_failure"): 1}
    assert counted(bench) == Counter(left(bench))


def test_a_write_without_an_answer_and_what_mends_it_are_told_apart(bench: Bench) -> None:
    bench.inject(FaultKind.DROP_AFTER, verb="CreateItem")
    bench.tell(agents=HER_OWN)
    bench.work_until_quiet()
    assert left(bench) == [("create", "connection_lost"), ("update", "done")]


def test_an_entry_that_is_not_where_it_was_left_is_told(bench: Bench) -> None:
    bench.tell(90, agents=HER_OWN)
    bench.work()
    bench.exchange.make_folder(HERS, "Archives")
    bench.exchange.move_item(bench.items()[0].item_id, "Archives")
    bench.tell(60, agents=HER_OWN, motif="Vaccination")
    bench.work_until_quiet()
    assert left(bench) == [("create", "done"), ("update", "item_not_found"), ("update", "done")]


def test_what_a_lost_write_left_twice_is_noted_when_it_goes(bench: Bench) -> None:
    """It has no placement: the row says of which event it was."""
    bench.inject(FaultKind.LATE_COMMIT, verb="CreateItem", delay_s=1.0)
    bench.tell(agents=HER_OWN)
    bench.work()
    bench.pass_time(bench.timings.settle)
    bench.work()  # looked up before the first was committed, and written anew
    assert [verb for verb, _ in left(bench)] == ["create", "create"]
    wait_until(lambda: len(bench.items()) == 2)
    bench.work_until_quiet()
    assert ("delete", "done") in left(bench)
    assert len(bench.items()) == 1
    assert counted(bench) == Counter(left(bench))


def test_word_of_a_write_costs_no_transaction(bench: Bench) -> None:
    bench.tell(90, agents=HER_OWN)
    bench.work()
    bench.tell(60, agents=HER_OWN, motif="Vaccination")
    with write_transactions(bench.store) as seen:
        assert bench.crew.work_once()
    assert len(seen) == 4, "claimed, begun, ended with its outcome, given back"
    assert left(bench)[-1] == ("update", "done")


def test_a_write_that_could_not_be_recorded_leaves_no_word_either(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is looked up instead, like any write whose worker died; the word would be a guess."""
    bench.tell(agents=HER_OWN)
    advance = bench.store.advance

    def full(*arguments: Any) -> Any:
        if arguments[-1]:
            raise StoreUnavailable("OperationalError")
        return advance(*arguments)

    with monkeypatch.context() as broken:
        broken.setattr(bench.store, "advance", full)
        with pytest.raises(StoreUnavailable):
            bench.crew.work_once()
    assert (left(bench), counted(bench)) == ([], Counter())
    bench.work_until_quiet()
    assert left(bench) == [("update", "done")]
    assert len(bench.items()) == 1
