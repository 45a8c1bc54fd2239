"""What a re-sync asks of the record, on each kind of database."""

from datetime import timedelta

import pytest

from receiver.core.facts import Delivery, EventKind, Model
from receiver.store import Store
from receiver.store.intake import judge_batch
from receiver.store.tools import resync
from receiver.store.tools.resync import HeldEvent, Scope
from tests.makers import NOW, a_delivery, a_plage, a_slot, an_absence, incoming

START = NOW - timedelta(hours=1)
BEFORE = START - timedelta(days=1)
EVERYTHING = Scope("mds", frozenset(Model), frozenset({12}), NOW)


def an_event(number: int, age: timedelta = timedelta(days=2), **changes: object) -> Delivery:
    changes = {"organisation": 12} | changes
    return a_delivery(age.total_seconds(), wire_id=number, uuid=None, **changes)  # type: ignore[arg-type]


def tell(store: Store, *news: Delivery, source: str = "mds", before: bool = True) -> None:
    at = BEFORE if before else NOW
    store.write(judge_batch.take, [incoming(each, source=source, received_at=at) for each in news], at)


def numbers(events: list[HeldEvent]) -> list[int]:
    return [event.wire_id for event in events]


def test_what_nobody_told_of_since_the_start_is_found(store: Store) -> None:
    tell(store, an_event(1, timedelta(days=2)), an_event(2, timedelta(days=2)))
    tell(store, an_event(2, timedelta(minutes=1)), before=False)
    (found,) = store.read(resync.not_sent, EVERYTHING, START)
    assert (found.wire_id, found.model, found.organisation, found.motif) == (1, Model.RDV, 12, "Consultation PMI")
    assert found.uid == "Rdv/1@production"
    assert store.read(resync.count_sent, "mds", START) == {Model.RDV: 1}


def test_what_was_told_of_by_another_source_exists(store: Store) -> None:
    tell(store, an_event(1, timedelta(days=2)))
    tell(store, an_event(1, timedelta(minutes=1)), source="other", before=False)
    assert store.read(resync.not_sent, EVERYTHING, START) == []


def test_an_old_state_that_comes_after_the_start_counts_too(store: Store) -> None:
    """Its job waited; the object existed when it was sent all the same."""
    tell(store, an_event(1, timedelta(days=2)))
    tell(store, an_event(1, timedelta(days=3)), before=False)
    assert store.read(resync.not_sent, EVERYTHING, START) == []
    assert store.read(resync.count_sent, "mds", START) == {Model.RDV: 1}


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        (EVERYTHING, [1, 88, 89]),
        (Scope("mds", frozenset({Model.RDV}), frozenset({12}), NOW), [1]),
        (Scope("mds", frozenset({Model.ABSENCE}), frozenset(), NOW), [88]),
        (Scope("mds", frozenset(Model), frozenset({13}), NOW), [88]),
        (Scope("mds", frozenset(Model), frozenset({12})), [1, 2, 88, 89]),
        (Scope("other", frozenset(Model), frozenset({12}), NOW), []),
    ],
)
def test_only_what_is_in_scope_is_found(store: Store, scope: Scope, expected: list[int]) -> None:
    """An absence names one of its agent's organisations and goes to all: it is in scope of each."""
    over = NOW - timedelta(days=1)
    tell(store, an_event(1), an_event(2, starts_at=over, ends_at=over))
    tell(store, a_slot(an_absence(), 2 * 86400), a_slot(a_plage(), 2 * 86400, wire_id=89))
    assert numbers(store.read(resync.not_sent, scope, START)) == expected
    assert store.read(resync.count_live, scope) == len(expected)


def test_what_is_destroyed_is_nobodys_concern(store: Store) -> None:
    tell(store, an_event(1), an_event(1, timedelta(hours=30), kind=EventKind.DESTROYED))
    assert (store.read(resync.not_sent, EVERYTHING, START), store.read(resync.count_live, EVERYTHING)) == ([], 0)


def test_witnesses_are_of_the_kinds_asked_for(store: Store) -> None:
    fresh = timedelta(minutes=1)
    tell(store, *(an_event(number) for number in range(1, 7)))
    tell(store, *(an_event(number, fresh) for number in range(1, 5)), before=False)
    tell(store, an_event(5, fresh, motif="Suivi social"), before=False)
    tell(store, an_event(7, fresh), source="other", before=False)
    kinds = {(12, "Consultation PMI")}
    assert numbers(store.read(resync.witnesses, "mds", kinds, START, 3)) == [4, 3, 2]
    assert numbers(store.read(resync.witnesses, "mds", {(12, "Suivi social")}, START, 3)) == [5]
    assert store.read(resync.witnesses, "mds", {(13, "Consultation PMI"), (None, None)}, START, 3) == []
