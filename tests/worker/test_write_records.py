"""Each write into a calendar leaves a row and a count, whatever came of it, and costs no transaction of its own."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Row, Select, select

from mock_exchange import FaultKind
from receiver.core.facts import EventKind
from receiver.store import StoreUnavailable
from receiver.store.database.tables import mailboxes, tallies, writes
from tests.lab.database import database, statements
from tests.lab.waiting import wait_until
from tests.lab.worker_harness import CALENDAR, HERS, HIS, WorkerHarness
from tests.makers import MARTINE, a_delivery

HER_OWN = (MARTINE,)


def rows(harness: WorkerHarness, query: Select[Any]) -> Sequence[Row[Any]]:
    with database(harness.store.url) as connection:
        return connection.execute(query).all()


def left(harness: WorkerHarness) -> list[tuple[str, str]]:
    """Verb and outcome of each write, in order."""
    query = select(writes.c.verb, writes.c.outcome).order_by(writes.c.id)
    return [(verb, outcome) for verb, outcome in rows(harness, query)]


def counted(harness: WorkerHarness) -> Counter[tuple[str, str]]:
    """The same from the counts of the hours."""
    columns = tallies.c.detail, tallies.c.outcome, tallies.c["count"]
    query = select(*columns).where(tallies.c.kind == "write", tallies.c.name == CALENDAR)
    query = query.where(tallies.c.hour > datetime(2000, 1, 1, tzinfo=UTC))
    found: Counter[tuple[str, str]] = Counter()
    for verb, outcome, count in rows(harness, query):
        found[verb, outcome] += count
    return found


def test_each_verb_leaves_a_row_and_a_count(harness_on_each: WorkerHarness) -> None:
    harness = harness_on_each
    harness.tell(90, agents=HER_OWN)
    harness.work()
    harness.tell(60, agents=HER_OWN, motif="Vaccination")
    harness.work()
    harness.accept(a_delivery(30, EventKind.DESTROYED))
    harness.work()
    assert left(harness) == [("create", "done"), ("update", "done"), ("delete", "done")]
    assert counted(harness) == Counter(left(harness))


def test_a_row_names_the_mailbox_and_the_moment(harness: WorkerHarness) -> None:
    harness.tell()
    harness.work()
    query = select(mailboxes.c.address, writes.c.written_at).join_from(writes, mailboxes)
    found = rows(harness, query)
    assert {tuple(row) for row in found} == {(HERS, harness.store.moment), (HIS, harness.store.moment)}


def test_each_item_of_a_batch_has_its_own_outcome(harness: WorkerHarness) -> None:
    for number in (1, 2, 3):
        harness.tell(wire_id=number, uuid=None, agents=HER_OWN)
    harness.inject(FaultKind.ITEM_ERROR, verb="CreateItem", code="ErrorPropertyValidationFailure", index=1)
    harness.work()
    assert Counter(left(harness)) == {("create", "done"): 2, ("create", "property_validation_failure"): 1}
    assert counted(harness) == Counter(left(harness))


def test_a_write_without_an_answer_and_what_mends_it_are_told_apart(harness: WorkerHarness) -> None:
    harness.inject(FaultKind.DROP_AFTER, verb="CreateItem")
    harness.tell(agents=HER_OWN)
    harness.work_until_quiet()
    assert left(harness) == [("create", "connection_lost"), ("update", "done")]


def test_an_entry_that_is_not_where_it_was_left_is_told(harness: WorkerHarness) -> None:
    harness.tell(90, agents=HER_OWN)
    harness.work()
    harness.exchange.make_folder(HERS, "Archives")
    harness.exchange.move_item(harness.items()[0].item_id, "Archives")
    harness.tell(60, agents=HER_OWN, motif="Vaccination")
    harness.work_until_quiet()
    assert left(harness) == [("create", "done"), ("update", "item_not_found"), ("update", "done")]


def test_what_a_lost_write_left_twice_is_noted_when_it_goes(harness: WorkerHarness) -> None:
    """It has no placement: the row says of which event it was."""
    harness.inject(FaultKind.LATE_COMMIT, verb="CreateItem", delay_s=1.0)
    harness.tell(agents=HER_OWN)
    harness.work()
    harness.pass_time(harness.timings.settle)
    harness.work()  # looked up before the first was committed, and written anew
    assert [verb for verb, _ in left(harness)] == ["create", "create"]
    wait_until(lambda: len(harness.items()) == 2)
    harness.work_until_quiet()
    assert ("delete", "done") in left(harness)
    assert len(harness.items()) == 1
    assert counted(harness) == Counter(left(harness))


def test_word_of_a_write_costs_no_transaction(harness: WorkerHarness) -> None:
    harness.tell(90, agents=HER_OWN)
    harness.work()
    harness.tell(60, agents=HER_OWN, motif="Vaccination")
    with statements() as sent:
        assert harness.crew.work_once()
    assert sent.count("BEGIN IMMEDIATE") == 4, "claimed, begun, ended with its outcome, given back"
    assert left(harness)[-1] == ("update", "done")


def test_a_write_that_could_not_be_recorded_leaves_no_word_either(
    harness: WorkerHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is looked up instead, like any write whose worker died; the word would be a guess."""
    harness.tell(agents=HER_OWN)
    advance = harness.store.advance

    def full(*arguments: Any) -> Any:
        if arguments[-1]:
            raise StoreUnavailable("OperationalError")
        return advance(*arguments)

    with monkeypatch.context() as broken:
        broken.setattr(harness.store, "advance", full)
        with pytest.raises(StoreUnavailable):
            harness.crew.work_once()
    assert (left(harness), counted(harness)) == ([], Counter())
    harness.work_until_quiet()
    assert left(harness) == [("update", "done")]
    assert len(harness.items()) == 1
