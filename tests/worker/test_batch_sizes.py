"""A server that is slow for each item: batches shrink until they are answered; each entry is written about once."""

from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest

from connectors.base import Change, Connector, Outcome, Scope, Unconfirmed
from mock_exchange import Behaviours, FaultKind
from receiver.store.intake import judge_batch
from tests.lab.database import placements_in
from tests.lab.relay import Relay, T
from tests.lab.waiting import wait_until
from tests.lab.worker_harness import CALENDAR, HERS, WorkerHarness, exchange_with, wire
from tests.makers import KARIM, MARTINE, a_delivery, incoming
from tests.worker.crew_harness import open_crew_harness

ITEM_S = 0.4
CHANGES = 500


class SlowServer(Relay):
    """Takes its time for each item, by the harness's clock. What has no answer in time is carried out all the same."""

    call_timeout_s = 30.0

    def __init__(self, harness: WorkerHarness) -> None:
        self._harness, self._connector = harness, harness.connector
        self.item_s = ITEM_S
        self.batches: list[int] = []

    def called(self, call: Callable[[Connector], T]) -> T:
        return call(self._connector)

    def apply(self, mailbox: str, changes: Sequence[Change]) -> list[Outcome]:
        self.batches.append(len(changes))
        outcomes = super().apply(mailbox, changes)
        takes_s = self.item_s * len(changes)
        self._harness.pass_time(timedelta(seconds=min(takes_s, self.call_timeout_s)))
        in_time = takes_s < self.call_timeout_s
        return outcomes if in_time else [Unconfirmed("timeout", Scope.MAILBOX)] * len(changes)


@pytest.fixture
def slow(harness: WorkerHarness) -> SlowServer:
    server = SlowServer(harness)
    harness.connector = server  # type: ignore[assignment]
    harness.restart()
    return server


def tell(harness: WorkerHarness, motif: str, count: int = CHANGES) -> None:
    now = harness.store.moment
    news = [
        incoming(a_delivery(60, now=now, agents=(MARTINE,), wire_id=number, uuid=None, motif=motif))
        for number in range(1, count + 1)
    ]
    harness.store.write(judge_batch.take, news, now)
    harness.settle()


def test_five_hundred_entries_in_one_mailbox_are_created_about_once_each(
    harness: WorkerHarness, slow: SlowServer
) -> None:
    tell(harness, "Accueil")
    harness.work_until_quiet()
    assert harness.subjects() == ["Accueil"] * CHANGES
    assert sum(slow.batches) <= 1.3 * CHANGES
    assert max(slow.batches[1:]) <= 50


def test_five_hundred_entries_in_one_mailbox_are_changed_about_once_each(
    harness: WorkerHarness, slow: SlowServer
) -> None:
    """The hundred of the batch that was cut short are written twice more: after the look-up, as nobody knows what they
    show, and after the second one, as the lost call may have come late.
    """
    slow.item_s = 0.0
    tell(harness, "Accueil")
    harness.work_until_quiet()
    slow.batches.clear()
    slow.item_s = ITEM_S
    tell(harness, "Entretien")
    harness.work_until_quiet()
    assert harness.subjects() == ["Entretien"] * CHANGES
    assert sum(slow.batches) == CHANGES + 2 * 100


def test_batches_grow_again_when_the_server_is_fast(harness: WorkerHarness, slow: SlowServer) -> None:
    tell(harness, "Accueil", 300)
    harness.work_until_quiet()
    slow.item_s = 0.01
    slow.batches.clear()
    tell(harness, "Entretien", 300)
    harness.work_until_quiet()
    assert slow.batches == [50, 100, 100, 50]


def test_a_short_answer_makes_the_next_batch_smaller(harness: WorkerHarness) -> None:
    tell(harness, "Accueil", 150)
    harness.inject(FaultKind.SHORT)
    harness.work()
    harness.pass_time(timedelta(minutes=1))
    harness.work()
    batches = [each.batch for each in harness.exchange.requests if each.verb == "CreateItem"]
    assert batches == [100, 50]


def test_other_mailboxes_keep_their_batches(harness: WorkerHarness, slow: SlowServer) -> None:
    tell(harness, "Accueil")
    harness.work_until_quiet()
    slow.item_s, here = 0.0, len(slow.batches)
    now = harness.store.moment
    news = [
        incoming(a_delivery(60, now=now, agents=(KARIM,), wire_id=number, uuid=None)) for number in range(1001, 1101)
    ]
    harness.store.write(judge_batch.take, news, now)
    harness.work()
    assert slow.batches[here:] == [100]
    assert len(harness.items(HERS)) == CHANGES


@pytest.mark.slow
def test_a_slow_exchange_ends_up_with_every_entry_once(store_url: str) -> None:
    """In real time, all of it a twentieth: 20 ms an item, where a call may take 1.5 s."""
    with (
        exchange_with([HERS]) as exchange,
        open_crew_harness(store_url, {HERS: CALENDAR}) as crews,
    ):
        connector = wire(exchange, crews.store.installation().id, connections=2, timeout_s=1.5)
        crew = crews.crew(connector, connections=2)
        crew.start()
        exchange.behaviours = Behaviours(item_s=0.02)
        crews.send(HERS, each=CHANGES)

        def is_settled() -> bool:
            crew.wake()
            placements = [placement for _, _, placement in placements_in(store_url)]
            return all(each.applied == each.desired and not each.in_doubt for each in placements)

        wait_until(is_settled, timeout_s=300, every_s=0.5)
        assert len(exchange.items(HERS)) == CHANGES
        written = sum(each.batch for each in exchange.requests if each.verb in {"CreateItem", "UpdateItem"})
        assert written <= 1.3 * CHANGES
