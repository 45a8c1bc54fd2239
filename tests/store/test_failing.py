"""What fails, one by one; retries and what an operator lets be, as rows."""

from datetime import timedelta

import pytest

from receiver.operations import failures
from receiver.store import Store
from receiver.store.reports import overview, status
from receiver.store.reports.overview import FailureScope
from receiver.store.tools import failures as stored_failures
from receiver.store.tools.failures import Chosen
from receiver.store.work import leases, settling
from tests.makers import NOW
from tests.store.failing_ground import HERS, HIS, LEASE, block, fail_event, hear, place, refuse

ALL = Chosen()


@pytest.fixture
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Store, "now", lambda _: NOW)


def names(store: Store, scope: FailureScope, chosen: Chosen = ALL) -> list[tuple[str, str, str]]:
    return [
        (each.code, each.address, each.event) for each in store.read(stored_failures.listed, scope, chosen, 0, 100)[0]
    ]


def test_each_scope_names_what_fails_as_people_know_it(store: Store) -> None:
    hear(store, 5)
    place(store, {HERS: "d1"})
    refuse(store)
    hear(store, 6)
    place(store, {HIS: "d1"})
    block(store)
    hear(store, 7)
    fail_event(store)
    assert names(store, FailureScope.ENTRY) == [("invalid_item", HERS.address, "Rdv 5")]
    assert names(store, FailureScope.MAILBOX) == [("impersonation_denied", HIS.address, "")]
    assert names(store, FailureScope.EVENT) == [("recurrence_not_holdable", "", "Rdv 7")]
    assert [(each.scope, each.count) for each in store.read(overview.failures, NOW)] == [
        ("mailbox", 1),
        ("entry", 1),
        ("event", 1),
    ]


def test_a_long_list_is_read_page_by_page(store: Store) -> None:
    for number in range(1, 6):
        hear(store, number)
    place(store, {HERS: "d1"})
    refuse(store)
    [group] = store.read(overview.failures, NOW)
    first, after = store.read(stored_failures.listed, FailureScope.ENTRY, ALL, 0, 3)
    assert after is not None
    rest, end = store.read(stored_failures.listed, FailureScope.ENTRY, ALL, after, 3)
    assert ([each.event for each in first + rest], end) == ([f"Rdv {number}" for number in range(1, 6)], None)
    assert len(failures.members(store, group, None)) == 5
    assert len(failures.members(store, group, 2)) == 2


@pytest.mark.usefixtures("_clock")
def test_entries_that_were_given_up_are_handed_out_again(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored_failures, "AT_ONCE", 2)
    for number in range(1, 6):
        hear(store, number)
    place(store, {HERS: "d1"})
    refuse(store)
    assert not store.read(leases.has_work, "exchange", NOW)
    assert failures.retry(store, "entry", "invalid_item", "exchange") == 5
    work = store.claim("exchange", NOW, 100, LEASE)
    assert work is not None
    assert len(work.items) == 5
    assert failures.retry(store, "entry", None, None) == 0, "they are due already"


@pytest.mark.usefixtures("_clock")
def test_a_blocked_mailbox_is_tried_at_once(store: Store) -> None:
    hear(store, 5)
    place(store, {HERS: "d1"})
    block(store)
    assert not store.read(leases.has_work, "exchange", NOW)
    assert failures.retry(store, "mailbox", "impersonation_denied", "exchange") == 1
    work = store.claim("exchange", NOW, 100, LEASE)
    assert work is not None
    assert (work.mailbox, work.attempts) == (HERS, 0)
    assert [group.scope for group in store.read(overview.failures, NOW)] == ["mailbox"], (
        "it fails until it is seen to work"
    )
    assert failures.retry(store, "mailbox", None, None) == 0


@pytest.mark.usefixtures("_clock")
def test_an_event_that_could_be_shown_nowhere_is_decided_anew(store: Store) -> None:
    hear(store, 5)
    fail_event(store)
    assert failures.retry(store, "event", "recurrence_not_holdable", "") == 1
    assert store.read(settling.has_unsettled)


@pytest.mark.usefixtures("_clock")
def test_what_is_not_meant_stays(store: Store) -> None:
    for number in (5, 6):
        hear(store, number)
    place(store, {HERS: "d1", HIS: "d1"})
    refuse(store)
    for chosen, expected in (
        (Chosen(code="other"), 0),
        (Chosen(calendar="other"), 0),
        (Chosen(address="nobody@departement.example"), 0),
        (Chosen(event="7"), 0),
        (Chosen(event="9" * 40), 0),
        (Chosen(event="5", address=HERS.address), 1),
        (Chosen(event="Rdv/uuid-6@production"), 2),
        (Chosen(code="invalid_item", calendar="exchange"), 1),
    ):
        assert failures.retry_all(store, chosen).total == expected, chosen


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        (ALL, ["mailbox", "entry", "event"]),
        (Chosen(event="5"), ["entry", "event"]),
        (Chosen(address="a@x.example"), ["mailbox", "entry"]),
        (Chosen(calendar="exchange"), ["mailbox", "entry"]),
    ],
)
def test_a_mailbox_is_no_event_and_an_event_has_no_server(chosen: Chosen, expected: list[str]) -> None:
    assert failures.scopes(chosen) == expected


def test_what_is_let_be_fails_no_more_and_is_not_tried(store: Store) -> None:
    hear(store, 5)
    place(store, {HERS: "d1", HIS: "d1"})
    refuse(store)
    assert store.write(stored_failures.dismiss, Chosen(event="5", address=HERS.address)) == (1, 0)
    assert names(store, FailureScope.ENTRY) == [("invalid_item", HIS.address, "Rdv 5")]
    assert store.write(stored_failures.dismiss, Chosen(event="5")) == (1, 0)
    assert (store.read(overview.failures, NOW), store.read(status.look, [], [], NOW).entries) == ([], ())
    assert not store.read(leases.has_work, "exchange", NOW + timedelta(days=365))
    assert store.write(stored_failures.dismiss, Chosen(event="5")) == (0, 0)


def test_a_rehearsal_changes_nothing(store: Store) -> None:
    hear(store, 5)
    place(store, {HERS: "d1"})
    refuse(store)
    assert store.rehearse(stored_failures.dismiss, Chosen(event="5")) == (1, 0)
    assert [group.count for group in store.read(overview.failures, NOW)] == [1]


def test_what_was_let_be_comes_back_when_the_event_changes(store: Store) -> None:
    hear(store, 5)
    place(store, {HERS: "d1"})
    refuse(store)
    store.write(stored_failures.dismiss, Chosen(event="5"))
    hear(store, 5, age_s=30, motif="Another")
    place(store, {HERS: "d2"})
    assert store.read(leases.has_work, "exchange", NOW)


@pytest.mark.usefixtures("_clock")
def test_what_was_let_be_comes_back_by_its_name_only(store: Store) -> None:
    hear(store, 5)
    place(store, {HERS: "d1"})
    refuse(store)
    store.write(stored_failures.dismiss, Chosen(event="5"))
    assert failures.retry_all(store, ALL).total == 0
    assert failures.retry_all(store, Chosen(event="5")).entries == 1
    assert store.read(leases.has_work, "exchange", NOW)


def test_an_event_that_is_let_be_is_shown_no_more_until_it_is_decided_anew(store: Store) -> None:
    hear(store, 5)
    fail_event(store)
    assert store.write(stored_failures.dismiss, Chosen(event="5")) == (0, 1)
    assert store.read(overview.failures, NOW) == []
    hear(store, 5, age_s=30, motif="Another")
    fail_event(store)
    assert [group.scope for group in store.read(overview.failures, NOW)] == ["event"]
