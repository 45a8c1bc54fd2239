"""Entries read back until placements take them over, and what keeps everybody from writing, on each database."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import create_engine, select, update

from receiver.core.desired import Decision, EventView
from receiver.core.facts import EventKind, News
from receiver.core.mailboxes import Mailbox, MailboxMap
from receiver.core.plan import BELIEVED_FOR, STALE, Placement
from receiver.core.ruleset import Ruleset, SourceRules
from receiver.operations.recovery.adopt import note_found
from receiver.store import LeaseLost, MailboxWork, Store
from receiver.store import installation as stored_installation
from receiver.store.database.tables import adopted, events, installation
from receiver.store.intake import judge_batch
from receiver.store.tools import audit, recovery
from receiver.store.work import leases, mailbox_identity, placements, settling
from tests.databases import new_database, sqlalchemy_url
from tests.makers import KARIM, MARTINE, NOW, UUID, a_delivery, incoming

HERS, HIS = Mailbox("exchange", MARTINE.email or ""), Mailbox("exchange", KARIM.email or "")
NEW_NAME = Mailbox("exchange", "nouvelle@departement.example")
MAPPING = MailboxMap("exchange", {HERS.address: HERS, HIS.address: HIS})
RULES = Ruleset(MAPPING, {"mds": SourceRules()})
SECOND = timedelta(seconds=1)
LEASE = timedelta(minutes=5)
UID = "Rdv/1@production"


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    opened = Store(store_url)
    yield opened
    opened.close()


def rdv(number: int = 1, **how: Any) -> News:
    return a_delivery(**{"agents": (MARTINE,), "wire_id": number, "uuid": None} | how)


def hear(store: Store, *news: News, at: Any = NOW) -> None:
    store.write(judge_batch.take, [incoming(each) for each in news], at)


def settle(store: Store, at: Any = NOW) -> int:
    return store.settle(lambda view: RULES.compute_desired(view, at), at)


def lease(store: Store, mailbox: Mailbox = HERS, at: Any = NOW) -> MailboxWork:
    work = store.write(leases.claim_one, mailbox, at, LEASE)
    assert work is not None
    return work


def found(store: Store, items: dict[str, str], mailbox: Mailbox = HERS, at: Any = NOW) -> None:
    """A mailbox was read."""
    work = lease(store, mailbox, at)
    note_found(store, work, items, (), found_at=at, now=at)
    store.release(work)


def placed(store: Store, mailbox: Mailbox = HERS) -> list[Placement]:
    return [each.placement for each in store.read(audit.recorded, mailbox)]


def change(url: str, statement: Any) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(statement)
    engine.dispose()


# Taking over


def test_what_was_found_is_taken_over_before_it_is_decided_what_should_be_there(store: Store) -> None:
    found(store, {UID: "item"})
    hear(store, rdv(), at=NOW + SECOND)
    assert settle(store, NOW + SECOND) == 1
    [placement] = placed(store)
    assert (placement.applied, placement.item_id) == (STALE, "item")
    assert placement.desired not in {None, STALE}
    assert (placement.due_at, placement.in_doubt) == (NOW + SECOND, False)
    assert store.read(recovery.adopted_in, HERS) == set()


def test_an_event_that_is_known_takes_it_over_at_once(store: Store) -> None:
    hear(store, rdv())
    settle(store)
    found(store, {UID: "item"}, at=NOW + SECOND)
    assert store.read(settling.has_unsettled)
    assert store.read(placements.count_due, NOW + SECOND) == 1
    assert store.claim("exchange", NOW + SECOND, 10, LEASE) is None, "not before it is settled"
    settle(store, NOW + SECOND)
    [placement] = placed(store)
    assert (placement.applied, placement.item_id, placement.due_at) == (STALE, "item", NOW + SECOND + BELIEVED_FOR)


def test_what_is_noted_while_its_event_is_settled_is_taken_over_the_next_time(
    postgres: str, migrated_postgres: str
) -> None:
    """Settling has found nothing pending by then; marking the event as unsettled waits until it has committed."""
    with closing(Store(sqlalchemy_url(new_database(postgres, migrated_postgres)))) as store:
        work = lease(store)
        hear(store, rdv())
        marked: list[Future[None]] = []

        def decide(view: EventView) -> Decision:
            if not marked:
                store.write(recovery.note, work, {UID: "item"}, (), NOW)
                marked.append(pool.submit(store.write, recovery.unsettle, work, NOW))
            return RULES.compute_desired(view, NOW)

        with ThreadPoolExecutor() as pool:
            assert store.settle(decide, NOW) == 1
            marked[0].result(10)
        store.release(work)
        assert [each.item_id for each in placed(store)] == [None]
        assert settle(store) == 1
        assert [each.item_id for each in placed(store)] == ["item"]


def test_what_came_after_the_calendar_was_read_is_believed_at_once(store: Store) -> None:
    hear(store, rdv(age_s=90))
    found(store, {UID: "item"}, HIS)
    hear(store, rdv(motif="Autre"), at=NOW + SECOND)
    settle(store, NOW + SECOND)
    [his] = placed(store, HIS)
    assert (his.desired, his.due_at) == (None, NOW + SECOND)


def test_facts_that_are_older_than_the_calendar_remove_nothing_for_a_day(store: Store) -> None:
    hear(store, rdv())
    found(store, {UID: "item"}, HIS)
    settle(store, NOW + SECOND)
    [his] = placed(store, HIS)
    assert (his.desired, his.applied, his.due_at) == (None, STALE, NOW + BELIEVED_FOR)


def test_that_an_event_was_destroyed_is_believed_whenever_it_came(store: Store) -> None:
    hear(store, rdv(age_s=90))
    hear(store, rdv(kind=EventKind.DESTROYED))
    found(store, {UID: "item"})
    settle(store, NOW + SECOND)
    [hers] = placed(store)
    assert (hers.desired, hers.due_at) == (None, NOW + SECOND)


def test_it_waits_for_its_event_and_for_no_other(store: Store) -> None:
    found(store, {UID: "item", "Rdv/2@production": "second"})
    hear(store, rdv(2))
    settle(store)
    assert [each.item_id for each in placed(store)] == ["second"]
    assert store.read(recovery.waiting) == [(HERS, UID)]


def test_in_each_mailbox_the_item_that_was_found_there(store: Store) -> None:
    found(store, {UID: "hers"})
    found(store, {UID: "his"}, HIS)
    hear(store, rdv(agents=(MARTINE, KARIM)))
    settle(store)
    assert [[each.item_id for each in placed(store, box)] for box in (HERS, HIS)] == [["hers"], ["his"]]


def test_two_addresses_that_turn_out_to_be_one_mailbox_hold_it_once(store: Store) -> None:
    found(store, {UID: "item"})
    found(store, {UID: "item"}, NEW_NAME)
    store.write(mailbox_identity.identify, lease(store), NEW_NAME.address, NOW)
    hear(store, rdv())
    settle(store)
    assert (placed(store), [each.item_id for each in placed(store, NEW_NAME)]) == ([], ["item"])


def test_a_placement_in_doubt_keeps_its_doubt(store: Store) -> None:
    hear(store, rdv())
    settle(store)
    [before] = placed(store)
    doubtful = replace(before, look_up_at=NOW + LEASE, open_creates=1)
    store.write(audit.repair, HERS, {before: doubtful}, NOW)
    found(store, {UID: "item"})
    settle(store)
    [after] = placed(store)
    assert (after.applied, after.item_id, after.look_up_at, after.open_creates) == (STALE, "item", NOW + LEASE, 0)


def test_an_event_goes_on_under_the_name_that_its_entries_bear(store: Store) -> None:
    """It was first known by its number; since then the emitter tells a uuid with it."""
    found(store, {UID: "item"})
    hear(store, rdv(uuid=UUID), at=NOW + SECOND)
    settle(store, NOW + SECOND)
    [recorded] = store.read(audit.recorded, HERS)
    placement = recorded.placement
    assert (placement.uid, placement.applied, placement.item_id) == (UID, STALE, "item")
    entry = RULES.entry(UID, recorded.source, recorded.state)
    assert entry is not None
    assert placement.desired == RULES.digest(entry)
    hear(store, rdv(age_s=30, uuid=UUID, motif="Autre"), at=NOW + 2 * SECOND)
    settle(store, NOW + 2 * SECOND)
    assert [each.item_id for each in placed(store)] == ["item"]


def test_an_event_whose_own_entries_stand_keeps_its_name(store: Store) -> None:
    hear(store, rdv(uuid=UUID))
    settle(store)
    [placement] = placed(store)
    store.write(audit.repair, HERS, {placement: replace(placement, applied="d", item_id="own")}, NOW)
    found(store, {UID: "item"})
    hear(store, rdv(age_s=30, uuid=UUID, motif="Autre"), at=NOW + SECOND)
    settle(store, NOW + SECOND)
    assert [(each.uid, each.item_id) for each in placed(store)] == [(f"Rdv/{UUID}@production", "own")]


def test_a_name_that_another_event_bears_is_that_ones(store: Store, store_url: str) -> None:
    """However it came to it: one name twice would keep everything from being settled."""
    hear(store, rdv(1, uuid=UUID), rdv(2))
    change(store_url, update(events).where(events.c.wire_id == 2).values(uid=UID))
    found(store, {UID: "item"})
    assert settle(store) == 2
    assert {each.uid: each.item_id for each in placed(store)} == {UID: "item", f"Rdv/{UUID}@production": None}


# Noting


def test_a_mailbox_that_is_read_again_is_as_it_was_read_last(store: Store) -> None:
    found(store, {UID: "old", "Rdv/2@production": "second"})
    work = lease(store)
    note_found(store, work, {UID: "new"}, ["Rdv/2@production"], found_at=NOW, now=NOW)
    store.release(work)
    hear(store, rdv(), rdv(2))
    settle(store)
    assert {each.uid: each.item_id for each in placed(store)} == {UID: "new", "Rdv/2@production": None}


def test_many_are_noted(store: Store) -> None:
    """More than a database takes in one statement."""
    items = {f"Rdv/{number}@production": f"item {number}" for number in range(1300)}
    found(store, items)
    assert store.read(recovery.adopted_in, HERS) == items.keys()
    assert len(store.read(recovery.waiting)) == 1300
    assert store.read(recovery.finished, items) == {}


def test_whoever_lost_the_lease_notes_and_forgets_nothing(store: Store) -> None:
    late = lease(store)
    later = NOW + LEASE + SECOND
    work = lease(store, at=later)
    with pytest.raises(LeaseLost):
        note_found(store, late, {UID: "item"}, (), found_at=later, now=later)
    with pytest.raises(LeaseLost):
        store.write(recovery.empty, late, ())
    assert store.read(recovery.adopted_in, HERS) == set()
    note_found(store, work, {UID: "item"}, (), found_at=later, now=later)


def test_events_tell_whether_all_is_done_that_follows_from_their_end(store: Store) -> None:
    hear(store, rdv(age_s=90), rdv(2, age_s=90), rdv(3))
    settle(store)
    hear(store, rdv(kind=EventKind.DESTROYED))
    settle(store)
    hear(store, rdv(2, kind=EventKind.DESTROYED))
    uids = [f"Rdv/{number}@production" for number in range(1, 5)]
    assert store.read(recovery.finished, uids) == {uids[0]: True, uids[1]: False, uids[2]: False}


# Leasing


def test_one_mailbox_is_leased_whatever_is_due_in_it(store: Store) -> None:
    assert store.write(leases.claim_one, HERS, NOW, LEASE) is not None
    hear(store, rdv())
    settle(store)
    assert store.claim("exchange", NOW, 10, LEASE) is None
    assert store.write(leases.claim_one, HERS, NOW, LEASE) is None
    assert store.write(leases.claim_one, HERS, NOW + LEASE, LEASE) is not None, "whoever had it is dead"


def test_what_a_worker_has_is_not_leased(store: Store) -> None:
    hear(store, rdv())
    settle(store)
    work = store.claim("exchange", NOW, 10, LEASE)
    assert work is not None
    assert store.write(leases.claim_one, HERS, NOW, LEASE) is None
    store.release(work)
    assert store.write(leases.claim_one, HERS, NOW, LEASE) is not None


# What stops all writing


def assert_nothing_is_written(store: Store) -> None:
    assert (store.installation().may_write, settle(store), store.read(settling.has_unsettled)) == (False, 0, True)
    assert store.read(leases.has_work, "exchange", NOW) is False
    assert store.claim("exchange", NOW, 10, LEASE) is None


def test_before_the_calendars_were_read_nothing_is_settled_or_written(store: Store, store_url: str) -> None:
    hear(store, rdv())
    settle(store)
    hear(store, rdv(2))
    change(store_url, update(installation).values(must_adopt=True))
    assert_nothing_is_written(store)
    store.calendars_were_read()
    assert settle(store) == 1
    assert store.read(leases.has_work, "exchange", NOW)
    assert store.claim("exchange", NOW, 10, LEASE) is not None


def test_an_installation_that_is_taken_out_settles_and_writes_nothing(store: Store) -> None:
    hear(store, rdv())
    settle(store)
    store.begin_uninstalling(NOW)
    hear(store, rdv(2))
    assert_nothing_is_written(store)
    store.begin_uninstalling(NOW + SECOND)
    assert store.installation().uninstalled_at == NOW
    store.write(stored_installation.undo_uninstalling, NOW + SECOND)
    assert settle(store) == 2
    assert store.claim("exchange", NOW, 10, LEASE) is not None


def test_a_name_is_taken_over_with_a_new_beginning(store: Store) -> None:
    """Whoever doubled everything and took that out again adopts what was there before."""
    hear(store, rdv())
    settle(store)
    store.begin_uninstalling(NOW)
    assert store.take_installation("another", NOW)
    here = store.installation()
    assert (here.id, here.must_adopt, here.uninstalled_at, store.read(settling.has_unsettled)) == (
        "another",
        True,
        None,
        True,
    )


@pytest.mark.parametrize("changes", [{"applied": "d", "item_id": "item"}, {"look_up_at": NOW}, {"recheck_at": NOW}])
def test_no_name_is_taken_over_where_an_entry_may_bear_the_own(store: Store, changes: dict[str, Any]) -> None:
    hear(store, rdv())
    settle(store)
    [placement] = placed(store)
    store.write(audit.repair, HERS, {placement: replace(placement, **changes)}, NOW)
    own = store.installation()
    assert not store.take_installation("another", NOW)
    assert store.installation() == own


def test_an_empty_mailbox_is_forgotten_but_for_what_may_still_come(store: Store, store_url: str) -> None:
    hear(store, rdv(), rdv(2), rdv(3, agents=(KARIM,)))
    settle(store)
    found(store, {"Rdv/9@production": "item"})
    found(store, {"Rdv/9@production": "item"}, HIS)
    kept, _ = placed(store)
    work = lease(store)
    store.write(recovery.empty, work, [kept.id])
    assert (placed(store), len(placed(store, HIS))) == ([kept], 1)
    engine = create_engine(store_url)
    with engine.connect() as connection:
        assert len(connection.execute(select(adopted)).all()) == 1
        assert len(connection.execute(select(events)).all()) == 3
    engine.dispose()
