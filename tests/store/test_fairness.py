"""A flood of one source, or of one organisation, delays the others' lone changes little."""

from contextlib import closing
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import insert, select, update

from connectors.base import Done
from receiver.core.desired import Decision, EventView
from receiver.core.facts import Delivery
from receiver.core.mailboxes import Mailbox
from receiver.core.plan import CallLimits, Verb, begin, end
from receiver.store import Incoming, MailboxWork, Store, Trouble
from receiver.store.database.engine import writing
from receiver.store.database.tables import dues, events, mailboxes, placements
from receiver.store.fairness import ORGANISATIONS_AT_ONCE, Rota
from receiver.store.intake import inbox, judge_batch
from receiver.store.tools import backup
from receiver.store.work import dues as due_rows
from receiver.store.work import leases, settling
from receiver.store.work.claiming import CROWD
from tests.databases import new_database, sqlalchemy_url
from tests.lab.database import engine_of
from tests.makers import NOW, a_delivery, incoming

LEASE = timedelta(seconds=60)
SOON = NOW + timedelta(seconds=1)
LATER = NOW + timedelta(days=2)


def news(number: int, source: str = "flood", organisation: int | None = 12, age_s: float = 60) -> Incoming:
    delivery: Delivery = replace(
        a_delivery(age_s, wire_id=number, uuid=None, motif=f"as of {age_s}"), organisation=organisation
    )
    return replace(incoming(delivery), source=source)


def judged(store: Store, limit: int = 50) -> list[str]:
    return [each.source for each in store.judge(NOW, limit)]


def settled(store: Store, limit: int = 200) -> list[tuple[str, int | None]]:
    """Settle a batch; return source and organisation of each event in it."""
    seen: list[str] = []

    def decide(view: EventView) -> Decision:
        seen.append(view.uid)
        return Decision({})

    store.settle(decide, NOW, limit)
    with writing(engine_of(store)) as connection:
        known = {
            row.uid: (row.source, row.organisation)
            for row in connection.execute(select(events.c.uid, events.c.source, events.c.organisation))
        }
    return [known[uid] for uid in seen]


# Judging


@pytest.mark.threat(id="flooding-source")
def test_a_lone_webhook_is_judged_in_the_next_batch_whatever_waits_before_it(store: Store) -> None:
    for number in range(120):
        store.keep(news(number))
    store.keep(news(1000, "lone"))
    assert judged(store).count("lone") == 1
    assert judged(store) == ["flood"] * 50, "what a share leaves is used"


def test_a_lone_webhook_of_another_organisation_of_the_source_is_judged_in_the_next_batch(store: Store) -> None:
    for number in range(120):
        store.keep(news(number))
    store.keep(lone := news(1000, organisation=34))
    store.keep(stray := news(1001, organisation=None))
    first = {each.delivery for each in store.judge(NOW)}
    assert {lone.id, stray.id} <= first
    assert len(first) == 50


def test_more_organisations_than_a_batch_serves_have_their_turn_one_after_the_other(store: Store) -> None:
    crowd = 3 * ORGANISATIONS_AT_ONCE
    for number in range(crowd * 12):
        store.keep(news(number, organisation=1 + number % crowd))
    store.keep(lone := news(100_000, organisation=crowd + 1))
    batches = [{each.delivery for each in store.judge(NOW, ORGANISATIONS_AT_ONCE)} for _ in range(5)]
    assert any(lone.id in batch for batch in batches)
    assert all(len(batch) == ORGANISATIONS_AT_ONCE for batch in batches)


def test_within_an_organisation_of_a_source_the_order_stays(store: Store) -> None:
    kept: dict[str, list[str]] = {"a": [], "b": []}
    for number in range(90):
        each = news(number, "ab"[number % 3 == 0])
        kept[each.source].append(each.id)
        store.keep(each)
    seen: dict[str, list[str]] = {"a": [], "b": []}
    while batch := store.judge(NOW, 20):
        for each in batch:
            seen[each.source].append(each.delivery)
    assert seen == kept


def test_what_was_set_aside_takes_nobodys_turn(store: Store) -> None:
    for number in range(60):
        store.keep(news(number))
    with writing(engine_of(store)) as connection:
        connection.execute(update(inbox.inbox).values(failure=inbox.NOT_JUDGED))
    store.keep(news(1000, "lone"))
    assert judged(store) == ["lone"]


@pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)
def test_one_worker_judges_at_a_time_and_another_goes_on_with_other_work(store: Store) -> None:
    """Two that judge would lock the same events in different orders: one may have others judged again."""
    for number in range(120):
        store.keep(news(number))
    with writing(engine_of(store)) as one:
        assert len(inbox.judge(one, NOW, 50, Rota())) == 50
        assert store.judge(NOW, 50, waits=False) == []
        store.keep(news(1000, "lone"))
    assert len(store.judge(NOW, 50, waits=False)) == 50
    store.judge_all(NOW)
    assert store.read(inbox.is_empty)


def test_a_batch_is_shorter_where_webhooks_have_much_to_say(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox, "LENGTH_AT_ONCE", 1)
    for number in range(3):
        store.keep(news(number))
    assert [len(judged(store)) for _ in range(4)] == [1, 1, 1, 0]


# Settling


def test_a_lone_event_is_settled_in_the_next_batch_whatever_waits_before_it(store: Store) -> None:
    store.write(judge_batch.take, [news(number) for number in range(60)], NOW)
    store.write(judge_batch.take, [news(1000, "lone", 34), news(1001, "flood", 35)], SOON)
    assert {("lone", 34), ("flood", 35)} < set(settled(store, 10))


def test_fewer_events_are_settled_at_once_where_they_have_many_agents(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("receiver.store.work.settling.AGENTS_AT_ONCE", 4)
    store.write(judge_batch.take, [news(number) for number in range(5)], NOW)
    assert [len(settled(store)) for _ in range(4)] == [2, 2, 1, 0]


# Claiming


def place(store: Store, number: int, mailbox: Mailbox, source: str = "flood", organisation: int = 12) -> None:
    store.write(judge_batch.take, [news(number, source, organisation)], NOW)
    store.settle(lambda _: Decision({mailbox: "d1"}), NOW)


def box(name: str) -> Mailbox:
    return Mailbox("exchange", f"{name}@x.example")


def claim(store: Store, kinds: tuple[bool, ...] = (True, False), now=NOW, limit: int = 100) -> MailboxWork | None:
    return store.claim("exchange", now, limit, LEASE, kinds)


def claimed(store: Store, count: int) -> list[str]:
    return [work.mailbox.address for _ in range(count) if (work := claim(store))]


def finish(store: Store, work: MailboxWork) -> None:
    """Play a worker to whom everything is confirmed, and who has not given the mailbox back yet."""
    ids = [item.placement.id for item in work.items]
    timings = CallLimits.of(1)
    store.advance(work, dict.fromkeys(ids, lambda p: begin(p, Verb.CREATE, NOW, timings)), NOW, LEASE)
    store.advance(work, dict.fromkeys(ids, lambda p: end(p, "d1", Done("item"), NOW, 0)), NOW, LEASE)


def know(store: Store) -> None:
    """As if the server had told of every mailbox."""
    with writing(engine_of(store)) as connection:
        connection.execute(update(mailboxes).values(identity=mailboxes.c.address))
        connection.execute(update(dues).values(known=True))


@pytest.mark.threat(id="flooding-source")
@pytest.mark.parametrize("known", [True, False])
def test_the_mailbox_of_a_lone_change_is_claimed_among_the_next_few(store: Store, known: bool) -> None:
    for number in range(2 * CROWD):
        place(store, number, box(f"flood{number}"))
    place(store, 1000, box("lone"), "lone", 34)
    place(store, 1001, box("other"), "flood", 35)
    if known:
        know(store)
    assert {"lone@x.example", "other@x.example"} < set(claimed(store, 4))


def test_a_mailbox_that_the_server_knows_goes_before_those_of_which_nobody_was_told(store: Store) -> None:
    place(store, 1, box("known"))
    know(store)
    store.release(claim(store) or pytest.fail("nothing is due"))
    for number in range(2, 5):
        place(store, number, box(f"unknown{number}"))
    place(store, 9, box("known"))
    assert claimed(store, 1) == ["known@x.example"]
    assert claim(store, (True,)) is None
    assert not store.read(leases.has_work, "exchange", NOW, (True,))
    assert store.read(leases.has_work, "exchange", NOW)
    assert (claim(store) or pytest.fail("nothing is due")).known is False


def test_a_mailbox_that_the_server_says_is_not_there_is_known_no_more(store: Store) -> None:
    place(store, 1, box("gone"))
    know(store)
    work = claim(store)
    assert work is not None
    assert work.known
    store.release(work, Trouble("mailbox_not_found", SOON))
    assert claim(store, (True,), LATER) is None
    again = claim(store, (True, False), LATER)
    assert again is not None
    assert not again.known


def test_whoever_has_a_change_in_a_flooded_mailbox_has_a_share_of_the_next_call(store: Store) -> None:
    for number in range(30):
        place(store, number, box("shared"))
    place(store, 1000, box("shared"), "lone", 34)
    place(store, 1001, box("shared"), "flood", 35)
    work = claim(store, limit=10)
    assert work is not None
    assert len(work.items) == 10
    assert "lone" in {item.source for item in work.items}
    with writing(engine_of(store)) as connection:
        of_35 = select(events.c.id).where(events.c.organisation == 35)
        assert set(connection.scalars(of_35)) <= {item.event_id for item in work.items}


def test_mailboxes_in_trouble_stand_in_nobodys_way(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many: none of them is looked at before its time."""
    for number in range(CROWD + 5):
        place(store, number, box(f"flood{number}"))
        work = claim(store)
        assert work is not None
        store.release(work, Trouble("mailbox_not_found", LATER))
    with writing(engine_of(store)) as connection:
        assert set(connection.scalars(select(dues.c.next_at))) == {LATER}
    assert not store.read(leases.has_work, "exchange", NOW)
    place(store, 1000, box("lone"), "lone")
    assert claimed(store, 2) == ["lone@x.example"]
    assert store.read(leases.has_work, "exchange", LATER)


def test_what_is_about_to_be_settled_again_is_found_as_soon_as_it_is(store: Store) -> None:
    place(store, 1, box("a"))
    store.write(judge_batch.take, [news(1, age_s=30)], NOW)
    assert claim(store) is None
    store.settle(lambda _: Decision({box("a"): "d2"}), NOW)
    assert claimed(store, 1) == ["a@x.example"]


def test_a_mailbox_of_which_nothing_is_left_to_do_is_not_looked_into(store: Store) -> None:
    place(store, 1, box("a"))
    store.write(judge_batch.take, [news(1, age_s=30)], NOW)
    store.settle(lambda view: Decision(dict.fromkeys(view.held)), NOW)
    assert store.read(backup.counts_of)["dues"] == 0


def test_what_is_done_is_due_no_more_and_what_comes_meanwhile_is(store: Store) -> None:
    place(store, 1, box("a"))
    work = claim(store)
    assert work is not None
    place(store, 2, box("a"))
    finish(store, work)
    store.release(work, succeeded_at=NOW)
    again = claim(store)
    assert again is not None
    assert [item.event_id for item in again.items] == [2]


def test_a_mailbox_whose_worker_died_is_found_when_the_lease_ends(store: Store) -> None:
    place(store, 1, box("a"))
    assert claimed(store, 2) == ["a@x.example"]
    assert claim(store, now=NOW + LEASE) is not None


def test_what_a_program_of_the_schema_before_made_due_is_made_up_for(store: Store) -> None:
    place(store, 1, box("a"))
    with writing(engine_of(store)) as connection:
        connection.execute(dues.delete())
    assert claim(store) is None
    assert store.read(due_rows.lacks_any, NOW)
    store.write(due_rows.make_up, NOW)
    assert claimed(store, 1) == ["a@x.example"]


def test_what_is_announced_while_its_mailbox_is_given_back_does_not_wait_for_the_end_of_the_lease(
    postgres: str, migrated_postgres: str
) -> None:
    """Two transactions: settling has announced when the mailbox is given back, and commits after that."""
    with closing(Store(sqlalchemy_url(new_database(postgres, migrated_postgres)))) as store:
        place(store, 1, box("a"))
        work = claim(store)
        assert work is not None
        finish(store, work)
        store.write(judge_batch.take, [news(2, organisation=34)], NOW)
        with writing(engine_of(store)) as settling_it:
            wishes = Decision({box("a"): "d1"})
            settling.settle(settling_it, lambda _: wishes, NOW, 200, Rota(), lambda _: None)
            store.release(work, succeeded_at=NOW)
        assert store.read(leases.has_work, "exchange", NOW)
        again = claim(store)
        assert again is not None
        assert [item.event_id for item in again.items] == [2]


def test_what_was_announced_too_late_is_made_up_for(store: Store) -> None:
    place(store, 1, box("a"))
    place(store, 2, box("b"))
    claimed(store, 1)
    with writing(engine_of(store)) as connection:
        connection.execute(update(dues).values(next_at=LATER))
    assert claim(store) is None
    assert store.read(due_rows.lacks_any, NOW)
    store.write(due_rows.make_up, NOW)
    assert claimed(store, 2) == ["b@x.example"], "and what is leased stays so"


def test_a_program_of_the_schema_before_may_put_webhooks_down(store: Store) -> None:
    row = inbox.row_of(news(1))._asdict()
    del row["organisation"]
    with writing(engine_of(store)) as connection:
        connection.execute(insert(inbox.inbox), [row])
    assert judged(store) == ["flood"]


def test_every_due_placement_is_announced_whatever_made_it_due(store: Store) -> None:
    """The one rule that claiming leans on."""
    for number in range(6):
        place(store, number, box("ab"[number % 2]), "st"[number % 3 == 0], 12 + number % 2)
    work = claim(store)
    assert work is not None
    store.release(work, Trouble("quota_exceeded", LATER))
    with writing(engine_of(store)) as connection:
        due = select(placements.c.mailbox_id).where(placements.c.due_at.is_not(None))
        assert set(connection.scalars(due)) == set(connection.scalars(select(dues.c.mailbox_id)))
