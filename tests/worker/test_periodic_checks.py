"""What a worker leaves word of beside the work: agents to map, certificates and clocks."""

import threading
from dataclasses import replace
from datetime import timedelta

import pytest

from connectors.base import (
    Certificate,
    Scope,
    Temporary,
)
from receiver.core.facts import AgentRef
from receiver.core.servers import Server
from receiver.store import Figure
from receiver.worker.periodic import BUSY, COUNT_EVERY, LOOK_AGAIN, LOOK_EVERY, Lookout
from receiver.worker.server_threads import CallsStuck, GateClosed
from tests.lab.waiting import wait_until
from tests.lab.worker_harness import CALENDAR, HERS, HIS
from tests.makers import KARIM, MARTINE, NOW
from tests.worker.periodic_harness import UNAUTHORIZED, Watch

SECOND = timedelta(seconds=1)


# Agents without a mailbox


def test_agents_to_be_mapped_are_counted_each_minute_by_one_host(watch: Watch) -> None:
    watch.tell(MARTINE, AgentRef("40", "someone@else.example"), AgentRef("41", "another@else.example"))
    here, there = watch.host(), watch.host(watch.a_crew())
    watch.look(here)
    assert watch.figure("unmapped") == Figure(2, NOW)
    watch.tell(AgentRef("42", "third@else.example"), number=2)
    watch.look(there, COUNT_EVERY - SECOND)
    assert watch.figure("unmapped") == Figure(2, NOW)
    watch.look(there, COUNT_EVERY)
    assert watch.figure("unmapped") == Figure(3, watch.store.moment)


def test_in_a_dry_run_agents_are_counted_and_no_server_is_asked(watch: Watch) -> None:
    dry = Lookout(watch.store, watch.settings, watch.settings.ruleset(), [], watch.installation)
    watch.lookouts.append(dry)
    watch.look(dry)
    assert (watch.figure("unmapped"), watch.exchange.calls) == (Figure(0, NOW), [])


# Certificates


def test_the_end_of_a_certificate_is_noted_at_the_start_and_every_six_hours(watch: Watch) -> None:
    watch.exchange.shown = Certificate(expires_at=NOW + timedelta(days=90))
    here = watch.host()
    watch.look(here)
    assert watch.figure("certificate/exchange") == Figure(int((NOW + timedelta(days=90)).timestamp()), NOW)
    for _ in range(int(LOOK_EVERY / LOOK_AGAIN) - 1):
        watch.look(here, LOOK_AGAIN)
    assert watch.asked("certificate") == 1
    watch.look(here, LOOK_AGAIN)
    assert watch.asked("certificate") == 2


def test_hosts_that_start_together_look_once(watch: Watch) -> None:
    watch.exchange.shown = Certificate(expires_at=NOW + timedelta(days=90))
    for _ in range(3):
        watch.look(watch.host(watch.a_crew()))
    assert watch.asked("certificate") == 1


@pytest.mark.parametrize(
    "shown", [Certificate("tls_untrusted", NOW + timedelta(days=90)), Certificate(None, NOW + timedelta(days=20))]
)
def test_a_certificate_in_trouble_is_looked_at_again_soon(watch: Watch, shown: Certificate) -> None:
    """Who renews it wants to see that it is well."""
    watch.exchange.shown = shown
    here = watch.host()
    watch.look(here)
    assert watch.figure("certificate/exchange") is not None
    watch.exchange.shown = Certificate(expires_at=NOW + timedelta(days=365))
    watch.look(here, LOOK_AGAIN)
    assert watch.figure("certificate/exchange") == Figure(
        int((NOW + timedelta(days=365)).timestamp()), watch.store.moment
    )


def test_a_door_that_does_not_open_is_told_in_the_log_alone(watch: Watch) -> None:
    watch.exchange.shown = Certificate("connection_failed")
    watch.look(watch.host())
    assert watch.figure("certificate/exchange") is None
    assert [line["code"] for line in watch.lines("certificate_look_failed")] == ["connection_failed"]
    assert watch.store.server(CALENDAR) is None


def test_where_there_is_no_tls_there_is_no_figure(watch: Watch) -> None:
    here = watch.host()
    watch.look(here)
    watch.look(here, LOOK_AGAIN)
    assert (watch.figure("certificate/exchange"), watch.asked("certificate")) == (None, 1)


# Clocks


def written(watch: Watch) -> Lookout:
    """A host that has written into a mailbox."""
    watch.tell(MARTINE)
    watch.work()
    watch.exchange.calls.clear()
    return watch.host()


def test_a_servers_clock_is_read_in_the_mailbox_that_was_written_last(watch: Watch) -> None:
    watch.tell(MARTINE)
    watch.work()
    watch.store.moment += timedelta(minutes=5)
    watch.tell(KARIM, number=2)
    watch.work()
    watch.exchange.ahead_s = -3.4
    watch.look(watch.host())
    assert [call for call in watch.exchange.calls if call[0] == "probe"] == [("probe", HIS)]
    assert watch.figure("clock/exchange") == Figure(-3, watch.store.moment)


def test_nobody_asks_before_anything_was_written(watch: Watch) -> None:
    here = watch.host()
    watch.look(here)
    assert watch.asked("probe") == 0
    watch.tell(MARTINE)
    watch.work()
    watch.look(here, BUSY)
    assert watch.asked("probe") == 1


def test_a_clock_that_is_off_is_read_again_soon(watch: Watch) -> None:
    here = written(watch)
    watch.exchange.ahead_s = 400.0
    watch.look(here)
    watch.exchange.ahead_s = 0.0
    watch.look(here, LOOK_AGAIN)
    assert watch.figure("clock/exchange") == Figure(0, watch.store.moment)
    watch.look(here, LOOK_AGAIN)
    assert watch.asked("probe") == 2


def test_work_goes_before_a_look(watch: Watch) -> None:
    here = written(watch)
    watch.tell(MARTINE, number=2)
    watch.look(here)
    assert watch.asked("probe") == 0
    watch.work()
    watch.look(here, BUSY)
    assert watch.asked("probe") == 1


@pytest.mark.parametrize("code", ["connection_failed", "server_error", "tls_failed"])
def test_a_look_that_fails_makes_no_trouble_and_holds_up_no_work(watch: Watch, code: str) -> None:
    """A server that nobody needs at the moment would stay in trouble until somebody does."""
    here = written(watch)
    watch.exchange.error = Temporary(code, Scope.SERVER)
    watch.look(here)
    assert [line["code"] for line in watch.lines("clock_look_failed")] == [code]
    server = watch.store.server(CALENDAR)
    assert server is not None
    assert (server.failure, server.blocked_until) == (None, None)
    watch.exchange.error = None
    watch.tell(MARTINE, number=2)
    watch.work()
    assert watch.asked("apply") == 1
    watch.look(here, LOOK_AGAIN)
    assert watch.figure("clock/exchange") is not None


def test_a_refused_account_is_refused_for_all_and_not_tried_again_at_once(watch: Watch) -> None:
    """An Active Directory counts each attempt, of whatever errand."""
    here, another = written(watch), watch.a_crew()
    watch.exchange.error = UNAUTHORIZED
    watch.look(here)
    server = watch.store.server(CALENDAR)
    assert server is not None
    assert server.failure == "unauthorized"
    assert server.blocked_until is not None
    assert server.blocked_until >= watch.store.moment + timedelta(minutes=5)
    watch.tell(MARTINE, number=2)
    for crew in (watch.crew, another):
        assert not crew.work_once()
        with pytest.raises(GateClosed):
            crew.ask(lambda connector: connector.probe(HERS))
    watch.look(here, timedelta(minutes=4))
    assert len([call for call in watch.exchange.calls if call[0] != "certificate"]) == 1


def test_a_server_that_nobody_needs_is_found_well_again(watch: Watch) -> None:
    """Its trouble would else be told until somebody has work for it."""
    here = written(watch)
    watch.exchange.error = UNAUTHORIZED
    watch.look(here)
    watch.exchange.error = None
    watch.look(here, LOOK_AGAIN)
    server = watch.store.server(CALENDAR)
    assert server is not None
    assert server.failure is None
    assert watch.figure("clock/exchange") is not None


def test_a_look_that_never_comes_back_is_given_up_like_any_call(watch: Watch) -> None:
    here, go = written(watch), threading.Event()
    watch.crew._timings = replace(watch.crew._timings, lease=timedelta(0))
    watch.exchange.during = lambda: go.wait(30)
    try:
        here.tick(watch.store.moment)
        wait_until(lambda: watch.asked("probe"))

        def given_up() -> Server | None:
            watch.crew.look_after()
            server = watch.store.server(CALENDAR)
            return server if server and server.stuck_calls else None

        server = wait_until(given_up)
        assert server.stuck_calls == 1
        watch.crew.look_after()
        assert watch.store.server(CALENDAR) == server, "it is counted once"
        watch.crew.connections = 1
        watch.crew._stuck.clear()
        with pytest.raises(CallsStuck):
            watch.crew.look_after()
    finally:
        go.set()
