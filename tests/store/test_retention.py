"""What has been kept long enough goes, and is counted beforehand."""

from datetime import timedelta

import pytest

from receiver.core.desired import Decision
from receiver.core.facts import EventKind
from receiver.operations.erasure import purge
from receiver.store import Store, counters, heartbeats
from receiver.store.counters import Tally
from receiver.store.intake import judge_batch
from receiver.store.tools import backup, retention
from tests.makers import NOW, a_delivery, a_role, incoming

LATER = NOW + timedelta(days=40)


@pytest.fixture
def used(store: Store, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A store with old rows in every table that is purged, but for writes: those have tests of their own."""
    monkeypatch.setattr(retention, "DROPPED_AT_ONCE", 2)
    for number in range(5):
        store.write(judge_batch.take, [incoming(a_delivery(60, wire_id=number, uuid=f"u{number}"))], NOW)
        store.write(
            judge_batch.take, [incoming(a_delivery(30, EventKind.DESTROYED, wire_id=number, uuid=f"u{number}"))], NOW
        )
    store.write(judge_batch.take, [incoming(a_role(9, EventKind.DESTROYED))], NOW)
    store.write(judge_batch.take, [incoming(a_delivery(60, wire_id=9, uuid="u9"))], NOW)
    store.settle(lambda view: Decision(dict.fromkeys(view.held)), NOW)
    store.write(heartbeats.beat, "worker/here/1", NOW)
    store.write(counters.record, {Tally("refused", "mds", "", "unauthorized"): 3}, {}, NOW)
    return store


def test_all_that_is_old_goes_a_few_rows_at_a_time(used: Store) -> None:
    expected = {"deliveries": 12, "events": 5, "roles": 1, "heartbeats": 1, "tallies": 1}
    counted = used.read(retention.count_old, LATER, 30, 30)
    assert {table: count for table, count in counted.items() if count} == expected
    dropped = purge(used, LATER, 30, 30)
    assert {table: count for table, count in dropped.items() if count} == expected
    assert purge(used, LATER, 30, 30).total() == 0
    assert used.read(backup.counts_of)["events"] == 1, "one is alive"


def test_some_are_as_many_as_one_transaction_may_hold_until_none_is_left(used: Store) -> None:
    """Whoever waits for a turn to write gets one in between."""
    steps = []
    while some := used.write(retention.drop_old, LATER, 30, 30):
        steps.append(some)
    assert all(max(some.values()) <= 2 for some in steps)
    assert sum((some.total() for some in steps), 0) == 20


def test_the_last_beat_of_the_watch_stays_however_old(used: Store) -> None:
    """Since when it is silent would be forgotten else."""
    used.write(heartbeats.beat, heartbeats.WATCH, NOW)
    purge(used, LATER, 30, 30)
    assert used.read(heartbeats.beats) == {heartbeats.WATCH: NOW}


def test_what_is_young_stays(used: Store) -> None:
    assert not any(used.read(retention.count_old, NOW + timedelta(hours=1), 30, 30).values())
    assert purge(used, NOW + timedelta(hours=1), 30, 30).total() == 0
