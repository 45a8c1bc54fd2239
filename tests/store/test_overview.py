"""What pages read beside the numbers of the moment: counts, failures, mailboxes, agents, the story of one event."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import create_engine, insert, true, update

from connectors.base import Done, Unconfirmed
from receiver.core.desired import Decision
from receiver.core.facts import EventKind
from receiver.core.mailboxes import Mailbox
from receiver.core.other_installations import OTHER_INSTALLATION
from receiver.core.plan import Placement, Verb, begin, dismiss, end
from receiver.operations.erasure import purge
from receiver.store import Store, counters, heartbeats
from receiver.store.counters import Tally
from receiver.store.database.tables import mailboxes, writes
from receiver.store.heartbeats import DEAD_AFTER, DEATHS_WITHIN, worker_name
from receiver.store.intake import judge_batch
from receiver.store.reports import activity, event_history, overview, status
from receiver.store.reports.activity import HourCount, ModelCount, SeriesCount
from receiver.store.reports.event_history import PlacementState, state_of
from receiver.store.reports.overview import FailureScope, MailboxSight
from receiver.store.tools import failures
from receiver.store.tools.failures import Chosen
from tests.makers import KARIM, MARTINE, NOW, a_delivery, incoming
from tests.store.failing_ground import BLOCKED, HERS, HIS, LEASE, TIMINGS, block, fail_event, hear, place, refuse
from tests.store.test_servers import at_once

HOUR = NOW.replace(minute=0)
A_MINUTE, AN_HOUR = timedelta(minutes=1), timedelta(hours=1)


def mailboxes_named(url: str, *names: tuple[str, str], **columns: object) -> None:
    """Mailboxes by (calendar, address)."""
    engine = create_engine(url)
    rows = [{"calendar": calendar, "address": address, "attempts": 0} | columns for calendar, address in names]
    with engine.begin() as connection:
        connection.execute(insert(mailboxes), rows)
    engine.dispose()


def change_mailboxes(url: str, address: str | None = None, **columns: object) -> None:
    """Give mailboxes that are there other columns."""
    engine = create_engine(url)
    named = mailboxes.c.address == address if address else true()
    with engine.begin() as connection:
        connection.execute(update(mailboxes).where(named).values(**columns))
    engine.dispose()


# Counts


def test_counts_are_told_hour_by_hour_from_the_hour_of_a_moment_on(store: Store) -> None:
    webhook, write = Tally("webhook", "mds", "Rdv", "accepted"), Tally("write", "exchange", "create", "done")
    store.write(counters.record, {webhook: 2}, {}, NOW - 2 * AN_HOUR)
    store.write(counters.record, {webhook: 3, write: 1}, {}, NOW - AN_HOUR)
    store.write(counters.record, {webhook: 1}, {}, NOW)
    store.write(counters.record, {webhook: 4}, {}, NOW)
    assert store.read(activity.hours, NOW - AN_HOUR + A_MINUTE) == [
        HourCount(HOUR - AN_HOUR, "webhook", "mds", "Rdv", "accepted", 3),
        HourCount(HOUR - AN_HOUR, "write", "exchange", "create", "done", 1),
        HourCount(HOUR, "webhook", "mds", "Rdv", "accepted", 5),
    ]


def test_an_hour_is_summed_up_as_people_count_it(store: Store) -> None:
    counts = {
        ("webhook", "mds", "Rdv", "accepted"): 1,
        ("webhook", "rsa", "Absence", "superseded"): 2,
        ("write", "exchange", "create", "done"): 4,
        ("write", "exchange", "update", "timeout"): 8,
        ("write", "pilot", "delete", "server_busy"): 16,
        ("refused", "mds", "", "payload"): 32,
        ("refused", "mds", "", "model"): 64,
        ("refused", "mds", "", "organisation"): 128,
    }
    store.write(counters.record, {Tally(*key): count for key, count in counts.items()}, {}, NOW)
    store.write(counters.record, {Tally("webhook", "mds", "Rdv", "accepted"): 256}, {}, NOW - AN_HOUR)
    store.write(counters.record, {Tally("webhook", "mds", "Rdv", "accepted"): 512}, {}, NOW - 2 * AN_HOUR)
    assert store.read(activity.series, NOW - AN_HOUR + A_MINUTE) == [
        SeriesCount(HOUR - AN_HOUR, "kept", 256),
        SeriesCount(HOUR, "done", 4),
        SeriesCount(HOUR, "failed", 24),
        SeriesCount(HOUR, "kept", 3),
        SeriesCount(HOUR, "refused", 32),
    ]


def test_what_was_kept_is_told_by_source_and_model(store: Store) -> None:
    for back_h, count in ((0, 1), (3, 2), (23, 4), (24, 8), (100, 16), (200, 32)):
        store.write(counters.record, {Tally("webhook", "mds", "Rdv", "accepted"): count}, {}, NOW - back_h * AN_HOUR)
    store.write(counters.record, {Tally("webhook", "mds", "Rdv", "superseded"): 64}, {}, NOW)
    store.write(counters.record, {Tally("webhook", "rsa", "Rdv", "accepted"): 5}, {}, NOW - 30 * AN_HOUR)
    store.write(
        counters.record,
        {Tally("write", "mds", "create", "done"): 7, Tally("refused", "mds", "", "payload"): 9},
        {},
        NOW,
    )
    later = HOUR + timedelta(minutes=20)
    assert store.read(activity.models, NOW - 150 * AN_HOUR, later - timedelta(days=1), later) == [
        ModelCount("mds", "Rdv", HOUR, 65, 71),
        ModelCount("rsa", "Rdv", HOUR - 30 * AN_HOUR, 0, 0),
    ]


def test_what_was_counted_ever_outlives_the_hours(store: Store) -> None:
    webhook = Tally("webhook", "mds", "Rdv", "accepted")
    store.write(counters.record, {webhook: 2}, {}, NOW - timedelta(days=50))
    store.write(counters.record, {webhook: 3}, {}, NOW)
    purge(store, NOW, tombstone_days=30, journal_days=30)
    assert [each.count for each in store.read(activity.hours, NOW - timedelta(days=60))] == [3]
    assert store.read(counters.ever) == {webhook: 5}


def test_figures_are_told_by_name(store: Store) -> None:
    store.write(counters.record, {}, {"unmapped": 3, "audit": 40}, NOW)
    assert {name: (each.value, each.taken_at) for name, each in store.read(counters.figures_named).items()} == {
        "audit": (40, NOW),
        "unmapped": (3, NOW),
    }


def test_a_newer_figure_stays_and_one_of_the_future_does_not(store: Store) -> None:
    store.write(counters.record, {}, {"unmapped": 3, "audit": 40}, NOW)
    store.write(counters.record, {}, {"unmapped": 9}, NOW - A_MINUTE)
    store.write(counters.record, {}, {"audit": 41}, NOW - timedelta(hours=1))
    assert {name: each.value for name, each in store.read(counters.figures_named).items()} == {
        "unmapped": 3,
        "audit": 41,
    }


def test_processes_are_told_with_their_last_beat(store: Store) -> None:
    store.write(heartbeats.beat, "worker/a", NOW)
    store.write(heartbeats.beat, "web", NOW - A_MINUTE)
    assert store.read(heartbeats.beats) == {"web": NOW - A_MINUTE, "worker/a": NOW}


def test_a_worker_without_a_goodbye_is_a_death_and_one_with_it_is_none(store: Store) -> None:
    """Names of before, which said no goodbye, count for nothing."""
    dead, ended, alive = (worker_name("a-host", pid) for pid in (7, 8, 7))
    store.write(heartbeats.beat, dead, NOW - DEATHS_WITHIN)
    store.write(heartbeats.beat, worker_name("a-host", 6), NOW - DEATHS_WITHIN - A_MINUTE)
    store.write(heartbeats.beat, "worker/a-host/5", NOW - A_MINUTE)
    store.write(heartbeats.beat, ended, NOW - A_MINUTE)
    store.write(heartbeats.beat, alive, NOW - DEAD_AFTER + timedelta(seconds=1))
    store.write(heartbeats.say_goodbye, ended)
    store.write(heartbeats.say_goodbye, "worker/never/1/was")
    sight = store.read(status.look, [], [], NOW)
    assert (sight.worker_deaths, sight.worker_deaths_since) == (1, NOW - DEATHS_WITHIN)
    assert store.read(heartbeats.beats)["worker/a-host"] == NOW - A_MINUTE, "it was heard of then, and no later"
    assert ended not in store.read(heartbeats.beats)


def test_the_name_of_a_worker_fits_whatever_the_hosts_is() -> None:
    assert len(worker_name("h" * 300, 4_194_304)) <= 80


# Failures


def test_failures_are_grouped_by_scope_server_and_code(store: Store) -> None:
    for number in (5, 6):
        hear(store, number)
    place(store, {HERS: "d1"})
    refuse(store)
    hear(store, 7)
    place(store, {HERS: "d1", HIS: "d1"})
    block(store)
    hear(store, 8)
    fail_event(store)
    seen = {(group.scope, group.calendar, group.code): group.count for group in store.read(overview.failures, NOW)}
    assert seen == {
        (FailureScope.MAILBOX, "exchange", "impersonation_denied"): 1,
        (FailureScope.ENTRY, "exchange", "invalid_item"): 2,
        (FailureScope.EVENT, "", "recurrence_not_holdable"): 1,
    }


def test_a_group_tells_since_when_it_has_been_so(store: Store, store_url: str) -> None:
    """Entries: since the oldest wish."""
    hear(store, 5)
    place(store, {HERS: "d1"})
    refuse(store)
    assert [(group.code, group.since) for group in store.read(overview.failures, NOW)] == [("invalid_item", NOW)]


@pytest.mark.parametrize(
    ("succeeded_at", "looked_at", "since"),
    [
        (None, NOW, NOW),
        (NOW - timedelta(days=90), NOW + AN_HOUR, NOW),
        (NOW + A_MINUTE, NOW + AN_HOUR, NOW + A_MINUTE),
        (NOW - AN_HOUR, NOW - A_MINUTE, None),
    ],
    ids=["it never worked", "it was not needed for long", "it still worked then", "what waits is not due yet"],
)
def test_a_mailbox_fails_since_a_change_waits_and_none_went_in(
    store: Store, store_url: str, succeeded_at: datetime | None, looked_at: datetime, since: datetime | None
) -> None:
    """Nobody notes when a trouble begins; the last success may be months before it, or never have been."""
    hear(store, 5)
    place(store, {HERS: "d1"})
    block(store)
    change_mailboxes(store_url, succeeded_at=succeeded_at)
    assert [group.since for group in store.read(overview.failures, looked_at)] == [since]


def test_of_several_mailboxes_the_first_tells_since_when(store: Store, store_url: str) -> None:
    hear(store, 5)
    place(store, {HERS: "d1", HIS: "d1"})
    block(store)
    block(store)
    change_mailboxes(store_url, address=HIS.address, succeeded_at=NOW + A_MINUTE)
    mailboxes_named(store_url, ("exchange", "idle@x"), failure="impersonation_denied", succeeded_at=NOW - AN_HOUR)
    assert [(group.count, group.since) for group in store.read(overview.failures, NOW + AN_HOUR)] == [(3, NOW)]


# Mailboxes


def test_mailboxes_come_page_by_page_in_the_order_of_addresses(store: Store, store_url: str) -> None:
    mailboxes_named(store_url, *[("exchange", f"agent{number}@x") for number in (3, 1, 5, 2, 4)])
    first = store.read(overview.mailbox_page, "", 2, failing=False)
    assert [each.address for each in first] == ["agent1@x", "agent2@x"]
    assert [each.address for each in store.read(overview.mailbox_page, "agent2@x", 2, failing=False)] == [
        "agent3@x",
        "agent4@x",
    ]
    assert [each.address for each in store.read(overview.mailbox_page, "agent4@x", 2, failing=False)] == ["agent5@x"]
    assert store.read(overview.mailbox_page, "agent5@x", 2, failing=False) == []


def test_an_address_on_two_servers_is_never_torn_apart(store: Store, store_url: str) -> None:
    """The next page begins behind the address: what was left of it would be on no page."""
    mailboxes_named(store_url, ("autre", "agent1@x"), ("exchange", "agent1@x"), ("exchange", "agent2@x"))
    first = store.read(overview.mailbox_page, "", 1, failing=False)
    assert [(each.calendar, each.address) for each in first] == [("autre", "agent1@x"), ("exchange", "agent1@x")]
    assert [each.address for each in store.read(overview.mailbox_page, "agent1@x", 1, failing=False)] == ["agent2@x"]


def test_only_those_that_fail_are_shown_where_they_are_asked_for(store: Store) -> None:
    hear(store, 5)
    place(store, {HIS: "d1"})
    block(store)
    hear(store, 6)
    place(store, {HERS: "d1"})
    [failing] = store.read(overview.mailbox_page, "", 10, failing=True)
    assert failing == MailboxSight("exchange", HIS.address, "impersonation_denied", BLOCKED, None)
    assert [each.address for each in store.read(overview.mailbox_page, "", 10, failing=False)] == [
        HIS.address,
        HERS.address,
    ]


def test_another_address_of_a_mailbox_is_not_a_mailbox(store: Store, store_url: str) -> None:
    mailboxes_named(store_url, ("exchange", "agent1@x"), ("exchange", "alias@x"))
    engine = create_engine(store_url)
    with engine.begin() as connection:
        connection.execute(update(mailboxes).where(mailboxes.c.address == "alias@x").values(same_as=1))
    engine.dispose()
    assert [each.address for each in store.read(overview.mailbox_page, "", 10, failing=False)] == ["agent1@x"]


# Agents


def test_agents_of_events_that_lack_a_mailbox_come_the_busiest_first(store: Store) -> None:
    both, one, over = (
        a_delivery(wire_id=number, uuid=f"uuid-{number}", agents=agents, **state)  # type: ignore[arg-type]
        for number, agents, state in (
            (1, (MARTINE, KARIM), {}),
            (2, (KARIM,), {}),
            (3, (MARTINE,), {"starts_at": NOW - 2 * AN_HOUR, "ends_at": NOW - AN_HOUR}),
        )
    )
    store.write(judge_batch.take, [incoming(each) for each in (both, one, over)], NOW)
    store.settle(lambda view: Decision({}, unmapped=1), NOW)
    found = [(each.email, each.events) for each in store.read(overview.unmapped_agents, NOW, 10)]
    assert found == [(KARIM.email, 2), (MARTINE.email, 1)]
    assert [each.email for each in store.read(overview.unmapped_agents, NOW, 1)] == [KARIM.email]


def test_agents_who_are_all_mapped_are_not_asked_for(store: Store) -> None:
    hear(store, 5)
    place(store, {HERS: "d1"})
    assert store.read(overview.unmapped_agents, NOW, 10) == []


# The story of one event


def write_once(store: Store, verb: Verb = Verb.CREATE, outcome: Done | Unconfirmed | None = None) -> None:
    """One batch of what is due, with an outcome."""
    work = store.claim("exchange", NOW, 100, LEASE)
    assert work is not None
    ids = [item.placement.id for item in work.items]
    store.advance(work, dict.fromkeys(ids, lambda p: begin(p, verb, NOW, TIMINGS)), NOW, LEASE)
    if outcome is not None:
        store.advance(work, dict.fromkeys(ids, lambda p: end(p, p.desired, outcome, NOW, 0)), NOW, LEASE)
    store.release(work, succeeded_at=NOW)


def test_the_story_of_an_event_is_told_by_its_number(store: Store) -> None:
    hear(store, 5, age_s=120)
    hear(store, 5, age_s=60, motif="Autre")
    place(store, {HERS: "d1"})
    write_once(store, outcome=Done("item"))
    [story] = store.read(event_history.history, 5, 10)
    assert (story.uid, story.model, story.platform) == ("Rdv/uuid-5@production", "Rdv", "production")
    assert (story.source, story.kind, story.state_at) == ("mds", "updated", NOW - A_MINUTE)
    assert (story.destroyed, story.unmapped, story.failure) == (False, 0, None)
    assert [(each.state_at, each.verdict) for each in story.deliveries[:1]] == [(NOW - A_MINUTE, "accepted")]
    assert len(story.deliveries) == 2
    [placement] = story.placements
    assert (placement.address, placement.calendar) == (HERS.address, "exchange")
    assert (placement.state, placement.failure, placement.due_at) == (PlacementState.WRITTEN, None, None)


def test_an_event_that_is_gone_says_so(store: Store) -> None:
    hear(store, 5)
    store.write(judge_batch.take, [incoming(a_delivery(10, EventKind.DESTROYED, wire_id=5, uuid="uuid-5"))], NOW)
    [story] = store.read(event_history.history, 5, 10)
    assert (story.destroyed, story.kind) == (True, "destroyed")


def test_a_number_that_nobody_told_of_has_no_story(store: Store) -> None:
    assert store.read(event_history.history, 5, 10) == []


def test_platforms_count_each_for_itself(store: Store) -> None:
    hear(store, 5)
    other = a_delivery(wire_id=5, uuid="other")
    store.write(judge_batch.take, [incoming(other, platform="demo", source="essai")], NOW)
    assert [(each.platform, len(each.deliveries)) for each in store.read(event_history.history, 5, 10)] == [
        ("demo", 1),
        ("production", 1),
    ]


def test_of_webhooks_and_writes_the_newest_are_told(store: Store, store_url: str) -> None:
    for number in (1, 2):
        for age_s in (300, 200, 100):
            hear(store, number, age_s=age_s, motif=f"M{age_s}")
    mailboxes_named(store_url, ("exchange", HERS.address))
    engine = create_engine(store_url)
    with engine.begin() as connection:
        rows = [
            {"event_id": 1, "mailbox_id": 1, "verb": verb, "outcome": "done", "written_at": NOW + at * A_MINUTE}
            for at, verb in enumerate(("create", "update", "delete"))
        ]
        connection.execute(insert(writes), rows)
    engine.dispose()
    [story] = store.read(event_history.history, 1, 2)
    assert [(each.verb, each.address) for each in story.writes] == [("delete", HERS.address), ("update", HERS.address)]
    assert len(story.deliveries) == 2


PLACED = Placement(id=1, uid="u", desired="d", applied="d")


@pytest.mark.parametrize(
    ("placement", "state"),
    [
        (PLACED, PlacementState.WRITTEN),
        (replace(PLACED, recheck_at=NOW), PlacementState.WRITTEN),
        (replace(PLACED, applied=None), PlacementState.WAITING),
        (replace(PLACED, desired=None), PlacementState.WAITING),
        (replace(PLACED, applied=None, failure="server_busy", attempts=3), PlacementState.WAITING),
        (replace(PLACED, attempted=Verb.UPDATE, look_up_at=NOW), PlacementState.UNCONFIRMED),
        (replace(PLACED, applied=None, failure="invalid_item", gave_up=True), PlacementState.FAILED),
        (dismiss(replace(PLACED, applied=None, failure="invalid_item", gave_up=True)), PlacementState.DISMISSED),
        (replace(PLACED, applied=None, declined=True), PlacementState.DECLINED),
    ],
)
def test_a_placement_stands_in_one_of_six_ways(placement: Placement, state: PlacementState) -> None:
    assert state_of(placement) is state


# The numbers of the moment, where there are many


def test_what_waits_is_counted_so_far_and_no_further(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status, "COUNTED", 2)
    for number in (5, 6, 7):
        hear(store, number)
    assert store.read(status.look, [], [], NOW).unsettled == 2
    place(store, {HERS: "d1"})
    assert store.read(status.look, [], [], NOW).due == 2


@pytest.mark.parametrize("first", [1, 2, 1_000])
def test_the_oldest_change_of_those_in_no_trouble_is_found(
    store: Store, monkeypatch: pytest.MonkeyPatch, first: int
) -> None:
    """However many older ones wait for a mailbox or a server in trouble."""
    monkeypatch.setattr(status, "FIRST", first)
    elsewhere = Mailbox("autre", "x@x")
    for age, mailbox in ((3, elsewhere), (2, HIS), (1, HERS)):
        hear(store, age)
        wishes: dict[Mailbox, str | None] = {mailbox: "d"}
        store.settle(lambda view, wishes=wishes: Decision(wishes), NOW - age * A_MINUTE)  # type: ignore[misc]
    assert store.read(status.look, [], [], NOW).oldest_due_at == NOW - 3 * A_MINUTE
    assert store.read(status.look, [], ["autre"], NOW).oldest_due_at == NOW - 2 * A_MINUTE
    block(store)
    assert store.read(status.look, [], ["autre"], NOW).oldest_due_at == NOW - A_MINUTE
    assert store.read(status.look, [], ["autre", "exchange"], NOW).oldest_due_at is None


def test_the_last_webhook_of_each_source_is_told(store: Store) -> None:
    hear(store, 5)
    assert store.read(status.look, ["mds", "silent"], [], NOW).last_webhook == {"mds": NOW}
    assert store.read(status.look, [], [], NOW).last_webhook == {}


def test_counts_of_several_processes_at_once_are_all_kept(store: Store) -> None:
    """Of the hour, and of ever: every web process and every worker adds to the same rows."""
    webhook, write = Tally("webhook", "mds", "Rdv", "accepted"), Tally("write", "exchange", "create", "done")
    at_once(lambda _: store.write(counters.record, {webhook: 2, write: 1}, {}, NOW))
    assert store.read(counters.ever) == {webhook: 16, write: 8}
    assert [each.count for each in store.read(activity.hours, NOW)] == [16, 8]


def test_whose_entries_stand_in_the_way_is_told_of_that_failure_alone(store: Store, store_url: str) -> None:
    """What an older program leaves of another failure is no other installation."""
    one, two = "00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"
    shut = {"failure": OTHER_INSTALLATION}
    mailboxes_named(store_url, ("exchange", "a@x"), ("exchange", "b@x"), **shut, other_installation=two)
    mailboxes_named(store_url, ("exchange", "c@x"), ("autre", "d@x"), **shut, other_installation=one)
    mailboxes_named(store_url, ("exchange", "e@x"), failure="quota_exceeded", other_installation=one)
    told = [(each.calendar, each.code, each.count, each.installations) for each in store.read(overview.failures, NOW)]
    assert told == [
        ("autre", OTHER_INSTALLATION, 1, (one,)),
        ("exchange", OTHER_INSTALLATION, 3, (one, two)),
        ("exchange", "quota_exceeded", 1, ()),
    ]
    page = store.read(overview.mailbox_page, "", 10, failing=True)
    assert [each.installation for each in page] == [two, two, one, one, None]
    found, _ = store.read(failures.listed, FailureScope.MAILBOX, Chosen(calendar="exchange"), 0, 10)
    assert [each.installation for each in found] == [two, two, one, ""]
