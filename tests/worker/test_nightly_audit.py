"""The audit of the night, which a worker does beside the work."""

import threading
import time
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from connectors.base import (
    Permanent,
    Scope,
    Temporary,
)
from mock_exchange import FaultKind
from receiver.config import AuditSettings, EwsCalendar
from receiver.core.mailboxes import Mailbox
from receiver.operations.audit import nightly
from receiver.store import StoreUnavailable, counters
from receiver.store.tools import audit
from receiver.store.work import leases
from receiver.worker import periodic, server_threads
from receiver.worker.periodic import LOOK_AGAIN
from tests.lab.waiting import wait_until
from tests.lab.worker_harness import CALENDAR, HERS, HIS, WorkerHarness
from tests.makers import KARIM, MARTINE, NOW
from tests.worker.periodic_harness import UNAUTHORIZED, PeriodicHarness

PARIS = ZoneInfo("Europe/Paris")
SECOND = timedelta(seconds=1)


def night_of(periodic_harness: PeriodicHarness) -> datetime:
    """The first moment of the coming night at which this installation's audit may begin."""
    moment = datetime(2026, 12, 2, 0, 0, tzinfo=PARIS)
    while not nightly.is_time(periodic_harness.installation, moment):
        moment += timedelta(minutes=1)
    return moment


def test_audits_begin_in_the_small_hours_and_not_all_at_once() -> None:
    minutes = [datetime(2026, 12, 2, 0, 0, tzinfo=PARIS) + timedelta(minutes=number) for number in range(24 * 60)]
    begins = set()
    for number in range(40):
        allowed = [minute for minute in minutes if nightly.is_time(f"installation {number}", minute)]
        assert allowed[0].hour in {2, 3, 4}
        assert allowed[-1] == datetime(2026, 12, 2, 4, 59, tzinfo=PARIS)
        begins.add(allowed[0])
    assert len(begins) > 20


@pytest.fixture
def at_night(periodic_harness: PeriodicHarness) -> PeriodicHarness:
    periodic_harness.tell(MARTINE, KARIM)
    periodic_harness.tell(MARTINE, number=2)
    periodic_harness.work()
    periodic_harness.store.moment = night_of(periodic_harness)
    return periodic_harness


KINDS = ("audit/missing", "audit/doubled", "audit/foreign", "audit/orphaned")


def leave_the_audit_alone_to_ask(at_night: PeriodicHarness) -> None:
    """Have the other questions count as just asked."""
    for task in ("clock/exchange", "reach/exchange"):
        at_night.store.write(counters.take_turn, task, SECOND, at_night.store.moment)


def found(periodic_harness: PeriodicHarness) -> dict[str, int]:
    return {
        name: figure.value
        for name, figure in periodic_harness.store.read(counters.figures_named).items()
        if name.startswith("audit")
    }


def test_a_nights_audit_leaves_what_it_found(at_night: PeriodicHarness) -> None:
    at_night.exchange.held[HERS].popitem()
    [item] = at_night.exchange.held[HIS].values()
    at_night.exchange.held[HIS][item.item_id] = replace(item, entry=replace(item.entry, title="changed"))
    before = at_night.store.read(audit.recorded, Mailbox(CALENDAR, HERS))
    at_night.look(at_night.host())
    assert found(at_night) == {
        "audit": 2, "audit/left_out": 0, "audit/missing": 1, "audit/doubled": 0, "audit/foreign": 1, "audit/orphaned": 0
    }  # fmt: skip
    [line] = at_night.lines("audited")
    assert (line["mailboxes"], line["missing"], line["foreign"]) == (2, 1, 1)
    assert at_night.store.read(audit.recorded, Mailbox(CALENDAR, HERS)) == before, "nothing is repaired"
    assert at_night.asked("apply") == 2, "as before the night"


def test_one_host_audits_once_a_night(at_night: PeriodicHarness) -> None:
    for _ in range(3):
        at_night.look(at_night.host(at_night.a_crew()))
        at_night.look(at_night.lookouts[-1], LOOK_AGAIN)
    assert at_night.asked("list") == 2
    at_night.store.moment = night_of(at_night) + timedelta(days=1)
    at_night.look(at_night.lookouts[0])
    assert at_night.asked("list") == 4


def test_by_day_nothing_is_audited_nor_where_it_is_switched_off(at_night: PeriodicHarness) -> None:
    at_night.store.moment = NOW + timedelta(hours=2)
    at_night.look(at_night.host())
    at_night.store.moment = night_of(at_night)
    at_night.settings = at_night.settings.replace(audit=AuditSettings(scheduled=False))
    at_night.look(at_night.host())
    assert (at_night.asked("list"), found(at_night)) == (0, {})


def test_work_that_comes_in_goes_before_the_rest_of_an_audit(
    at_night: PeriodicHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_threads, "ASK_AGAIN_S", 0.01)
    come = iter([True])

    def interrupt() -> None:
        if next(come, False):
            at_night.tell(MARTINE, number=3)

    at_night.exchange.during = interrupt
    leave_the_audit_alone_to_ask(at_night)
    here = at_night.host()
    here.tick(at_night.store.moment)
    wait_until(lambda: at_night.store.read(leases.has_work, CALENDAR, at_night.store.moment))
    time.sleep(0.05)
    assert at_night.asked("list") == 1, "it waits"
    at_night.work()
    here.join(time.monotonic() + 30)
    assert found(at_night)["audit"] == 2


def test_an_audit_that_is_interrupted_leaves_no_half_figures_and_is_done_anew(
    at_night: PeriodicHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_threads, "ASK_AGAIN_S", 0.01)
    first = at_night.host()
    at_night.exchange.during = first.stop
    at_night.look(first)
    at_night.exchange.during = lambda: None
    assert (at_night.asked("list") <= 1, found(at_night)) == (True, {})
    at_night.look(at_night.host(), LOOK_AGAIN)
    assert found(at_night)["audit"] == 2


def test_an_audit_that_loses_its_store_for_a_moment_is_done_anew(
    at_night: PeriodicHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = at_night.host()
    with monkeypatch.context() as broken:

        def away(*_: object) -> None:
            raise StoreUnavailable("OperationalError")

        broken.setattr(audit, "recorded", away)
        at_night.look(here)
    assert found(at_night) == {}
    at_night.look(here, LOOK_AGAIN)
    assert found(at_night)["audit"] == 2


def test_a_server_in_trouble_is_left_out_and_one_that_none_answers_leaves_no_figures(
    at_night: PeriodicHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(periodic, "QUESTION_LIMIT_S", 0.0)
    monkeypatch.setattr(server_threads, "ASK_AGAIN_S", 0.01)
    at_night.exchange.error = Temporary("connection_failed", Scope.SERVER)
    leave_the_audit_alone_to_ask(at_night)
    here = at_night.host()
    at_night.look(here)
    assert at_night.asked("list") <= 1
    assert found(at_night) == {}
    assert [line["interrupted"] for line in at_night.lines("audit_given_up")] == [False]
    at_night.exchange.error = None
    monkeypatch.setattr(periodic, "QUESTION_LIMIT_S", 10.0)  # whether it answers is asked at the same time
    at_night.look(here, LOOK_AGAIN)
    assert found(at_night)["audit"] == 2


def test_a_mailbox_that_cannot_be_read_is_counted_among_those_left_out(at_night: PeriodicHarness) -> None:
    def deny() -> None:
        if at_night.exchange.calls[-1] == ("list", HIS):
            raise Permanent("access_denied", Scope.MAILBOX)

    at_night.exchange.during = deny
    at_night.look(at_night.host())
    assert (found(at_night)["audit"], found(at_night)["audit/left_out"]) == (1, 1)


def test_an_audit_meets_a_refused_account_once(at_night: PeriodicHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(periodic, "QUESTION_LIMIT_S", 0.1)
    monkeypatch.setattr(server_threads, "ASK_AGAIN_S", 0.01)
    at_night.exchange.calls.clear()
    at_night.exchange.error = UNAUTHORIZED
    leave_the_audit_alone_to_ask(at_night)
    at_night.look(at_night.host())
    assert at_night.asked("list", "probe", "find") == 1


def test_over_ews_an_audit_and_a_clock_cost_few_posts_and_a_refusal_one(
    harness: WorkerHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(periodic, "QUESTION_LIMIT_S", 0.0)
    harness.tell()
    harness.work()
    door = EwsCalendar(name=CALENDAR, server=harness.exchange.url, version="Exchange2016", username="svc")
    settings = harness.settings.replace(calendars={CALENDAR: door})
    visitors = {CALENDAR: harness.crew.for_questions(threading.Event())}
    before = len(harness.exchange.requests)
    night = nightly.run(harness.store, settings, visitors)
    assert night is not None
    assert (night.looked_into, night.left_out, sum(night.counts.values())) == (2, 0, 0)
    assert len(harness.exchange.requests) - before == 6
    ahead_s = harness.crew.for_questions(threading.Event()).probe(HERS).clock_ahead_s
    assert ahead_s is not None
    assert len(harness.exchange.requests) - before == 8
    harness.inject(FaultKind.UNAUTHORIZED, times=None)
    assert nightly.run(harness.store, settings, visitors) is None
    assert len(harness.exchange.requests) - before == 9
