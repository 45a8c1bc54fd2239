"""Lost answers, late commits, agents' own hands, servers in trouble: one entry, the newest content, in the end."""

from datetime import timedelta

import pytest

from mock_exchange import FaultKind
from receiver.core.facts import EventKind
from receiver.store import StoreUnavailable
from tests.lab.worker_harness import HERS, HIS, WorkerHarness
from tests.makers import KARIM, MARTINE, NOW

ONLY_HERS = (MARTINE,)
HER_BOX = {"mailbox": HERS}


def written(harness: WorkerHarness, age_s: float = 90) -> str:
    """Bring an entry into her calendar; return its item id."""
    harness.tell(age_s, agents=ONLY_HERS)
    harness.work()
    [entry] = harness.items()
    return entry.item_id


@pytest.mark.parametrize("kind", [FaultKind.DROP_BEFORE, FaultKind.DROP_AFTER])
def test_a_create_without_an_answer_is_looked_up_before_it_is_redone(
    harness_on_each: WorkerHarness, kind: FaultKind
) -> None:
    harness = harness_on_each
    harness.inject(kind, verb="CreateItem")
    harness.tell(agents=ONLY_HERS)
    harness.work()
    harness.pass_time(harness.timings.settle - timedelta(seconds=0.5))
    assert harness.work() == 0, "a call may still be under way"
    harness.work_until_quiet()
    assert harness.subjects() == ["Consultation PMI"]


def test_a_create_that_commits_after_the_look_up_leaves_one_entry_with_the_newest_content(
    harness: WorkerHarness,
) -> None:
    harness.inject(FaultKind.LATE_COMMIT, verb="CreateItem", delay_s=1.5)
    harness.tell(60, agents=ONLY_HERS, motif="Ancien")
    harness.work()
    harness.tell(30, agents=ONLY_HERS, motif="Nouveau")
    harness.pass_time(harness.timings.settle)
    harness.work()
    assert harness.subjects() == ["Nouveau"], "looked up, not there, created again"
    harness.exchange.settle()
    assert harness.subjects() == ["Ancien", "Nouveau"], "the first create was committed after all"
    harness.work_until_quiet()
    assert harness.subjects() == ["Nouveau"]


@pytest.mark.parametrize("kind", [FaultKind.DROP_BEFORE, FaultKind.DROP_AFTER])
def test_an_update_without_an_answer_ends_with_the_newest_content(harness: WorkerHarness, kind: FaultKind) -> None:
    written(harness)
    harness.inject(kind, verb="UpdateItem")
    harness.tell(60, agents=ONLY_HERS, motif="Nouveau")
    harness.work()
    harness.work_until_quiet()
    assert harness.subjects() == ["Nouveau"]


def test_an_update_that_commits_late_is_written_over(harness: WorkerHarness) -> None:
    written(harness)
    harness.inject(FaultKind.LATE_COMMIT, verb="UpdateItem", delay_s=1.5)
    harness.tell(60, agents=ONLY_HERS, motif="Ancien")
    harness.work()
    harness.tell(30, agents=ONLY_HERS, motif="Nouveau")
    harness.pass_time(harness.timings.settle)
    harness.work()
    harness.exchange.settle()
    assert harness.subjects() == ["Ancien"]
    harness.work_until_quiet()
    assert harness.subjects() == ["Nouveau"]


@pytest.mark.parametrize("kind", [FaultKind.DROP_BEFORE, FaultKind.DROP_AFTER, FaultKind.LATE_COMMIT])
def test_a_delete_without_an_answer_ends_with_the_entry_gone(harness: WorkerHarness, kind: FaultKind) -> None:
    written(harness)
    harness.inject(kind, verb="DeleteItem")
    harness.tell(60, kind=EventKind.DESTROYED)
    harness.work()
    harness.exchange.settle()
    harness.work_until_quiet()
    assert harness.items() == []


def test_a_delete_that_commits_after_the_rdv_came_back_is_made_good(harness: WorkerHarness) -> None:
    written(harness)
    harness.inject(FaultKind.LATE_COMMIT, verb="DeleteItem", delay_s=1.5)
    harness.tell(60, agents=ONLY_HERS, cancelled=True)
    harness.work()
    harness.tell(30, agents=ONLY_HERS)
    harness.pass_time(harness.timings.settle)
    harness.work()
    harness.exchange.settle()
    assert harness.items() == []
    harness.work_until_quiet()
    assert harness.subjects() == ["Consultation PMI"]


def test_a_destroyed_event_whose_create_was_lost_leaves_nothing(harness: WorkerHarness) -> None:
    harness.inject(FaultKind.DROP_AFTER, verb="CreateItem")
    harness.tell(60, agents=ONLY_HERS)
    harness.work()
    harness.tell(30, kind=EventKind.DESTROYED)
    harness.work_until_quiet()
    assert harness.items() == []


def test_a_new_worker_looks_up_what_a_dead_one_had_begun(harness_on_each: WorkerHarness) -> None:
    """All that a kill -9 leaves: a begun write and a lease that ends."""
    harness = harness_on_each
    harness.tell(agents=ONLY_HERS)
    advance, begun = harness.store.advance, []

    def die_after_the_call(*args, **kwargs):  # type: ignore[no-untyped-def]
        if begun:
            raise KeyboardInterrupt
        begun.append(True)
        return advance(*args, **kwargs)

    harness.store.advance = die_after_the_call  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        harness.crew.work_once()
    harness.store.advance = advance  # type: ignore[method-assign]
    assert harness.subjects() == ["Consultation PMI"], "Exchange has committed, and nobody recorded it"
    harness.restart()
    harness.work_until_quiet()
    assert harness.subjects() == ["Consultation PMI"]


def test_an_entry_that_the_agent_moved_is_updated_where_it_is(harness: WorkerHarness) -> None:
    item_id = written(harness)
    harness.exchange.make_folder(HERS, "Archives")
    harness.exchange.move_item(item_id, "Archives")
    harness.tell(60, agents=ONLY_HERS, motif="Nouveau")
    harness.work()
    assert harness.items() == []
    assert [item.subject for item in harness.items(folder="Archives")] == ["Nouveau"]


def test_an_entry_that_the_agent_moved_is_removed_where_it_is(harness: WorkerHarness) -> None:
    item_id = written(harness)
    harness.exchange.make_folder(HERS, "Archives")
    harness.exchange.move_item(item_id, "Archives")
    harness.tell(60, kind=EventKind.DESTROYED)
    harness.work()
    assert harness.items(folder="Archives") == []


def test_an_entry_that_the_agent_deleted_comes_back_when_the_rdv_changes(harness: WorkerHarness) -> None:
    harness.exchange.delete_item(written(harness))
    assert harness.work() == 0
    harness.tell(60, agents=ONLY_HERS, motif="Nouveau")
    harness.work()
    assert harness.subjects() == ["Nouveau"]


def test_deleting_what_the_agent_has_deleted_is_done(harness: WorkerHarness) -> None:
    harness.exchange.delete_item(written(harness))
    harness.tell(60, kind=EventKind.DESTROYED)
    harness.work()
    harness.pass_time(timedelta(hours=1))
    assert harness.work() == 0


def test_a_copy_that_the_agent_made_is_left_alone(harness: WorkerHarness) -> None:
    item_id = written(harness)
    harness.exchange.copy_item(item_id)
    harness.inject(FaultKind.DROP_BEFORE, verb="UpdateItem")
    harness.tell(60, agents=ONLY_HERS, motif="Nouveau")
    harness.work_until_quiet()
    assert harness.subjects() == ["Consultation PMI", "Nouveau"]


def test_one_bad_item_does_not_cost_its_neighbours(harness: WorkerHarness) -> None:
    harness.inject(FaultKind.ITEM_ERROR, verb="CreateItem", index=1, code="ErrorCorruptData", times=None)
    for number in (1, 2, 3):
        harness.tell(60, agents=ONLY_HERS, wire_id=number, uuid=None, motif=f"Motif {number}")
    harness.work_until_quiet(timedelta(minutes=10))
    assert len(harness.items()) == 2, "what cannot be written is kept, not sent for ever"


def test_a_mailbox_that_is_gone_holds_no_other_up(harness: WorkerHarness) -> None:
    harness.inject(FaultKind.ERROR, code="ErrorNonExistentMailbox", times=None, **HER_BOX)
    harness.tell(agents=(MARTINE, KARIM))
    harness.work()
    assert (harness.subjects(HERS), harness.subjects(HIS)) == ([], ["Consultation PMI"])
    assert harness.work() == 0, "it is left alone for a while"
    harness.exchange.faults.clear()
    harness.work_until_quiet()
    assert harness.subjects(HERS) == ["Consultation PMI"], "and written into once it is back"


@pytest.mark.parametrize("kind", [FaultKind.UNAUTHORIZED, FaultKind.UNAVAILABLE, FaultKind.SERVER_BUSY])
def test_a_server_in_trouble_is_probed_not_hammered(harness: WorkerHarness, kind: FaultKind) -> None:
    harness.inject(kind, times=None)
    for number in range(1, 11):
        agent = (MARTINE,) if number % 2 else (KARIM,)
        harness.tell(60, agents=agent, wire_id=number, uuid=None)
    assert harness.work() <= 2, "one call of one mailbox"
    harness.exchange.faults.clear()
    harness.work_until_quiet()
    assert (len(harness.items(HERS)), len(harness.items(HIS))) == (5, 5)


def test_a_busy_server_is_given_the_time_it_asks_for(harness: WorkerHarness) -> None:
    harness.inject(FaultKind.SERVER_BUSY, back_off_ms=90_000)
    harness.tell(agents=ONLY_HERS)
    harness.work()
    harness.pass_time(timedelta(seconds=80))
    assert harness.work() == 0
    harness.pass_time(timedelta(seconds=11))
    assert harness.work() == 1


def test_a_login_page_instead_of_an_answer_loses_and_doubles_nothing(harness: WorkerHarness) -> None:
    harness.inject(FaultKind.LOGIN_PAGE, verb="CreateItem")
    harness.tell(agents=ONLY_HERS)
    harness.work_until_quiet()
    assert harness.subjects() == ["Consultation PMI"]


def test_an_answer_that_leaves_items_out_loses_and_doubles_nothing(harness: WorkerHarness) -> None:
    harness.inject(FaultKind.SHORT, verb="CreateItem", missing=1)
    for number in (1, 2, 3):
        harness.tell(60, agents=ONLY_HERS, wire_id=number, uuid=None, motif=f"Motif {number}")
    harness.work_until_quiet()
    assert harness.subjects() == ["Motif 1", "Motif 2", "Motif 3"]


def test_a_look_up_that_fails_says_nothing(harness: WorkerHarness) -> None:
    harness.inject(FaultKind.DROP_AFTER, verb="CreateItem")
    harness.inject(FaultKind.UNAVAILABLE, verb="FindItem", times=3)
    harness.tell(agents=ONLY_HERS)
    harness.work_until_quiet()
    assert harness.subjects() == ["Consultation PMI"]


def test_nothing_is_sent_that_could_not_be_recorded(harness: WorkerHarness) -> None:
    """A full disk: no commit, no POST."""
    harness.tell(agents=ONLY_HERS)

    def full(*_: object, **__: object) -> None:
        raise StoreUnavailable("OperationalError")

    harness.store.advance = full  # type: ignore[method-assign, assignment]
    with pytest.raises(StoreUnavailable):
        harness.crew.work_once()
    assert harness.exchange.requests == []
    assert harness.store.moment == NOW
