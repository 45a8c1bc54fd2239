"""What a worker leaves word of beside the work: agents to map, certificates and clocks."""

import threading
import time
from dataclasses import replace
from datetime import timedelta

import pytest

from connectors.base import (
    Certificate,
    Scope,
    Temporary,
)
from receiver.core.facts import AgentRef
from receiver.store.counters import Figure
from receiver.store.work import servers
from receiver.worker.periodic import BUSY, COUNT_EVERY, LOOK_AGAIN, LOOK_EVERY, Periodic
from receiver.worker.server_threads import CallsStuck, GateClosed
from tests.lab.waiting import wait_until
from tests.lab.worker_harness import CALENDAR, HERS, HIS
from tests.makers import KARIM, MARTINE, NOW
from tests.worker.periodic_harness import UNAUTHORIZED, PeriodicHarness

SECOND = timedelta(seconds=1)


# Agents without a mailbox


def test_agents_to_be_mapped_are_counted_each_minute_by_one_host(periodic_harness: PeriodicHarness) -> None:
    periodic_harness.tell(MARTINE, AgentRef("40", "someone@else.example"), AgentRef("41", "another@else.example"))
    here, there = periodic_harness.host(), periodic_harness.host(periodic_harness.a_crew())
    periodic_harness.look(here)
    assert periodic_harness.figure("unmapped") == Figure(2, NOW)
    periodic_harness.tell(AgentRef("42", "third@else.example"), number=2)
    periodic_harness.look(there, COUNT_EVERY - SECOND)
    assert periodic_harness.figure("unmapped") == Figure(2, NOW)
    periodic_harness.look(there, COUNT_EVERY)
    assert periodic_harness.figure("unmapped") == Figure(3, periodic_harness.store.moment)


def test_in_a_dry_run_agents_are_counted_and_no_server_is_asked(periodic_harness: PeriodicHarness) -> None:
    dry = Periodic(
        periodic_harness.store,
        periodic_harness.settings,
        periodic_harness.settings.ruleset(),
        [],
        periodic_harness.installation,
    )
    periodic_harness.lookouts.append(dry)
    periodic_harness.look(dry)
    assert (periodic_harness.figure("unmapped"), periodic_harness.exchange.calls) == (Figure(0, NOW), [])


# Certificates


def test_the_end_of_a_certificate_is_noted_at_the_start_and_every_six_hours(periodic_harness: PeriodicHarness) -> None:
    periodic_harness.exchange.shown = Certificate(expires_at=NOW + timedelta(days=90))
    here = periodic_harness.host()
    periodic_harness.look(here)
    assert periodic_harness.figure("certificate/exchange") == Figure(int((NOW + timedelta(days=90)).timestamp()), NOW)
    for _ in range(int(LOOK_EVERY / LOOK_AGAIN) - 1):
        periodic_harness.look(here, LOOK_AGAIN)
    assert periodic_harness.asked("certificate") == 1
    periodic_harness.look(here, LOOK_AGAIN)
    assert periodic_harness.asked("certificate") == 2


def test_hosts_that_start_together_look_once(periodic_harness: PeriodicHarness) -> None:
    periodic_harness.exchange.shown = Certificate(expires_at=NOW + timedelta(days=90))
    for _ in range(3):
        periodic_harness.look(periodic_harness.host(periodic_harness.a_crew()))
    assert periodic_harness.asked("certificate") == 1


@pytest.mark.parametrize(
    "shown", [Certificate("tls_untrusted", NOW + timedelta(days=90)), Certificate(None, NOW + timedelta(days=20))]
)
def test_a_certificate_in_trouble_is_looked_at_again_soon(
    periodic_harness: PeriodicHarness, shown: Certificate
) -> None:
    """Who renews it wants to see that it is well."""
    periodic_harness.exchange.shown = shown
    here = periodic_harness.host()
    periodic_harness.look(here)
    assert periodic_harness.figure("certificate/exchange") is not None
    periodic_harness.exchange.shown = Certificate(expires_at=NOW + timedelta(days=365))
    periodic_harness.look(here, LOOK_AGAIN)
    assert periodic_harness.figure("certificate/exchange") == Figure(
        int((NOW + timedelta(days=365)).timestamp()), periodic_harness.store.moment
    )


def test_a_door_that_does_not_open_is_told_in_the_log_alone(periodic_harness: PeriodicHarness) -> None:
    periodic_harness.exchange.shown = Certificate("connection_failed")
    periodic_harness.look(periodic_harness.host())
    assert periodic_harness.figure("certificate/exchange") is None
    assert [line["code"] for line in periodic_harness.lines("certificate_look_failed")] == ["connection_failed"]
    assert periodic_harness.store.read(servers.find, CALENDAR) is None


def test_where_there_is_no_tls_there_is_no_figure(periodic_harness: PeriodicHarness) -> None:
    here = periodic_harness.host()
    periodic_harness.look(here)
    periodic_harness.look(here, LOOK_AGAIN)
    assert (periodic_harness.figure("certificate/exchange"), periodic_harness.asked("certificate")) == (None, 1)


# Clocks


def written(periodic_harness: PeriodicHarness) -> Periodic:
    """A host that has written into a mailbox."""
    periodic_harness.tell(MARTINE)
    periodic_harness.work()
    periodic_harness.exchange.calls.clear()
    return periodic_harness.host()


def test_a_servers_clock_is_read_in_the_mailbox_that_was_written_last(periodic_harness: PeriodicHarness) -> None:
    periodic_harness.tell(MARTINE)
    periodic_harness.work()
    periodic_harness.store.moment += timedelta(minutes=5)
    periodic_harness.tell(KARIM, number=2)
    periodic_harness.work()
    periodic_harness.exchange.ahead_s = -3.4
    periodic_harness.look(periodic_harness.host())
    assert [call for call in periodic_harness.exchange.calls if call[0] == "probe"] == [("probe", HIS)]
    assert periodic_harness.figure("clock/exchange") == Figure(-3, periodic_harness.store.moment)


def test_nobody_asks_before_anything_was_written(periodic_harness: PeriodicHarness) -> None:
    here = periodic_harness.host()
    periodic_harness.look(here)
    assert periodic_harness.asked("probe") == 0
    periodic_harness.tell(MARTINE)
    periodic_harness.work()
    periodic_harness.look(here, BUSY)
    assert periodic_harness.asked("probe") == 1


def test_a_clock_that_is_off_is_read_again_soon(periodic_harness: PeriodicHarness) -> None:
    here = written(periodic_harness)
    periodic_harness.exchange.ahead_s = 400.0
    periodic_harness.look(here)
    periodic_harness.exchange.ahead_s = 0.0
    periodic_harness.look(here, LOOK_AGAIN)
    right = Figure(0, periodic_harness.store.moment)
    assert periodic_harness.figure("clock/exchange") == right
    periodic_harness.look(here, LOOK_AGAIN)
    assert periodic_harness.figure("clock/exchange") == right, "it is not read again so soon"


def test_work_goes_before_a_look(periodic_harness: PeriodicHarness) -> None:
    here = written(periodic_harness)
    periodic_harness.tell(MARTINE, number=2)
    periodic_harness.look(here)
    assert periodic_harness.asked("probe") == 0
    periodic_harness.work()
    periodic_harness.look(here, BUSY)
    assert periodic_harness.asked("probe") == 1


@pytest.mark.parametrize("code", ["connection_failed", "server_error", "tls_failed"])
def test_a_look_that_fails_makes_no_trouble_and_holds_up_no_work(periodic_harness: PeriodicHarness, code: str) -> None:
    """A server that nobody needs at the moment would stay in trouble until somebody does."""
    here = written(periodic_harness)
    periodic_harness.exchange.error = Temporary(code, Scope.SERVER)
    periodic_harness.look(here)
    assert [line["code"] for line in periodic_harness.lines("clock_look_failed")] == [code]
    server = periodic_harness.store.read(servers.find, CALENDAR)
    assert server is not None
    assert (server.failure, server.blocked_until) == (None, None)
    periodic_harness.exchange.error = None
    periodic_harness.tell(MARTINE, number=2)
    periodic_harness.work()
    assert periodic_harness.asked("apply") == 1
    periodic_harness.look(here, LOOK_AGAIN)
    assert periodic_harness.figure("clock/exchange") is not None


def test_a_refused_account_is_refused_for_all_and_not_tried_again_at_once(periodic_harness: PeriodicHarness) -> None:
    """An Active Directory counts each attempt, of whatever errand."""
    here, another = written(periodic_harness), periodic_harness.a_crew()
    periodic_harness.exchange.error = UNAUTHORIZED
    periodic_harness.look(here)
    server = periodic_harness.store.read(servers.find, CALENDAR)
    assert server is not None
    assert server.failure == "unauthorized"
    assert server.blocked_until is not None
    assert server.blocked_until >= periodic_harness.store.moment + timedelta(minutes=5)
    periodic_harness.tell(MARTINE, number=2)
    for crew in (periodic_harness.crew, another):
        assert not crew.work_once()
        with pytest.raises(GateClosed):
            crew.for_questions(threading.Event()).probe(HERS)
    periodic_harness.look(here, timedelta(minutes=4))
    assert len([call for call in periodic_harness.exchange.calls if call[0] != "certificate"]) == 1


def test_a_server_that_nobody_needs_is_found_well_again(periodic_harness: PeriodicHarness) -> None:
    """Its trouble would else be told until somebody has work for it."""
    here = written(periodic_harness)
    periodic_harness.exchange.error = UNAUTHORIZED
    periodic_harness.look(here)
    periodic_harness.exchange.error = None
    periodic_harness.look(here, LOOK_AGAIN)
    server = periodic_harness.store.read(servers.find, CALENDAR)
    assert server is not None
    assert server.failure is None
    periodic_harness.look(here, BUSY)  # whether it answers may be asked at the same time: one call goes alone then
    assert periodic_harness.figure("clock/exchange") is not None


def test_a_look_that_never_comes_back_is_given_up_like_any_call(periodic_harness: PeriodicHarness) -> None:
    here, go = written(periodic_harness), threading.Event()
    periodic_harness.crew._timings = replace(periodic_harness.crew._timings, lease=timedelta(0))
    periodic_harness.exchange.during = lambda: go.wait(30)
    try:
        here.tick(periodic_harness.store.moment)
        wait_until(lambda: periodic_harness.asked("probe"))
        time.sleep(0.01)  # now it is late
        periodic_harness.crew.look_after()
        server = periodic_harness.store.read(servers.find, CALENDAR)
        assert server is not None
        assert server.stuck_calls == 1
        periodic_harness.crew.look_after()
        assert periodic_harness.store.read(servers.find, CALENDAR) == server, "it is counted once"
        periodic_harness.crew.connections = 1
        periodic_harness.crew._stuck.clear()
        with pytest.raises(CallsStuck):
            periodic_harness.crew.look_after()
    finally:
        go.set()
