"""A server that throttles is given less at once and the time it asks for, and is not taken for one in trouble."""

import time
from datetime import timedelta

from mock_exchange import FaultKind
from receiver.store.work import servers
from tests.lab.waiting import wait_until
from tests.lab.worker_harness import CALENDAR, HERS, HIS, WorkerHarness, exchange_with
from tests.makers import KARIM, MARTINE
from tests.worker.crew_harness import CrewHarness, boxes, open_crew_harness, wire

SECOND = timedelta(seconds=1)
TOO_MANY = b"ErrorExceededConnectionCount"


def shown(crew_harness: CrewHarness, exchange) -> int:  # type: ignore[no-untyped-def]
    return sum(len(exchange.items(address)) for address in crew_harness.homes)


def test_a_mailbox_never_has_two_calls_under_way(store_url: str) -> None:
    """Two workers of four threads each; the mock refuses a second call in one mailbox, and would have it recorded."""
    mailboxes = boxes(3)
    with (
        exchange_with(mailboxes, latency_s=0.02) as exchange,
        open_crew_harness(store_url, dict.fromkeys(mailboxes, CALENDAR)) as crew_harness,
    ):
        exchange.limit(concurrency=1, by_mailbox=True)
        crews = [crew_harness.crew(wire(exchange, crew_harness.store)) for _ in range(2)]
        for crew in crews:
            crew.start()
        for _ in range(10):
            crew_harness.send(*mailboxes, each=2)
            for crew in crews:
                crew.wake()
            time.sleep(0.02)  # changes keep coming while calls are under way
        wait_until(lambda: shown(crew_harness, exchange) == crew_harness.numbers)
        assert crew_harness.numbers == 60
        assert not [recorded for recorded in exchange.requests if TOO_MANY in recorded.response]
        assert all(len(crew.gate._turns) <= 4 for crew in crews)


def test_a_server_that_takes_fewer_calls_than_configured_is_no_server_in_trouble(store_url: str) -> None:
    mailboxes = boxes(40)
    with (
        exchange_with(mailboxes, latency_s=0.01) as exchange,
        open_crew_harness(store_url, dict.fromkeys(mailboxes, CALENDAR)) as crew_harness,
    ):
        crew = crew_harness.crew(wire(exchange, crew_harness.store))
        crew.start()

        def is_shown() -> bool:
            crew.wake()
            return shown(crew_harness, exchange) == crew_harness.numbers

        crew_harness.send(*mailboxes)  # whose addresses are asked for once: from now on a change is one call
        wait_until(is_shown)
        exchange.limit(calls=10, recharge_per_s=8)
        crew_harness.send(*mailboxes)
        wait_until(is_shown)
        refused = sum(b"ErrorServerBusy" in recorded.response for recorded in exchange.requests)
        assert 0 < refused < 40, "it was met, and obeyed"
        assert (crew_harness.server().failure, crew_harness.server().attempts) == (None, 0)
        assert crew_harness.server().throttled_at is not None


def test_a_busy_answer_is_waited_for_by_all_hosts_and_then_nobody_goes_alone(harness_on_each: WorkerHarness) -> None:
    harness = harness_on_each
    for number, agent in enumerate((MARTINE, KARIM), 1):
        harness.tell(60, agents=(agent,), wire_id=number, uuid=None)
    harness.work()
    harness.inject(FaultKind.SERVER_BUSY, back_off_ms=20_000)
    for number, agent in enumerate((MARTINE, KARIM), 1):
        harness.tell(30, agents=(agent,), wire_id=number, uuid=None, motif="Nouveau")
    assert harness.work() == 1
    [server] = harness.store.read(servers.listed)
    assert (server.failure, server.blocked_until) == (None, harness.store.moment + SECOND * 20)
    harness.restart()
    harness.pass_time(SECOND * 19)
    assert harness.work() == 0
    harness.pass_time(SECOND)
    assert harness.work() == 2
    assert (harness.subjects(HERS), harness.subjects(HIS)) == (["Nouveau"], ["Nouveau"])


def test_a_server_that_is_busy_and_nothing_else_is_in_trouble(harness: WorkerHarness) -> None:
    harness.tell(agents=(MARTINE,))
    harness.inject(FaultKind.SERVER_BUSY, times=None, back_off_ms=1_000)
    told = []
    for _ in range(3):
        assert harness.work() == 1
        told.append([server.failure for server in harness.store.read(servers.listed)])
        harness.pass_time(timedelta(minutes=1))
    assert told == [[None], [None], ["server_busy"]]
