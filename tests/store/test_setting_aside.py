"""An event that cannot be settled stops nobody, is shown, and is tried again."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import Connection, select, text
from sqlalchemy.exc import OperationalError

from receiver.core.desired import Decision, EventView
from receiver.core.facts import EventKind
from receiver.core.mailboxes import Mailbox
from receiver.core.plan import CallLimits, Verb, begin
from receiver.store import Store, StoreUnavailable
from receiver.store.database.engine import reading
from receiver.store.database.tables import events, placements
from receiver.store.intake import judge_batch
from receiver.store.reports import overview, status
from receiver.store.reports.overview import FailureScope
from receiver.store.tools import audit, backup, recovery
from receiver.store.work import leases, settling
from tests.lab.database import engine_of
from tests.makers import NOW, a_delivery, incoming

HERS = Mailbox("exchange", "martine@x.example")
LEASE = timedelta(seconds=60)
SOON = NOW + timedelta(minutes=5)


def tell(store: Store, *numbers: int, age_s: float = 60) -> None:
    bodies = [incoming(a_delivery(age_s, wire_id=n, uuid=None, motif=f"as of {age_s}")) for n in numbers]
    store.write(judge_batch.take, bodies, NOW)


def spoilt_by(number: int, digest: str = "d1") -> Callable[[EventView], Decision]:
    def decide(view: EventView) -> Decision:
        if view.uid.startswith(f"Rdv/{number}@"):
            raise ZeroDivisionError
        return Decision({HERS: digest})

    return decide


def good(view: EventView) -> Decision:
    return Decision({HERS: "d2"})


def failures(store: Store) -> list[tuple[FailureScope, str, int]]:
    return [(each.scope, each.code, each.count) for each in store.read(overview.failures, NOW)]


def settle(store: Store, decide: Callable[[EventView], Decision]) -> tuple[int, list[str]]:
    spoilt: list[str] = []
    return store.settle(decide, NOW, spoilt=spoilt.append), spoilt


@pytest.mark.threat(id="unsettleable-events")
def test_one_that_cannot_be_decided_costs_the_others_nothing_and_is_shown(store: Store) -> None:
    tell(store, 1, 2, 3)
    assert settle(store, spoilt_by(2)) == (3, ["Rdv/2@production"])
    assert store.read(backup.counts_of)["placements"] == 2
    assert failures(store) == [(FailureScope.EVENT, "not_settled", 1)]
    seen = store.read(status.look, [], [], NOW)
    assert (seen.unsettled, store.read(settling.has_unsettled)) == (0, False), "it is no backlog"


def test_one_that_cannot_be_written_down_costs_the_others_nothing(store: Store) -> None:
    """As where a column is too short, or a value is one that the database does not take."""
    tell(store, 1, 2)

    def decide(view: EventView) -> Decision:
        number = int(view.uid[4])
        return Decision({HERS: "d1"}, unmapped=2**70 if number == 1 else 0)

    assert settle(store, decide) == (2, ["Rdv/1@production"])
    assert failures(store) == [(FailureScope.EVENT, "not_settled", 1)]


def test_what_is_too_much_for_the_database_is_the_events_own_fault(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    wish = settling._record_desired

    def faulty(connection: Connection, decided, *rest) -> None:  # type: ignore[no-untyped-def]
        if 1 in decided:
            connection.execute(text("SELECT 1 WHERE " + "(" * 5_000 + "1=1" + ")" * 5_000))
            connection.execute(text(f"SELECT {' + '.join(['1'] * 100_000)}"))
        wish(connection, decided, *rest)

    monkeypatch.setattr(settling, "_record_desired", faulty)
    tell(store, 1, 2)
    assert settle(store, spoilt_by(0)) == (2, ["Rdv/1@production"])


def test_a_database_that_fails_is_no_events_fault(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def faulty(*_: object) -> None:
        raise OperationalError("", {}, OSError())

    monkeypatch.setattr(settling, "_record_desired", faulty)
    tell(store, 1)
    with pytest.raises(StoreUnavailable):
        store.settle(good, NOW)
    assert (failures(store), store.read(settling.has_unsettled)) == ([], True)


def test_it_is_tried_again_when_there_is_news_of_it(store: Store) -> None:
    tell(store, 1)
    settle(store, spoilt_by(1))
    tell(store, 1, age_s=30)
    assert settle(store, good) == (1, [])
    assert failures(store) == []
    assert store.read(leases.has_work, "exchange", NOW)


def test_it_is_tried_again_when_a_worker_starts(store: Store) -> None:
    tell(store, 1, 2)
    settle(store, spoilt_by(1))
    assert store.write(settling.settle_again, SOON) == 1
    assert settle(store, good) == (1, [])
    assert failures(store) == []


def test_what_was_wished_for_before_is_neither_written_nor_backlog_until_then(store: Store) -> None:
    tell(store, 1)
    settle(store, spoilt_by(0))
    tell(store, 1, age_s=30)
    settle(store, spoilt_by(1))
    assert store.read(status.look, [], [], NOW).due == 0
    assert store.claim("exchange", NOW, 100, LEASE) is None
    store.write(settling.settle_again, NOW)
    settle(store, lambda _: Decision({}))
    assert store.read(status.look, [], [], NOW).due == 1, "what was wished for is due again, whatever was decided"


def test_what_is_in_doubt_is_looked_up_all_the_same(store: Store) -> None:
    tell(store, 1)
    settle(store, spoilt_by(0))
    work = store.claim("exchange", NOW, 100, LEASE)
    assert work is not None
    begun = dict.fromkeys([item.placement.id for item in work.items], lambda p: begin(p, Verb.CREATE, NOW, TIMINGS))
    store.advance(work, begun, NOW, LEASE)
    store.release(work)
    tell(store, 1, age_s=30)
    settle(store, spoilt_by(1))
    assert store.claim("exchange", NOW + LEASE, 100, LEASE) is not None


TIMINGS = CallLimits.of(1)


def test_an_event_that_is_set_aside_is_neither_finished_nor_audited(store: Store) -> None:
    tell(store, 1)
    settle(store, spoilt_by(0))
    store.write(judge_batch.take, [incoming(a_delivery(20, EventKind.DESTROYED, wire_id=1, uuid=None))], NOW)
    settle(store, spoilt_by(1))
    assert store.read(recovery.finished, ["Rdv/1@production"]) == {"Rdv/1@production": False}
    assert not store.read(audit.standings, ["Rdv/1@production"])["Rdv/1@production"].settled
    assert [each.settled for each in store.read(audit.recorded, HERS)] == [False]


def test_the_facts_stay(store: Store) -> None:
    tell(store, 1)
    settle(store, spoilt_by(1))
    with reading(engine_of(store)) as connection:
        assert connection.scalar(select(events.c.facts)) is not None
        assert connection.scalar(select(placements.c.id)) is None
