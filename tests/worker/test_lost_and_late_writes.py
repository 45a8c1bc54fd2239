"""Lost answers, late commits, agents' own hands, servers in trouble: one entry, the newest content, in the end."""

from datetime import timedelta

import pytest

from mock_exchange import FaultKind
from receiver.core.facts import EventKind
from receiver.store import StoreUnavailable
from tests.lab.worker_harness import HERS, HIS, Bench
from tests.makers import KARIM, MARTINE, NOW

ONLY_HERS = (MARTINE,)
HER_BOX = {"mailbox": HERS}


def written(bench: Bench, age_s: float = 90) -> str:
    """Bring an entry into her calendar; return its item id."""
    bench.tell(age_s, agents=ONLY_HERS)
    bench.work()
    [entry] = bench.items()
    return entry.item_id


@pytest.mark.parametrize("kind", [FaultKind.DROP_BEFORE, FaultKind.DROP_AFTER])
def test_a_create_without_an_answer_is_looked_up_before_it_is_redone(bench_on_each: Bench, kind: FaultKind) -> None:
    bench = bench_on_each
    bench.inject(kind, verb="CreateItem")
    bench.tell(agents=ONLY_HERS)
    bench.work()
    bench.pass_time(bench.timings.settle - timedelta(seconds=0.5))
    assert bench.work() == 0, "a call may still be under way"
    bench.work_until_quiet()
    assert bench.subjects() == ["Consultation PMI"]


def test_a_create_that_commits_after_the_look_up_leaves_one_entry_with_the_newest_content(bench: Bench) -> None:
    bench.inject(FaultKind.LATE_COMMIT, verb="CreateItem", delay_s=1.5)
    bench.tell(60, agents=ONLY_HERS, motif="Ancien")
    bench.work()
    bench.tell(30, agents=ONLY_HERS, motif="Nouveau")
    bench.pass_time(bench.timings.settle)
    bench.work()
    assert bench.subjects() == ["Nouveau"], "looked up, not there, created again"
    bench.exchange.settle()
    assert bench.subjects() == ["Ancien", "Nouveau"], "the first create was committed after all"
    bench.work_until_quiet()
    assert bench.subjects() == ["Nouveau"]


@pytest.mark.parametrize("kind", [FaultKind.DROP_BEFORE, FaultKind.DROP_AFTER])
def test_an_update_without_an_answer_ends_with_the_newest_content(bench: Bench, kind: FaultKind) -> None:
    written(bench)
    bench.inject(kind, verb="UpdateItem")
    bench.tell(60, agents=ONLY_HERS, motif="Nouveau")
    bench.work()
    bench.work_until_quiet()
    assert bench.subjects() == ["Nouveau"]


def test_an_update_that_commits_late_is_written_over(bench: Bench) -> None:
    written(bench)
    bench.inject(FaultKind.LATE_COMMIT, verb="UpdateItem", delay_s=1.5)
    bench.tell(60, agents=ONLY_HERS, motif="Ancien")
    bench.work()
    bench.tell(30, agents=ONLY_HERS, motif="Nouveau")
    bench.pass_time(bench.timings.settle)
    bench.work()
    bench.exchange.settle()
    assert bench.subjects() == ["Ancien"]
    bench.work_until_quiet()
    assert bench.subjects() == ["Nouveau"]


@pytest.mark.parametrize("kind", [FaultKind.DROP_BEFORE, FaultKind.DROP_AFTER, FaultKind.LATE_COMMIT])
def test_a_delete_without_an_answer_ends_with_the_entry_gone(bench: Bench, kind: FaultKind) -> None:
    written(bench)
    bench.inject(kind, verb="DeleteItem")
    bench.tell(60, kind=EventKind.DESTROYED)
    bench.work()
    bench.exchange.settle()
    bench.work_until_quiet()
    assert bench.items() == []


def test_a_delete_that_commits_after_the_rdv_came_back_is_made_good(bench: Bench) -> None:
    written(bench)
    bench.inject(FaultKind.LATE_COMMIT, verb="DeleteItem", delay_s=1.5)
    bench.tell(60, agents=ONLY_HERS, cancelled=True)
    bench.work()
    bench.tell(30, agents=ONLY_HERS)
    bench.pass_time(bench.timings.settle)
    bench.work()
    bench.exchange.settle()
    assert bench.items() == []
    bench.work_until_quiet()
    assert bench.subjects() == ["Consultation PMI"]


def test_a_destroyed_event_whose_create_was_lost_leaves_nothing(bench: Bench) -> None:
    bench.inject(FaultKind.DROP_AFTER, verb="CreateItem")
    bench.tell(60, agents=ONLY_HERS)
    bench.work()
    bench.tell(30, kind=EventKind.DESTROYED)
    bench.work_until_quiet()
    assert bench.items() == []


def test_a_new_worker_looks_up_what_a_dead_one_had_begun(bench_on_each: Bench) -> None:
    """All that a kill -9 leaves: a begun write and a lease that ends."""
    bench = bench_on_each
    bench.tell(agents=ONLY_HERS)
    advance, begun = bench.store.advance, []

    def die_after_the_call(*args, **kwargs):  # type: ignore[no-untyped-def]
        if begun:
            raise KeyboardInterrupt
        begun.append(True)
        return advance(*args, **kwargs)

    bench.store.advance = die_after_the_call  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        bench.crew.work_once()
    bench.store.advance = advance  # type: ignore[method-assign]
    assert bench.subjects() == ["Consultation PMI"], "Exchange has committed, and nobody recorded it"
    bench.restart()
    bench.work_until_quiet()
    assert bench.subjects() == ["Consultation PMI"]


def test_an_entry_that_the_agent_moved_is_updated_where_it_is(bench: Bench) -> None:
    item_id = written(bench)
    bench.exchange.make_folder(HERS, "Archives")
    bench.exchange.move_item(item_id, "Archives")
    bench.tell(60, agents=ONLY_HERS, motif="Nouveau")
    bench.work()
    assert bench.items() == []
    assert [item.subject for item in bench.items(folder="Archives")] == ["Nouveau"]


def test_an_entry_that_the_agent_moved_is_removed_where_it_is(bench: Bench) -> None:
    item_id = written(bench)
    bench.exchange.make_folder(HERS, "Archives")
    bench.exchange.move_item(item_id, "Archives")
    bench.tell(60, kind=EventKind.DESTROYED)
    bench.work()
    assert bench.items(folder="Archives") == []


def test_an_entry_that_the_agent_deleted_comes_back_when_the_rdv_changes(bench: Bench) -> None:
    bench.exchange.delete_item(written(bench))
    assert bench.work() == 0
    bench.tell(60, agents=ONLY_HERS, motif="Nouveau")
    bench.work()
    assert bench.subjects() == ["Nouveau"]


def test_deleting_what_the_agent_has_deleted_is_done(bench: Bench) -> None:
    bench.exchange.delete_item(written(bench))
    bench.tell(60, kind=EventKind.DESTROYED)
    bench.work()
    bench.pass_time(timedelta(hours=1))
    assert bench.work() == 0


def test_a_copy_that_the_agent_made_is_left_alone(bench: Bench) -> None:
    item_id = written(bench)
    bench.exchange.copy_item(item_id)
    bench.inject(FaultKind.DROP_BEFORE, verb="UpdateItem")
    bench.tell(60, agents=ONLY_HERS, motif="Nouveau")
    bench.work_until_quiet()
    assert bench.subjects() == ["Consultation PMI", "Nouveau"]


def test_one_bad_item_does_not_cost_its_neighbours(bench: Bench) -> None:
    bench.inject(FaultKind.ITEM_ERROR, verb="CreateItem", index=1, code="ErrorCorruptData", times=None)
    for number in (1, 2, 3):
        bench.tell(60, agents=ONLY_HERS, wire_id=number, uuid=None, motif=f"Motif {number}")
    bench.work_until_quiet(timedelta(minutes=10))
    assert len(bench.items()) == 2, "what cannot be written is kept, not sent for ever"


def test_a_mailbox_that_is_gone_holds_no_other_up(bench: Bench) -> None:
    bench.inject(FaultKind.ERROR, code="ErrorNonExistentMailbox", times=None, **HER_BOX)
    bench.tell(agents=(MARTINE, KARIM))
    bench.work()
    assert (bench.subjects(HERS), bench.subjects(HIS)) == ([], ["Consultation PMI"])
    assert bench.work() == 0, "it is left alone for a while"
    bench.exchange.faults.clear()
    bench.work_until_quiet()
    assert bench.subjects(HERS) == ["Consultation PMI"], "and written into once it is back"


@pytest.mark.parametrize("kind", [FaultKind.UNAUTHORIZED, FaultKind.UNAVAILABLE, FaultKind.SERVER_BUSY])
def test_a_server_in_trouble_is_probed_not_hammered(bench: Bench, kind: FaultKind) -> None:
    bench.inject(kind, times=None)
    for number in range(1, 11):
        agent = (MARTINE,) if number % 2 else (KARIM,)
        bench.tell(60, agents=agent, wire_id=number, uuid=None)
    assert bench.work() <= 2, "one call of one mailbox"
    bench.exchange.faults.clear()
    bench.work_until_quiet()
    assert (len(bench.items(HERS)), len(bench.items(HIS))) == (5, 5)


def test_a_busy_server_is_given_the_time_it_asks_for(bench: Bench) -> None:
    bench.inject(FaultKind.SERVER_BUSY, back_off_ms=90_000)
    bench.tell(agents=ONLY_HERS)
    bench.work()
    bench.pass_time(timedelta(seconds=80))
    assert bench.work() == 0
    bench.pass_time(timedelta(seconds=11))
    assert bench.work() == 1


def test_a_login_page_instead_of_an_answer_loses_and_doubles_nothing(bench: Bench) -> None:
    bench.inject(FaultKind.LOGIN_PAGE, verb="CreateItem")
    bench.tell(agents=ONLY_HERS)
    bench.work_until_quiet()
    assert bench.subjects() == ["Consultation PMI"]


def test_an_answer_that_leaves_items_out_loses_and_doubles_nothing(bench: Bench) -> None:
    bench.inject(FaultKind.SHORT, verb="CreateItem", missing=1)
    for number in (1, 2, 3):
        bench.tell(60, agents=ONLY_HERS, wire_id=number, uuid=None, motif=f"Motif {number}")
    bench.work_until_quiet()
    assert bench.subjects() == ["Motif 1", "Motif 2", "Motif 3"]


def test_a_look_up_that_fails_says_nothing(bench: Bench) -> None:
    bench.inject(FaultKind.DROP_AFTER, verb="CreateItem")
    bench.inject(FaultKind.UNAVAILABLE, verb="FindItem", times=3)
    bench.tell(agents=ONLY_HERS)
    bench.work_until_quiet()
    assert bench.subjects() == ["Consultation PMI"]


def test_nothing_is_sent_that_could_not_be_recorded(bench: Bench) -> None:
    """A full disk: no commit, no POST."""
    bench.tell(agents=ONLY_HERS)

    def full(*_: object, **__: object) -> None:
        raise StoreUnavailable("OperationalError")

    bench.store.advance = full  # type: ignore[method-assign, assignment]
    with pytest.raises(StoreUnavailable):
        bench.crew.work_once()
    assert bench.exchange.requests == []
    assert bench.store.moment == NOW
