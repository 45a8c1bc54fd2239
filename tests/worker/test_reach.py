"""A server that nobody has work for: whether it answers is found out nevertheless, and that it answers again."""

import threading
from contextlib import closing
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from connectors.base import ConnectorError, Permanent, Scope, Temporary
from connectors.ics_folder import IcsFolderConnector
from receiver.core.backoff import FIRST_DELAY_S, LONGEST_DELAY_S
from receiver.core.mailboxes import MailboxMap
from receiver.core.servers import ACCOUNT_PAUSE, ServerState
from receiver.store import Store
from receiver.store.work import servers
from receiver.worker.periodic import HEARD_WITHIN, REACH_AGAIN, Periodic
from receiver.worker.server_threads import ServerThreads
from tests.lab.worker_harness import CALENDAR, HERS, HIS, StoreInTime, WorkerHarness, wire
from tests.makers import KARIM, MARTINE
from tests.worker.periodic_harness import UNAUTHORIZED, PeriodicHarness

SECOND = timedelta(seconds=1)
SILENCE = HEARD_WITHIN + SECOND
"""An answer is heard a moment after it was asked for."""
DOWN = Temporary("connection_failed", Scope.SERVER)
HANGS = Temporary("timeout", Scope.MAILBOX)
LONGEST = timedelta(seconds=LONGEST_DELAY_S)


def state(store: Store, name: str = CALENDAR) -> ServerState:
    return store.read(servers.find, name) or ServerState(name)


def is_heard(periodic_harness: PeriodicHarness) -> bool:
    """Whether the server is well, and answered just now."""
    seen = state(periodic_harness.store)
    return seen.failure is None and seen.succeeded_at is not None and seen.succeeded_at >= periodic_harness.store.moment


def at_rest(periodic_harness: PeriodicHarness) -> Periodic:
    """A host that has written into both mailboxes, and has nothing more to do."""
    periodic_harness.tell(MARTINE, KARIM)
    periodic_harness.work()
    here = periodic_harness.host()
    periodic_harness.look(here)
    periodic_harness.exchange.calls.clear()
    return here


def test_a_server_that_is_down_is_found_failing_though_nothing_is_due_and_well_again(
    periodic_harness: PeriodicHarness,
) -> None:
    here = at_rest(periodic_harness)
    periodic_harness.exchange.error = DOWN
    periodic_harness.look(here, HEARD_WITHIN - SECOND)
    assert state(periodic_harness.store).failure is None
    periodic_harness.look(here, 2 * SECOND)
    down = state(periodic_harness.store)
    assert down.failure == "connection_failed"
    assert [line["code"] for line in periodic_harness.lines("server_does_not_answer")] == ["connection_failed"]
    periodic_harness.exchange.error = None
    periodic_harness.look(here, timedelta(seconds=FIRST_DELAY_S) + REACH_AGAIN)
    assert is_heard(periodic_harness)
    assert periodic_harness.asked("apply", "find") == 0, "nothing was written for it"


def test_while_it_is_down_the_pauses_grow_as_usual_and_no_webhook_is_needed(periodic_harness: PeriodicHarness) -> None:
    here = at_rest(periodic_harness)
    periodic_harness.exchange.error = DOWN
    periodic_harness.look(here, SILENCE)
    for _ in range(30 * 60 // 2):
        periodic_harness.look(here, REACH_AGAIN)
    assert 5 <= periodic_harness.asked("probe") <= 14
    periodic_harness.exchange.error = None
    periodic_harness.look(here, LONGEST)
    assert state(periodic_harness.store).failure is None


def test_a_server_that_never_answered_is_found_failing_as_soon(periodic_harness: PeriodicHarness) -> None:
    periodic_harness.exchange.error = DOWN
    here = periodic_harness.host()
    periodic_harness.look(here)
    assert periodic_harness.asked("probe") == 0
    periodic_harness.look(here, SILENCE)
    assert state(periodic_harness.store).failure == "connection_failed"


def test_where_no_mailbox_is_known_any_answer_will_do(periodic_harness: PeriodicHarness) -> None:
    mapping = MailboxMap(CALENDAR, domains={"ville.example": "departement.example"})
    periodic_harness.settings = periodic_harness.settings.replace(mailboxes=mapping)
    periodic_harness.exchange.error = Permanent("mailbox_not_found", Scope.MAILBOX)
    here = periodic_harness.host()
    periodic_harness.look(here)
    periodic_harness.look(here, SILENCE)
    assert [call for call in periodic_harness.exchange.calls if call[0] == "probe"] == [
        ("probe", "nobody@departement.example")
    ]
    assert is_heard(periodic_harness)


def test_where_calls_succeed_nobody_asks(periodic_harness: PeriodicHarness) -> None:
    here = at_rest(periodic_harness)
    for number in range(2, 8):
        periodic_harness.look(here, timedelta(minutes=3))
        periodic_harness.tell(MARTINE, number=number)
        periodic_harness.work()
    assert periodic_harness.asked("probe") == 0


def test_one_of_all_hosts_asks(periodic_harness: PeriodicHarness) -> None:
    at_rest(periodic_harness)
    hosts = [periodic_harness.host(periodic_harness.a_crew()) for _ in range(3)]
    for error, asked in ((None, 1), (DOWN, 2)):
        periodic_harness.exchange.error = error
        periodic_harness.store.moment += SILENCE
        for host in hosts:
            periodic_harness.look(host)
        assert periodic_harness.asked("probe") == asked
    assert state(periodic_harness.store).failure == "connection_failed"


def test_a_refused_account_is_tried_once_in_five_minutes_by_whichever_host(periodic_harness: PeriodicHarness) -> None:
    here, there = at_rest(periodic_harness), periodic_harness.host(periodic_harness.a_crew())
    periodic_harness.exchange.error = UNAUTHORIZED
    periodic_harness.store.moment += SILENCE
    tried = []

    def note() -> None:
        tried.append(periodic_harness.store.moment)

    periodic_harness.exchange.during = note
    for _ in range(60 * 60 // 10):
        for host in (here, there):
            periodic_harness.look(host, timedelta(seconds=5))
    assert len(tried) >= 4
    assert all(later - earlier >= ACCOUNT_PAUSE for earlier, later in pairwise(tried))


def test_a_mailbox_that_hangs_is_no_trouble_of_its_server(periodic_harness: PeriodicHarness) -> None:
    here = at_rest(periodic_harness)
    silent = {HERS, HIS}

    def hang() -> None:
        if periodic_harness.exchange.calls[-1][1] in silent:
            raise HANGS

    periodic_harness.exchange.during = hang
    silent.remove(HIS)
    periodic_harness.look(here, SILENCE)
    assert is_heard(periodic_harness)
    silent.add(HIS)
    periodic_harness.look(here, SILENCE)
    assert state(periodic_harness.store).failure == "timeout"


@pytest.mark.parametrize("error", [None, DOWN])
def test_a_dry_run_asks_nothing(periodic_harness: PeriodicHarness, error: ConnectorError | None) -> None:
    here = periodic_harness
    here.exchange.error = error
    dry = Periodic(here.store, here.settings, here.settings.ruleset(), [], here.installation)
    here.lookouts.append(dry)
    for _ in range(3):
        here.look(dry, SILENCE)
    assert here.exchange.calls == []


def test_work_goes_first(periodic_harness: PeriodicHarness) -> None:
    here = at_rest(periodic_harness)
    periodic_harness.tell(MARTINE, number=2)
    periodic_harness.look(here, SILENCE)
    assert periodic_harness.asked("probe") == 0


def test_a_folder_that_is_gone_is_found_failing(store_in_time: StoreInTime, tmp_path: Path) -> None:
    folder = tmp_path / "ics"
    connector = IcsFolderConnector(folder, store_in_time.installation().id)
    harness = PeriodicHarness(store_in_time, log=None, exchange=connector)  # type: ignore[arg-type]
    here = harness.host()
    harness.look(here)
    harness.look(here, SILENCE)
    assert state(store_in_time).failure == "folder_not_found"
    folder.mkdir()
    harness.look(here, LONGEST)
    assert state(store_in_time).failure is None


def test_an_exchange_that_is_off_is_found_off_and_on_again_while_nobody_sends_anything(
    harness_on_each: WorkerHarness,
) -> None:
    harness = harness_on_each
    harness.tell()
    harness.work()
    items = [item.change_key for item in harness.items()]
    store, settings = harness.store, harness.settings
    periodic = Periodic(store, settings, settings.ruleset(), [harness.crew], store.installation().id)

    def pass_time(duration: timedelta) -> ServerState:
        store.moment += duration
        periodic.tick(store.moment)
        periodic.join(harness_deadline())
        return state(store)

    assert pass_time(SECOND).failure is None
    harness.exchange.stop()
    down = pass_time(SILENCE)
    assert down.failure == "connection_failed"
    assert not harness.crew.work_once(), "there is nothing to do"
    harness.exchange.start()
    assert pass_time(timedelta(seconds=FIRST_DELAY_S) + REACH_AGAIN).failure is None
    asked = len(harness.exchange.requests)
    assert pass_time(HEARD_WITHIN - SECOND).failure is None
    assert len(harness.exchange.requests) == asked
    assert [item.change_key for item in harness.items()] == items


def test_a_password_that_is_wrong_from_the_start_is_found_without_any_work(harness: WorkerHarness) -> None:
    store, settings = harness.store, harness.settings
    with closing(wire(harness.exchange, store.installation().id, password="wrong")) as connector:
        crew = ServerThreads(CALENDAR, connector, 1, store, settings.ruleset())
        periodic = Periodic(store, settings, settings.ruleset(), [crew], store.installation().id)
        for after in (timedelta(), SILENCE, *[SECOND * 10] * 20):
            store.moment += after
            periodic.tick(store.moment)
            periodic.join(harness_deadline())
        assert state(store).failure == "unauthorized"
        assert len(harness.exchange.requests) == 1


def harness_deadline() -> float:
    return threading.TIMEOUT_MAX
