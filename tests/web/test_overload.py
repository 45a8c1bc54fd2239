"""Past a set backlog, or with the disk nearly full, webhooks are refused at once: the emitter keeps them."""

import shutil
from collections import namedtuple
from datetime import timedelta
from pathlib import Path

import pytest

from receiver.core.room import LEFT_FREE_BYTES
from receiver.store import Cause, Refusal, Standing, Store, StoreUnavailable
from receiver.store.intake import judge_batch
from receiver.store.reports import status
from receiver.web.overload import LOOK_EVERY, Overload
from tests.makers import NOW, a_delivery, incoming
from tests.web.receiver_client import Receiver

Usage = namedtuple("Usage", "total used free")


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> object:
        return self.now


def full(monkeypatch: pytest.MonkeyPatch, free: int) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(100 * 2**30, 0, free))


def take_in(store: Store, count: int) -> None:
    store.write(
        judge_batch.take, [incoming(a_delivery(wire_id=number, uuid=f"u{number}")) for number in range(count)], NOW
    )


def test_a_backlog_past_its_limit_is_a_reason_until_it_is_worked_off(store: Store) -> None:
    clock = Clock()
    overload = Overload(store, None, 3, clock)  # type: ignore[arg-type]
    take_in(store, 3)
    assert overload.reason() is None
    take_in(store, 4)
    clock.now += LOOK_EVERY - timedelta(microseconds=1)
    assert overload.reason() is None, "it looks now and then, not for each webhook"
    clock.now += timedelta(microseconds=1)
    assert overload.reason() == "backlog"


def test_what_waits_to_be_judged_is_a_backlog_too(store: Store) -> None:
    """While no worker runs nothing else grows."""
    overload = Overload(store, None, 3, Clock())  # type: ignore[arg-type]
    for number in range(4):
        store.keep(incoming(a_delivery(wire_id=number, uuid=f"u{number}")))
    assert overload.reason() == "backlog"


def test_a_clock_that_is_set_back_does_not_blind_it(store: Store) -> None:
    clock = Clock()
    overload = Overload(store, None, 3, clock)  # type: ignore[arg-type]
    assert overload.reason() is None
    take_in(store, 4)
    clock.now -= timedelta(hours=1)
    assert overload.reason() == "backlog"


def test_a_disk_without_room_for_the_worker_is_a_reason(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that cannot record what it wrote would have to stop writing."""
    clock = Clock()
    overload = Overload(store, tmp_path / "rdv.db", 1000, clock)  # type: ignore[arg-type]
    full(monkeypatch, LEFT_FREE_BYTES - 1)
    assert overload.reason() == "disk"
    full(monkeypatch, LEFT_FREE_BYTES)
    clock.now += LOOK_EVERY
    assert overload.reason() is None


@pytest.mark.parametrize("standing", Standing)
def test_a_schema_that_is_not_for_us_is_a_reason(
    store: Store, monkeypatch: pytest.MonkeyPatch, standing: Standing
) -> None:
    monkeypatch.setattr(Store, "standing", lambda _: standing)
    overload = Overload(store, None, 3, Clock())  # type: ignore[arg-type]
    assert overload.reason() == (None if standing.usable else standing)


def test_a_store_that_cannot_be_read_is_left_to_those_who_write(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(_connection: object, more_than: int) -> bool:
        raise StoreUnavailable("OperationalError")

    monkeypatch.setattr(status, "has_backlog", away)
    assert Overload(store, None, 3, lambda: NOW).reason() is None


@pytest.mark.parametrize("cause", [Cause.CORRUPT, Cause.INCOMPLETE, Cause.RIGHTS_MISSING])
def test_a_store_that_is_known_to_be_damaged_is_a_reason_though_a_row_could_be_added(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, cause: Cause
) -> None:
    """The screens say that webhooks are refused, and the cure throws away what was taken."""

    def damaged(_: Store) -> None:
        raise StoreUnavailable(cause, Refusal(cause))

    with monkeypatch.context() as patched:
        patched.setattr(Store, "look_for_damage", damaged)
        response = receiver.post()
        told = {"status": "unavailable", "reason": "store_unreachable"}
        assert (response.status_code, response.get_json()) == (503, told)
    receiver.now += LOOK_EVERY
    assert receiver.post().status_code == 202


def test_a_refused_webhook_gets_503_and_when_to_come_back_and_changes_nothing(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = receiver.dump()
    monkeypatch.setattr(Overload, "reason", lambda _: "disk")
    response = receiver.post()
    assert (response.status_code, response.get_json()) == (503, {"status": "unavailable", "reason": "disk"})
    assert response.headers["Retry-After"] == "30"
    assert receiver.dump() == before
    assert receiver.flush_refusals() == {("mds", "disk"): 1}
