"""Rules as rows: the newest adopted one is everybody's, what waits changes nothing, a preview changes nothing."""

from datetime import timedelta
from typing import Any

from sqlalchemy import create_engine, func, select

from receiver.core.desired import Decision, EventView
from receiver.core.facts import EventKind
from receiver.core.mailboxes import Mailbox, MailboxMap
from receiver.core.policies import Policies
from receiver.core.ruleset import Ruleset, SourceRules, fingerprint
from receiver.operations.rules import preview
from receiver.store import Store
from receiver.store.database.tables import rulesets
from receiver.store.intake import judge_batch
from receiver.store.work import rulesets as stored_rulesets
from receiver.store.work import settling
from receiver.store.work.settling import Previewed
from tests.makers import NOW, a_delivery, a_slot, an_absence, incoming

HERS = Mailbox("exchange", "martine@x.example")
HIS = Mailbox("exchange", "karim@x.example")


def rules(category: str) -> Ruleset:
    return Ruleset(MailboxMap("exchange"), {"mds": SourceRules(policies=Policies(category=category))})


ONE, TWO, THREE = rules("1"), rules("2"), rules("3")


def count(url: str) -> int:
    engine = create_engine(url)
    with engine.connect() as connection:
        found = connection.execute(select(func.count()).select_from(rulesets)).scalar_one()
    engine.dispose()
    return int(found)


def test_nothing_is_in_force_before_something_is_adopted(store: Store) -> None:
    assert (
        store.read(stored_rulesets.in_force),
        store.read(stored_rulesets.newest_id),
        store.read(stored_rulesets.held_removals),
    ) == (None, None, None)
    store.write(stored_rulesets.hold, ONE, 30, NOW)
    assert (
        store.read(stored_rulesets.in_force),
        store.read(stored_rulesets.newest_id),
        store.read(stored_rulesets.held_removals),
    ) == (None, None, 30)


def test_the_newest_adopted_rules_are_in_force(store: Store) -> None:
    for ruleset in (ONE, TWO):
        store.write(stored_rulesets.put_in_force, ruleset, 0, NOW)
        found = store.read(stored_rulesets.in_force)
        assert found is not None
        assert (found.ruleset, found.fingerprint, found.id) == (
            ruleset,
            fingerprint(ruleset),
            store.read(stored_rulesets.newest_id),
        )


def test_going_back_to_former_rules_is_a_new_row(store: Store) -> None:
    """Another host must see that something changed."""
    numbers = []
    for ruleset in (ONE, TWO, ONE):
        store.write(stored_rulesets.put_in_force, ruleset, 0, NOW)
        numbers.append(store.read(stored_rulesets.newest_id))
    assert len(set(numbers)) == 3
    assert store.read(stored_rulesets.newest_id) == max(number for number in numbers if number)


def test_rules_that_wait_change_nothing(store: Store) -> None:
    store.write(stored_rulesets.put_in_force, ONE, 0, NOW)
    number = store.read(stored_rulesets.newest_id)
    store.write(stored_rulesets.hold, TWO, 30, NOW)
    found = store.read(stored_rulesets.in_force)
    assert found is not None
    assert (found.ruleset, store.read(stored_rulesets.newest_id), store.read(stored_rulesets.held_removals)) == (
        ONE,
        number,
        30,
    )


def test_the_same_rules_wait_once_and_others_take_their_place(store: Store, store_url: str) -> None:
    """Every start of every host proposes them again."""
    store.write(stored_rulesets.put_in_force, ONE, 0, NOW)
    for _ in range(3):
        store.write(stored_rulesets.hold, TWO, 30, NOW)
    assert count(store_url) == 2
    store.write(stored_rulesets.hold, THREE, 40, NOW)
    assert (count(store_url), store.read(stored_rulesets.held_removals)) == (3, 40)


def test_nothing_waits_once_something_newer_is_in_force(store: Store) -> None:
    store.write(stored_rulesets.put_in_force, ONE, 0, NOW)
    store.write(stored_rulesets.hold, TWO, 30, NOW)
    store.write(stored_rulesets.put_in_force, TWO, 30, NOW)
    assert store.read(stored_rulesets.held_removals) is None


def test_adopting_has_every_live_event_settled_anew_and_holding_none(store: Store) -> None:
    store.write(judge_batch.take, [incoming(a_delivery(60, wire_id=1, uuid=None))], NOW)
    store.write(judge_batch.take, [incoming(a_slot(an_absence()))], NOW)
    store.write(judge_batch.take, [incoming(a_delivery(50, EventKind.DESTROYED, wire_id=2, uuid=None))], NOW)
    store.settle(lambda view: Decision({}), NOW)
    store.write(stored_rulesets.hold, TWO, 30, NOW)
    assert not store.read(settling.has_unsettled)
    store.write(stored_rulesets.put_in_force, ONE, 0, NOW)
    assert store.settle(lambda view: Decision({}), NOW) == 2


# Previews


def placed(store: Store, count: int) -> None:
    """So many events, each wanted in her calendar."""
    news = [incoming(a_delivery(60, wire_id=number, uuid=None, motif=f"M{number}")) for number in range(1, count + 1)]
    store.write(judge_batch.take, news, NOW)
    while store.settle(lambda view: Decision({**dict.fromkeys(view.held), HERS: view.uid}), NOW):
        pass


def moved(view: EventView) -> Decision:
    return Decision({**dict.fromkeys(view.held), HIS: "new"})


def test_a_preview_tells_what_is_wanted_now_and_what_would_be(store: Store) -> None:
    placed(store, 1)
    assert list(preview(store, moved)) == [Previewed({HERS: "Rdv/1@production"}, {HERS: None, HIS: "new"})]


def test_a_preview_sees_every_live_event_once_whatever_the_size_of_its_pages(store: Store) -> None:
    placed(store, 7)
    store.write(judge_batch.take, [incoming(a_delivery(30, EventKind.DESTROYED, wire_id=4, uuid=None))], NOW)
    expected = {f"Rdv/{number}@production" for number in (1, 2, 3, 5, 6, 7)}
    for page in (1, 2, 3, 6, 7, 500):
        seen: list[str] = []

        def look(view: EventView, seen: list[str] = seen) -> Decision:
            seen.append(view.uid)
            return Decision({})

        assert len(list(preview(store, look, page))) == 6
        assert (len(seen), set(seen)) == (6, expected)


def test_a_preview_of_nothing_is_empty(store: Store) -> None:
    assert list(preview(store, moved)) == []


def test_a_preview_changes_nothing(store: Store) -> None:
    placed(store, 3)
    before = snapshot(store)
    assert len(list(preview(store, moved, page=2))) == 3
    assert not store.read(settling.has_unsettled)
    assert snapshot(store) == before


def snapshot(store: Store) -> Any:
    work = store.claim("exchange", NOW, 100, timedelta(seconds=60))
    assert work is not None
    store.release(work)
    return [(item.placement, item.state) for item in work.items]


def test_a_preview_waits_for_no_worker_and_holds_none_up(store: Store) -> None:
    """It may take long; it reads a page at a time, without locks."""
    placed(store, 3)
    pages = preview(store, moved, page=1)
    next(pages)
    assert store.claim("exchange", NOW, 100, timedelta(seconds=60)) is not None
    store.write(judge_batch.take, [incoming(a_delivery(20, wire_id=1, uuid=None, motif="Autre"))], NOW)
    assert store.settle(moved, NOW) == 1
    assert len(list(pages)) == 2
