"""What an audit reads of the record and may change in it, on each database."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import create_engine, select, update

from receiver.core.facts import EventKind
from receiver.core.mailboxes import Mailbox, MailboxMap
from receiver.core.plan import STALE, Placement
from receiver.core.ruleset import Ruleset, SourceRules
from receiver.store import Store
from receiver.store.database.records import EventStanding
from receiver.store.database.tables import mailboxes, placements
from receiver.store.intake import judge_batch
from receiver.store.tools import audit
from receiver.store.work import placements as stored_placements
from tests.makers import MARTINE, NOW, UUID, a_delivery, a_state, incoming

HERS = Mailbox("exchange", MARTINE.email or "")
RULES = Ruleset(MailboxMap("exchange", {HERS.address: HERS}), {"mds": SourceRules()})
UID = f"Rdv/{UUID}@production"


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    opened = Store(store_url)
    opened.write(judge_batch.take, [incoming(a_delivery(agents=(MARTINE,)))], NOW)
    opened.settle(lambda view: RULES.compute_desired(view, NOW), NOW)
    yield opened
    opened.close()


def only(store: Store) -> Placement:
    [recorded] = store.read(audit.recorded, HERS)
    return recorded.placement


def looked_after(placement: Placement) -> Placement:
    return replace(placement, applied=STALE, item_id="id", not_before=NOW)


def test_a_placement_is_read_with_its_events_facts(store: Store) -> None:
    [recorded] = store.read(audit.recorded, HERS)
    assert (recorded.placement.uid, recorded.source, recorded.state, recorded.settled) == (UID, "mds", a_state(), True)
    store.write(judge_batch.take, [incoming(a_delivery(30, agents=(MARTINE,), motif="Autre"))], NOW)
    assert [each.settled for each in store.read(audit.recorded, HERS)] == [False]
    assert store.read(audit.recorded, Mailbox("another", HERS.address)) == []


def test_events_without_a_placement_tell_where_they_stand(store: Store) -> None:
    unknown = [f"Rdv/{number}@production" for number in range(1200)]
    standing = EventStanding("mds", purged=False, settled=True)
    assert store.read(audit.standings, [UID, *unknown]) == {UID: standing}
    judged = only(store)
    store.write(audit.repair, HERS, {judged: looked_after(judged)}, NOW)
    assert store.read(audit.standings, [UID]) == {UID: replace(standing, items=frozenset({"id"}))}
    store.write(judge_batch.take, [incoming(a_delivery(30, EventKind.DESTROYED, purge=True))], NOW)
    assert store.read(audit.standings, [UID]) == {
        UID: EventStanding("mds", purged=True, settled=False, items=frozenset({"id"}))
    }


def test_a_repair_is_due_at_once(store: Store, store_url: str) -> None:
    """By the derived column, which is what a worker looks at."""
    before = only(store)
    engine = create_engine(store_url)
    with engine.begin() as connection:
        connection.execute(update(placements).values(desired="d", applied="d", item_id="id", due_at=None))
    at_rest = only(store)
    assert (at_rest.due_at, store.read(stored_placements.count_due, NOW)) == (None, 0)
    assert store.write(audit.repair, HERS, {at_rest: looked_after(at_rest)}, NOW) == 1
    assert (only(store).applied, store.read(stored_placements.count_due, NOW)) == (STALE, 1)
    with engine.begin() as connection:
        assert connection.execute(select(placements.c.due_at)).scalar_one() == only(store).due_at
    engine.dispose()
    assert before.id == only(store).id


def test_what_changed_since_it_was_judged_is_left_alone(store: Store) -> None:
    judged = replace(only(store), applied="older")
    before = store.read(audit.recorded, HERS)
    assert store.write(audit.repair, HERS, {judged: looked_after(judged)}, NOW) == 0
    assert store.read(audit.recorded, HERS) == before


def test_what_is_about_to_be_settled_is_left_alone(store: Store) -> None:
    judged = only(store)
    store.write(judge_batch.take, [incoming(a_delivery(30, agents=(MARTINE,), motif="Autre"))], NOW)
    assert store.write(audit.repair, HERS, {judged: looked_after(judged)}, NOW) == 0
    assert only(store) == judged


def test_a_mailbox_that_a_worker_has_is_left_alone(store: Store, store_url: str) -> None:
    judged = only(store)
    engine = create_engine(store_url)
    with engine.begin() as connection:
        connection.execute(update(mailboxes).values(lease="x", leased_until=NOW + timedelta(seconds=1)))
    engine.dispose()
    assert store.write(audit.repair, HERS, {judged: looked_after(judged)}, NOW) is None
    assert only(store) == judged
    assert store.write(audit.repair, HERS, {judged: looked_after(judged)}, NOW + timedelta(seconds=2)) == 1
