"""From facts to due work, and the leases under which it is done."""

from datetime import timedelta

import pytest
from sqlalchemy import event

from connectors.base import Done, Failed, Outcome, Temporary, Unconfirmed
from receiver.core.desired import Decision
from receiver.core.facts import EventKind
from receiver.core.mailboxes import Mailbox
from receiver.core.plan import STALE, CallLimits, Verb, begin, end
from receiver.operations.erasure import purge
from receiver.store import LeaseLost, MailboxWork, Store, Trouble, counters, heartbeats
from receiver.store.intake import judge_batch
from receiver.store.work import found_entries, leases
from tests.makers import NOW, a_delivery, incoming

LEASE = timedelta(seconds=60)
TIMINGS = CallLimits.of(1)
HERS = Mailbox("exchange", "martine@x.example")
HIS = Mailbox("exchange", "karim@x.example")
LATER = NOW + timedelta(minutes=10)


def place(store: Store, wishes: dict[Mailbox, str | None], age_s: float = 60, **delivery: object) -> None:
    store.write(judge_batch.take, [incoming(a_delivery(age_s, motif=f"as of {age_s}", **delivery))], NOW)  # type: ignore[arg-type]
    store.settle(lambda view: Decision({**dict.fromkeys(view.held), **wishes}), NOW)


def claim(store: Store, now=NOW) -> MailboxWork:
    work = store.claim("exchange", now, 100, LEASE)
    assert work is not None
    return work


def write(store: Store, work: MailboxWork, item_id: str = "item") -> None:
    """Play a worker to whom everything is confirmed."""
    ids = [item.placement.id for item in work.items]
    verb = {None: Verb.DELETE}.get(work.items[0].placement.desired, Verb.CREATE)
    store.advance(work, dict.fromkeys(ids, lambda p: begin(p, verb, NOW, TIMINGS)), NOW, LEASE)
    sent = work.items[0].placement.desired
    store.advance(work, dict.fromkeys(ids, lambda p: end(p, sent, Done(item_id), NOW, 0)), NOW, LEASE)
    store.release(work, succeeded_at=NOW)


def test_a_wish_becomes_work_in_its_mailbox(store: Store) -> None:
    place(store, {HERS: "d1", HIS: "d1"})
    first, second = claim(store), claim(store)
    assert {first.mailbox, second.mailbox} == {HERS, HIS}
    assert [item.placement.desired for item in first.items] == ["d1"]
    assert store.claim("exchange", NOW, 100, LEASE) is None, "both are leased"


@pytest.mark.parametrize("mailboxes", [1, 30])
def test_however_many_new_mailboxes_settling_asks_as_few_questions(store: Store, mailboxes: int) -> None:
    store.write(judge_batch.take, [incoming(a_delivery())], NOW)
    wishes = {Mailbox("exchange", f"agent{number}@x.example"): "d1" for number in range(mailboxes)}
    said: list[str] = []
    event.listen(store._engine, "before_cursor_execute", lambda *words: said.append(words[2]))
    store.settle(lambda _: Decision(wishes), NOW)
    assert sum("FROM mailboxes" in each or "INTO mailboxes" in each for each in said) <= 5
    assert {claim(store).mailbox for _ in wishes} == set(wishes)


def test_a_mailbox_of_another_calendar_is_not_handed_out(store: Store) -> None:
    place(store, {HERS: "d1"})
    assert not store.read(leases.has_work, "other", NOW)
    assert store.claim("other", NOW, 100, LEASE) is None


def test_an_event_about_to_be_settled_again_is_not_handed_out(store: Store) -> None:
    """Its wish is out of date: writing it would cost a call and show what is no longer true."""
    place(store, {HERS: "d1"})
    store.write(judge_batch.take, [incoming(a_delivery(30, motif="changed"))], NOW)
    assert not store.read(leases.has_work, "exchange", NOW)


def test_what_was_confirmed_is_no_work_any_more(store: Store) -> None:
    place(store, {HERS: "d1"})
    write(store, claim(store))
    assert not store.read(leases.has_work, "exchange", LATER)


def test_a_wish_for_what_is_there_costs_no_work(store: Store) -> None:
    place(store, {HERS: "d1"})
    write(store, claim(store))
    place(store, {HERS: "d1"}, age_s=30)
    assert not store.read(leases.has_work, "exchange", LATER)


def test_a_wish_that_came_while_a_call_was_under_way_stays_due(store: Store) -> None:
    place(store, {HERS: "d1"})
    work = claim(store)
    [item] = work.items
    store.advance(work, {item.placement.id: lambda p: begin(p, Verb.CREATE, NOW, TIMINGS)}, NOW, LEASE)
    place(store, {HERS: "d2"}, age_s=30)
    store.advance(work, {item.placement.id: lambda p: end(p, "d1", Done("item"), NOW, 0)}, NOW, LEASE)
    store.release(work)
    [again] = claim(store).items
    assert (again.placement.applied, again.placement.desired, again.placement.item_id) == ("d1", "d2", "item")


def test_a_begun_write_without_outcome_is_handed_out_for_a_look_up_only_when_no_call_can_be_under_way(
    store: Store,
) -> None:
    """All that a kill -9 between Exchange's commit and our record leaves behind."""
    place(store, {HERS: "d1"})
    work = claim(store)
    ids = [item.placement.id for item in work.items]
    store.advance(work, dict.fromkeys(ids, lambda p: begin(p, Verb.CREATE, NOW, TIMINGS)), NOW, LEASE)
    assert store.claim("exchange", NOW + TIMINGS.settle - timedelta(seconds=1), 100, LEASE) is None
    [item] = claim(store, NOW + LEASE + timedelta(seconds=1)).items
    assert item.placement.look_up_at == NOW + TIMINGS.settle
    assert item.placement.attempted is Verb.CREATE


def test_a_lease_ends_by_itself_and_its_late_holder_can_record_nothing(store: Store) -> None:
    place(store, {HERS: "d1"})
    dead = claim(store)
    alive = claim(store, NOW + LEASE)
    assert alive.mailbox == dead.mailbox
    with pytest.raises(LeaseLost):
        store.advance(dead, {dead.items[0].placement.id: lambda p: p}, LATER, LEASE)
    store.release(dead)
    assert store.claim("exchange", NOW + LEASE, 100, LEASE) is None, "the dead one's release frees nothing"


def test_a_mailbox_in_trouble_waits_and_the_others_do_not(store: Store) -> None:
    place(store, {HERS: "d1", HIS: "d1"})
    work = claim(store)
    store.release(work, Trouble("access_denied", LATER))
    other = claim(store)
    assert other.mailbox != work.mailbox
    write(store, other)
    assert not store.read(leases.has_work, "exchange", LATER - timedelta(seconds=1))
    assert claim(store, LATER).attempts == 1


@pytest.mark.parametrize("ended", [Done("new"), Failed(Temporary("busy"))], ids=["created", "refused"])
def test_a_removal_waits_for_a_creation_that_is_under_way(store: Store, ended: Outcome) -> None:
    """The creation may still be refused: a move must not be seen as a gap meanwhile."""
    place(store, {HERS: "d1"})
    write(store, claim(store))
    place(store, {HERS: None, HIS: "d1"}, age_s=30)
    work = claim(store)
    assert work.mailbox == HIS
    [item] = work.items
    store.advance(work, {item.placement.id: lambda p: begin(p, Verb.CREATE, NOW, TIMINGS)}, NOW, LEASE)
    assert store.claim("exchange", NOW, 100, LEASE) is None
    store.advance(work, {item.placement.id: lambda p: end(p, "d1", ended, NOW, 0)}, NOW, LEASE)
    store.release(work)
    assert claim(store).mailbox == HERS


def test_a_removal_waits_where_the_event_comes_back_while_its_entry_is_being_removed(store: Store) -> None:
    place(store, {HERS: "d1"})
    write(store, claim(store))
    place(store, {HERS: None, HIS: "d1"}, age_s=40)
    write(store, claim(store))
    removal = claim(store)
    [item] = removal.items
    store.advance(removal, {item.placement.id: lambda p: begin(p, Verb.DELETE, NOW, TIMINGS)}, NOW, LEASE)
    place(store, {HERS: "d1", HIS: None}, age_s=30)
    assert store.claim("exchange", NOW, 100, LEASE) is None
    store.advance(removal, {item.placement.id: lambda p: end(p, None, Done("item"), NOW, 0)}, NOW, LEASE)
    store.release(removal)
    assert claim(store).mailbox == HERS
    assert store.claim("exchange", NOW, 100, LEASE) is None


def test_a_removal_waits_for_a_mailbox_that_nobody_read_since_the_record_was_lost(store: Store) -> None:
    place(store, {HERS: "d1"})
    write(store, claim(store))
    store.write(lambda connection: counters.note(connection, {found_entries.TAKEN_OVER: 1}, NOW))
    place(store, {HERS: None, HIS: "d1"}, age_s=30)
    work = claim(store)
    assert (work.mailbox, work.items[0].placement.applied) == (HIS, STALE)
    store.release(work)
    assert claim(store).mailbox == HIS, "whatever has been due for longer"


def test_a_removed_entry_leaves_no_record(store: Store) -> None:
    place(store, {HERS: "d1"})
    write(store, claim(store))
    place(store, {HERS: None}, age_s=30)
    write(store, claim(store))
    seen = []
    store.write(judge_batch.take, [incoming(a_delivery(20, motif="again"))], NOW)
    store.settle(lambda view: (seen.append(view.held), Decision({}))[1], NOW)
    assert seen == [{}]


def test_an_unconfirmed_placement_outlives_its_event(store: Store) -> None:
    """Nothing is purged while something of it may still turn up in a mailbox."""
    place(store, {HERS: "d1"})
    work = claim(store)
    [item] = work.items
    store.advance(work, {item.placement.id: lambda p: begin(p, Verb.CREATE, NOW, TIMINGS)}, NOW, LEASE)
    store.advance(work, {item.placement.id: lambda p: end(p, "d1", Unconfirmed("timeout"), NOW, 0)}, NOW, LEASE)
    store.release(work)
    store.write(judge_batch.take, [incoming(a_delivery(30, EventKind.DESTROYED, purge=True))], NOW)
    store.settle(lambda view: Decision(dict.fromkeys(view.held), forget=True), NOW)
    much_later = NOW + timedelta(days=90)
    purge(store, much_later, tombstone_days=30, journal_days=30)
    [kept] = claim(store, much_later).items
    assert (kept.placement.desired, kept.placement.attempted) == (None, Verb.CREATE)


def test_forgetting_drops_the_record_and_leaves_the_calendar(store: Store) -> None:
    place(store, {HERS: "d1"})
    write(store, claim(store))
    store.write(judge_batch.take, [incoming(a_delivery(30, EventKind.DESTROYED, purge=True))], NOW)
    store.settle(lambda view: Decision(dict.fromkeys(view.held), forget=True), NOW)
    assert not store.read(leases.has_work, "exchange", LATER)
    assert purge(store, NOW + timedelta(days=31), tombstone_days=30, journal_days=60).total() == 1


def test_tombstones_are_kept_for_their_time(store: Store) -> None:
    store.write(judge_batch.take, [incoming(a_delivery(30, EventKind.DESTROYED))], NOW)
    store.settle(lambda view: Decision({}), NOW)
    assert purge(store, NOW + timedelta(days=29), tombstone_days=30, journal_days=60).total() == 0
    assert purge(store, NOW + timedelta(days=31), tombstone_days=30, journal_days=60).total() == 1


def test_a_heartbeat_is_heard_by_its_prefix(store: Store) -> None:
    assert store.read(heartbeats.last_beat, "worker/") is None
    store.write(heartbeats.beat, "worker/a", NOW)
    store.write(heartbeats.beat, "worker/b", LATER)
    store.write(heartbeats.beat, "web", LATER + LEASE)
    assert store.read(heartbeats.last_beat, "worker/") == LATER
