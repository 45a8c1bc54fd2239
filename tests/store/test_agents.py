"""What is known of agents: the newest e-mail, the last real one, and the places in organisations."""

import itertools
import threading
from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import create_engine, select

from receiver.core.desired import Decision, EventView
from receiver.core.facts import AgentRef, EventKind, News
from receiver.operations.erasure import purge
from receiver.store import Store, Verdict
from receiver.store.database.records import ComingAgent
from receiver.store.database.tables import agents, deliveries, roles
from receiver.store.intake import judge_batch
from receiver.store.reports import overview
from receiver.store.work import settling
from tests.makers import KARIM, MARTINE, NOW, a_delivery, a_plage, a_role, a_slot, an_absence, an_agent, incoming, wall

RENAMED = replace(MARTINE, email="martine.dupont@departement.example")
LEFT = replace(MARTINE, email="agent_31@deleted.rdv-solidarites.fr")
DAY_S = 86400
CREATED, UPDATED, DESTROYED = EventKind.CREATED, EventKind.UPDATED, EventKind.DESTROYED


def accept(store: Store, news: News, **how: Any) -> Verdict:
    return store.write(judge_batch.take, [incoming(news, **how)], NOW)[0].verdict


def settled(store: Store) -> dict[str, EventView]:
    """What is to be settled, by the kind of event; settles it."""
    seen: list[EventView] = []

    def look(view: EventView) -> Decision:
        seen.append(view)
        return Decision({})

    while store.settle(look, NOW):
        pass
    return {view.uid.partition("@")[0]: view for view in seen}


def rows(url: str, table: Any) -> list[dict[str, Any]]:
    engine = create_engine(url)
    with engine.connect() as connection:
        found = [dict(row) for row in connection.execute(select(table)).mappings()]
    engine.dispose()
    return found


def hers(url: str) -> dict[str, Any]:
    [row] = [row for row in rows(url, agents) if row["ident"] == MARTINE.ident]
    return row


# E-mails


def test_an_agents_news_have_all_that_is_to_come_settled_again(store: Store) -> None:
    past = {"starts_at": NOW - timedelta(days=2), "ends_at": NOW - timedelta(days=2)}
    accept(store, a_delivery(60, wire_id=1, uuid=None))
    accept(store, a_delivery(60, wire_id=2, uuid=None, **past))
    accept(store, a_delivery(60, wire_id=3, uuid=None, agents=(KARIM,)))
    accept(store, a_slot(an_absence()))
    settled(store)
    assert accept(store, an_agent(RENAMED, 30)) is Verdict.ACCEPTED
    concerned = settled(store)
    assert concerned.keys() == {"Rdv/1", "Absence/88"}
    assert [agent.email for agent in concerned["Absence/88"].agents] == [RENAMED.email]


def test_news_without_a_change_leave_nothing_to_settle(store: Store) -> None:
    accept(store, a_delivery(60))
    settled(store)
    assert accept(store, an_agent(MARTINE, 30)) is Verdict.ACCEPTED
    assert not store.read(settling.has_unsettled)


def test_the_same_news_again_are_a_duplicate(store: Store, store_url: str) -> None:
    assert accept(store, an_agent(RENAMED), body=b"a") is Verdict.ACCEPTED
    assert accept(store, an_agent(RENAMED), body=b"a") is Verdict.DUPLICATE
    assert [row["event_id"] for row in rows(store_url, deliveries)] == [None]


def test_news_that_are_older_than_what_is_known_are_superseded(store: Store, store_url: str) -> None:
    accept(store, a_delivery(60, agents=(RENAMED,)))
    settled(store)
    assert accept(store, an_agent(MARTINE, 90)) is Verdict.SUPERSEDED
    assert (hers(store_url)["email"], store.read(settling.has_unsettled)) == (RENAMED.email, False)


def test_the_last_real_email_of_an_agent_who_left_is_kept(store: Store, store_url: str) -> None:
    accept(store, an_agent(MARTINE, 90))
    accept(store, an_agent(RENAMED, 80))
    accept(store, an_agent(LEFT, 70))
    assert (hers(store_url)["email"], hers(store_url)["former_email"]) == (LEFT.email, RENAMED.email)
    accept(store, an_agent(replace(LEFT, email="other@deleted.rdv-solidarites.fr"), 60))
    assert hers(store_url)["former_email"] == RENAMED.email, "a departed agent has no other real one"


def test_the_departure_shows_in_any_payload_that_lists_the_agent(store: Store, store_url: str) -> None:
    """There is no webhook for it."""
    accept(store, a_delivery(60, wire_id=1, uuid=None))
    settled(store)
    accept(store, a_delivery(30, wire_id=2, uuid=None, agents=(LEFT,)))
    view = settled(store)["Rdv/1"]
    assert (LEFT.email, MARTINE.email) in {(agent.email, agent.former_email) for agent in view.agents}


def test_an_agent_first_met_as_departed_has_the_real_email_from_an_older_payload(store: Store, store_url: str) -> None:
    """Deliveries come in any order: what the agent was called must not depend on it."""
    accept(store, a_delivery(30, wire_id=1, uuid=None, agents=(LEFT,)))
    settled(store)
    accept(store, a_delivery(60, wire_id=2, uuid=None, agents=(MARTINE,)))
    assert (hers(store_url)["email"], hers(store_url)["former_email"]) == (LEFT.email, MARTINE.email)
    assert settled(store).keys() == {"Rdv/1", "Rdv/2"}


def test_platforms_number_their_agents_apart(store: Store, store_url: str) -> None:
    accept(store, an_agent(MARTINE, 60))
    accept(store, an_agent(RENAMED, 30), platform="demo")
    assert sorted(row["email"] for row in rows(store_url, agents)) == [MARTINE.email, RENAMED.email]


# Places in organisations


def gone_at_s(url: str) -> float | None:
    """How long ago the last place was lost."""
    gone_at = hers(url)["roles_gone_at"]
    return None if gone_at is None else (NOW - gone_at).total_seconds()


def test_losing_the_last_place_concerns_coming_absences_and_plages_alone(store: Store, store_url: str) -> None:
    accept(store, a_delivery(90))
    accept(store, a_slot(an_absence(), 90))
    accept(store, a_slot(a_plage(), 90, wire_id=568))
    over = an_absence(first_start=wall("2026-11-02 08:00"), first_end=wall("2026-11-06 18:00"))
    accept(store, a_slot(over, 90, wire_id=70))
    settled(store)
    assert accept(store, a_role(77, DESTROYED, 60)) is Verdict.ACCEPTED
    concerned = settled(store)
    assert concerned.keys() == {"Absence/88", "PlageOuverture/568"}
    [agent] = concerned["Absence/88"].agents
    assert agent.roles_gone_at == NOW - timedelta(seconds=60)
    assert gone_at_s(store_url) == 60


def test_one_place_of_two_is_still_one(store: Store, store_url: str) -> None:
    accept(store, a_slot(an_absence(), 300))
    accept(store, a_role(77, CREATED, 200))
    accept(store, a_role(78, CREATED, 190))
    settled(store)
    accept(store, a_role(77, DESTROYED, 60))
    assert (gone_at_s(store_url), store.read(settling.has_unsettled)) == (None, False)
    accept(store, a_role(78, DESTROYED, 50))
    assert gone_at_s(store_url) == 50
    assert settled(store).keys() == {"Absence/88"}


def test_a_place_that_is_created_later_brings_the_agent_back(store: Store, store_url: str) -> None:
    accept(store, a_slot(an_absence(), 300))
    accept(store, a_role(77, DESTROYED, 60))
    settled(store)
    accept(store, a_role(79, CREATED, 30))
    assert gone_at_s(store_url) is None
    assert settled(store).keys() == {"Absence/88"}


def test_a_place_of_another_agent_is_not_hers(store: Store, store_url: str) -> None:
    accept(store, a_role(78, CREATED, 190, KARIM))
    accept(store, a_role(77, DESTROYED, 60))
    assert gone_at_s(store_url) == 60


def test_a_place_that_is_gone_stays_gone(store: Store, store_url: str) -> None:
    """`destroyed` is rendered before the deletion; an `updated` may carry a newer time."""
    accept(store, a_role(77, DESTROYED, 60))
    assert accept(store, a_role(77, UPDATED, 30)) is Verdict.SUPERSEDED
    assert accept(store, a_role(77, DESTROYED, 20)) is Verdict.SUPERSEDED
    assert gone_at_s(store_url) == 60


def test_an_older_word_of_a_place_is_superseded_and_a_repeat_is_a_duplicate(store: Store) -> None:
    assert accept(store, a_role(77, UPDATED, 60), body=b"a") is Verdict.ACCEPTED
    assert accept(store, a_role(77, CREATED, 90)) is Verdict.SUPERSEDED
    assert accept(store, a_role(77, UPDATED, 60), body=b"a") is Verdict.DUPLICATE


STORY = (
    a_role(77, CREATED, 500),
    a_role(78, CREATED, 400),
    a_role(78, DESTROYED, 300),
    a_role(77, DESTROYED, 100),
)


def test_the_end_is_the_same_in_every_order_and_with_every_repeat(store: Store, store_url: str) -> None:
    """The emitter's jobs run in parallel. What counts is when the last place was lost, not which message came last."""
    for number, order in enumerate(itertools.permutations(STORY)):
        agent = AgentRef(f"{1000 + number}", "someone@departement.example")
        for news in (*order, order[0]):
            accept(store, replace(news, agent=agent, wire_id=news.wire_id + 100 * number))
    assert {row["roles_gone_at"] for row in rows(store_url, agents)} == {NOW - timedelta(seconds=100)}


def test_hosts_that_hear_of_the_last_two_places_at_once_agree_that_none_is_left(store_url: str) -> None:
    """Each takes one away; neither may believe that the other's is still there."""
    stores = [Store(store_url) for _ in range(2)]
    idents = [str(number) for number in range(100, 110)]
    for number, ident in enumerate(idents):
        for role in (77, 78):
            accept(stores[0], a_role(role + 10 * number, CREATED, 200, AgentRef(ident, "x@departement.example")))
    barrier = threading.Barrier(2)

    def play(host: int) -> None:
        for number, ident in enumerate(idents):
            barrier.wait(20)
            news = a_role(77 + host + 10 * number, DESTROYED, 60 - host, AgentRef(ident, "x@departement.example"))
            accept(stores[host], news)

    threads = [threading.Thread(target=play, args=(host,)) for host in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [row["roles_gone_at"] for row in rows(store_url, agents)] == [NOW - timedelta(seconds=59)] * len(idents)
    for store in stores:
        store.close()


def test_the_email_in_a_role_counts_too(store: Store, store_url: str) -> None:
    accept(store, an_agent(MARTINE, 90))
    accept(store, a_role(77, CREATED, 60, RENAMED))
    assert hers(store_url)["email"] == RENAMED.email


def test_places_that_are_gone_are_forgotten_with_the_tombstones(store: Store, store_url: str) -> None:
    accept(store, a_role(77, DESTROYED, 60))
    accept(store, a_role(78, CREATED, 60))
    purge(store, NOW + timedelta(days=29), tombstone_days=30, journal_days=60)
    assert len(rows(store_url, roles)) == 2
    purge(store, NOW + timedelta(days=31), tombstone_days=30, journal_days=60)
    assert [row["wire_id"] for row in rows(store_url, roles)] == [78]


# Who is expected


def test_agents_with_events_to_come_are_told_the_busiest_first(store: Store) -> None:
    past = {"starts_at": NOW - timedelta(days=2), "ends_at": NOW - timedelta(days=2)}
    accept(store, a_delivery(60, wire_id=1, uuid=None))
    accept(store, a_delivery(60, wire_id=2, uuid=None, agents=(KARIM, AgentRef("90", None))))
    accept(store, a_delivery(60, wire_id=3, uuid=None, agents=(AgentRef("91", "x@past.example"),), **past))
    accept(store, a_slot(an_absence(), agent=KARIM))
    accept(store, a_delivery(60, wire_id=4, uuid=None))
    accept(store, a_delivery(30, DESTROYED, wire_id=4, uuid=None))
    assert store.read(overview.coming_agents, NOW) == [
        ComingAgent("production", KARIM.ident, str(KARIM.email), 3),
        ComingAgent("production", MARTINE.ident, str(MARTINE.email), 1),
    ]
