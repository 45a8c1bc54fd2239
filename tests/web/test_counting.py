"""Counts are summed up in memory and written down a little later; what cannot be written is kept."""

import threading
from datetime import timedelta
from typing import Any

import pytest

from receiver.store import Store, StoreUnavailable, Tally
from receiver.web.counting import Tallying
from tests.makers import NOW

AGE = Tally("refused", "mds", "", "age")


def tallying(store: Store, flush_after_s: float | None = None) -> Tallying:
    return Tallying(store, lambda: NOW, flush_after_s)


def test_counts_wait_to_be_written_together(store: Store) -> None:
    counted = tallying(store)
    for _ in range(3):
        counted.count(AGE)
    assert store.refused(NOW) == {}
    counted.flush()
    assert store.refused(NOW) == {("mds", "age"): 3}


def test_a_count_is_written_by_itself_after_a_while(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    written = threading.Event()
    tally = store.tally

    def note(*args: Any) -> None:
        tally(*args)
        written.set()

    monkeypatch.setattr(store, "tally", note)
    tallying(store, 0.01).count(AGE)
    assert written.wait(10)
    assert store.refused(NOW) == {("mds", "age"): 1}


def test_sums_of_an_hour_add_up_and_older_hours_are_left_out(store: Store) -> None:
    store.tally({AGE: 5}, {}, NOW - timedelta(hours=2))
    store.tally({AGE: 2}, {}, NOW)
    store.tally({AGE: 1}, {}, NOW)
    assert store.refused(NOW) == {("mds", "age"): 3}
    assert store.refused(NOW - timedelta(hours=2)) == {("mds", "age"): 8}


def test_nothing_is_written_where_nothing_was_counted(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "tally", lambda *_: pytest.fail("a commit for nothing"))
    tallying(store).flush()


def test_what_cannot_be_written_is_kept_for_the_next_time(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise StoreUnavailable("OperationalError")

    counted = tallying(store)
    counted.count(AGE)
    with monkeypatch.context() as patched:
        patched.setattr(store, "tally", full)
        counted.flush()
        counted.count(AGE)
    counted.flush()
    assert store.refused(NOW) == {("mds", "age"): 2}
