"""What is taken for gone, and what is not, where only the platform's own word counts."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from emitter.rest import RestPlatform, RestServer
from receiver.config import Source
from receiver.core.facts import Delivery, Emitter, EventKind, Model
from receiver.operations.resync.missing import Finding, Judged, judge, remove
from receiver.store import Store
from receiver.store.intake import judge_batch
from receiver.store.tools import resync
from receiver.store.tools.resync import HeldEvent, Scope
from tests.lab.configuration import signing
from tests.makers import a_delivery, incoming
from tests.resync.instance import an_api, an_instance, an_rdv

SINCE = datetime.now(UTC) - timedelta(hours=1)
SOURCE = Source(name="mds", emitter=Emitter.RDV_SERVICE_PUBLIC, platform="production", secrets=(signing("s"),))
SCOPE = Scope("mds", frozenset({Model.RDV}), frozenset({12}))


@pytest.fixture
def platform() -> Iterator[tuple[RestPlatform, str]]:
    platform = an_instance()
    with RestServer(platform) as server:
        yield platform, server.url


def a_told_rdv(number: int, age: timedelta, **changes: Any) -> Delivery:
    changes = {"uuid": None, "organisation": 12} | changes
    return a_delivery(age.total_seconds(), now=datetime.now(UTC), wire_id=number, **changes)


def tell(store: Store, *numbers: int, age: timedelta = timedelta(days=2), **changes: Any) -> None:
    at = datetime.now(UTC) - age
    store.write(
        judge_batch.take, [incoming(a_told_rdv(number, age, **changes), received_at=at) for number in numbers], at
    )


def found(store: Store, url: str) -> dict[int, Finding]:
    with an_api(url) as api:
        judged = judge(api, store, "mds", store.read(resync.not_sent, SCOPE, SINCE), SINCE, lambda: None)
    return {each.event.wire_id: each.finding for each in judged}


def test_a_rdv_is_asked_for_alone_before_it_is_believed_gone(store: Store, platform: tuple[RestPlatform, str]) -> None:
    """Pages shift while appointments come and go: one may slip between two of them."""
    instance, url = platform
    there = [an_rdv(1), an_rdv(2)]
    instance.rdvs = lambda _who, _where, ids: [  # type: ignore[method-assign]
        each for each in there if each.id in ids and (each.id != 1 or ids == [1])
    ]
    tell(store, 1, 2, 3)
    assert found(store, url) == {1: Finding.EXISTS, 2: Finding.EXISTS, 3: Finding.GONE}


def test_one_that_just_came_and_is_not_shown_spoils_the_proof(store: Store, platform: tuple[RestPlatform, str]) -> None:
    instance, url = platform
    instance.hold(an_rdv(2))
    tell(store, 1, 2)
    tell(store, 3, age=timedelta(minutes=1))
    assert found(store, url) == {1: Finding.HIDDEN, 2: Finding.EXISTS}
    instance.hold(an_rdv(3))
    assert found(store, url) == {1: Finding.GONE, 2: Finding.EXISTS}


def test_another_motif_or_organisation_proves_nothing(store: Store, platform: tuple[RestPlatform, str]) -> None:
    instance, url = platform
    instance.hold(an_rdv(2), an_rdv(3))
    tell(store, 1)
    tell(store, 2, motif="Suivi social")
    assert found(store, url) == {1: Finding.HIDDEN, 2: Finding.EXISTS}


def test_there_is_nothing_to_ask(store: Store, platform: tuple[RestPlatform, str]) -> None:
    assert found(store, platform[1]) == {}


def gone(store: Store) -> list[Judged]:
    return [Judged(event, Finding.GONE) for event in store.read(resync.not_sent, SCOPE, SINCE)]


def uids(events: tuple[HeldEvent, ...]) -> list[str]:
    return [event.uid for event in events]


def test_what_was_told_of_in_the_meantime_stays(store: Store) -> None:
    tell(store, 1, 2)
    judged = gone(store)
    tell(store, 1, age=timedelta(minutes=1))
    assert uids(remove(store, SOURCE, judged, SCOPE, SINCE, force=True).removed) == ["Rdv/2@production"]
    assert store.read(resync.count_live, SCOPE) == 1


def test_only_what_is_gone_is_removed(store: Store) -> None:
    tell(store, *range(1, len(Finding) + 1))
    judged = [
        Judged(event, finding)
        for event, finding in zip(store.read(resync.not_sent, SCOPE, SINCE), Finding, strict=True)
    ]
    assert len(remove(store, SOURCE, judged, SCOPE, SINCE, force=False).removed) == 1
    assert store.read(resync.count_live, SCOPE) == len(Finding) - 1


def test_to_remove_twice_is_to_remove_once(store: Store) -> None:
    tell(store, 1)
    judged = gone(store)
    assert len(remove(store, SOURCE, judged, SCOPE, SINCE, force=False).removed) == 1
    assert remove(store, SOURCE, judged, SCOPE, SINCE, force=False).removed == ()


def test_a_late_webhook_does_not_bring_back_what_is_gone(store: Store) -> None:
    """The finding counts as the platform's own `destroyed`, which is final."""
    tell(store, 1)
    remove(store, SOURCE, gone(store), SCOPE, SINCE, force=False)
    tell(store, 1, age=timedelta(minutes=1))
    tell(store, 1, age=timedelta(seconds=1), kind=EventKind.DESTROYED)
    assert store.read(resync.count_live, SCOPE) == 0


def test_many_wait_for_a_confirmation(store: Store) -> None:
    tell(store, *range(1, 26))
    few, many = gone(store)[:20], gone(store)[:21]
    assert remove(store, SOURCE, many, SCOPE, SINCE, force=False).held == 21
    assert store.read(resync.count_live, SCOPE) == 25
    assert len(remove(store, SOURCE, few, SCOPE, SINCE, force=False).removed) == 20
    tell(store, *range(101, 126))
    assert len(remove(store, SOURCE, gone(store), SCOPE, SINCE, force=True).removed) == 30
