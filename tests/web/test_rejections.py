"""Refusals are summed up in memory and written down now and then; what cannot be written is kept."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from receiver.store import Store, StoreUnavailable
from receiver.web.rejections import FLUSH_EVERY, Rejections
from tests.makers import NOW


@dataclass
class Clock:
    now: datetime = NOW
    asked: list[datetime] = field(default_factory=list)

    def __call__(self) -> datetime:
        return self.now


def test_counts_are_written_at_the_first_refusal_after_the_time_is_up(store: Store) -> None:
    clock = Clock()
    rejections = Rejections(store, clock)
    rejections.count("mds", "unauthorized")
    clock.now += FLUSH_EVERY - timedelta(microseconds=1)
    rejections.count("mds", "unauthorized")
    assert store.rejections(NOW) == {}
    clock.now += timedelta(microseconds=1)
    rejections.count("mds", "unauthorized")
    assert store.rejections(NOW) == {("mds", "unauthorized"): 3}


def test_sums_of_a_day_add_up_and_days_are_apart(store: Store) -> None:
    clock = Clock()
    rejections = Rejections(store, clock)
    for _ in range(2):
        rejections.count("mds", "age")
        rejections.flush()
    clock.now += timedelta(days=1)
    rejections.count("mds", "age")
    rejections.flush()
    assert store.rejections(NOW) == {("mds", "age"): 2}
    assert store.rejections(NOW + timedelta(days=1)) == {("mds", "age"): 1}


def test_nothing_is_written_where_nothing_was_counted(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "count_rejections", lambda *_: pytest.fail("a commit for nothing"))
    Rejections(store, Clock()).flush()


def test_what_cannot_be_written_is_kept_for_the_next_time(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_counts: Mapping[tuple[str, str], int], _now: datetime) -> None:
        raise StoreUnavailable("OperationalError")

    rejections = Rejections(store, Clock())
    rejections.count("mds", "age")
    with monkeypatch.context() as patched:
        patched.setattr(store, "count_rejections", full)
        rejections.flush()
        rejections.count("mds", "age")
    rejections.flush()
    assert store.rejections(NOW) == {("mds", "age"): 2}
