"""Taking webhooks in: the newest facts stay, whatever the order, the repeats and the hosts."""

import threading
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import create_engine, select

from receiver.core.desired import Decision, EventView
from receiver.core.facts import AgentRef, Emitter, EventKind
from receiver.store import Store, Verdict
from receiver.store.database.tables import event_agents, events
from receiver.store.intake import judge_batch
from receiver.store.work import settling
from tests.makers import KARIM, MARTINE, NOW, UUID, a_delivery, incoming


def views(store: Store) -> list[EventView]:
    """What would be settled now; settles it."""
    seen: list[EventView] = []

    def look(view: EventView) -> Decision:
        seen.append(view)
        return Decision({})

    store.settle(look, NOW)
    return seen


def emails(view: EventView) -> tuple[str | None, ...]:
    return tuple(agent.email for agent in view.agents)


def rows(url: str, table: object) -> list[dict[str, object]]:
    engine = create_engine(url)
    with engine.connect() as connection:
        found = [dict(row) for row in connection.execute(select(table)).mappings()]  # type: ignore[call-overload]
    engine.dispose()
    return found


def verdict(store: Store, *args: object, **kwargs: object) -> Verdict:
    return store.write(judge_batch.take, [incoming(*args, **kwargs)], NOW)[0].verdict  # type: ignore[arg-type]


def test_news_are_kept_and_mark_the_event_unsettled(store: Store) -> None:
    assert verdict(store, a_delivery()) is Verdict.ACCEPTED
    [view] = views(store)
    assert view.uid == f"Rdv/{UUID}@production"
    assert view.state == a_delivery().state
    assert sorted(emails(view), key=str) == [KARIM.email, MARTINE.email]


def test_an_older_state_that_arrives_later_changes_nothing(store: Store) -> None:
    store.write(judge_batch.take, [incoming(a_delivery(60, motif="Nouveau"))], NOW)
    views(store)
    assert verdict(store, a_delivery(120, motif="Ancien")) is Verdict.SUPERSEDED
    assert views(store) == []


def test_the_same_body_again_is_a_duplicate_even_after_others(store: Store) -> None:
    """A retry of an acknowledged body may arrive after its successor of the same second."""
    store.write(judge_batch.take, [incoming(a_delivery(60, motif="A"), body=b"a")], NOW)
    store.write(judge_batch.take, [incoming(a_delivery(60, motif="B"), body=b"b")], NOW)
    assert verdict(store, a_delivery(60, motif="A"), body=b"a") is Verdict.DUPLICATE
    [view] = views(store)
    assert view.state is not None
    assert view.state.motif == "B"


def test_of_two_different_states_of_one_second_the_later_arrival_wins_and_is_marked(
    store: Store, store_url: str
) -> None:
    store.write(judge_batch.take, [incoming(a_delivery(60, motif="A"))], NOW)
    [receipt] = store.write(judge_batch.take, [incoming(a_delivery(60, motif="B"))], NOW)
    assert (receipt.verdict, receipt.ambiguous) == (Verdict.ACCEPTED, True)
    assert rows(store_url, events)[0]["ambiguous"] is True
    store.write(judge_batch.take, [incoming(a_delivery(30, motif="C"))], NOW)
    assert rows(store_url, events)[0]["ambiguous"] is False, "the next state settles the doubt"


def test_a_state_with_the_same_facts_leaves_nothing_to_settle(store: Store) -> None:
    """`seen`, `noshow`, an usager's new phone number: nothing that a calendar shows."""
    store.write(judge_batch.take, [incoming(a_delivery(60))], NOW)
    views(store)
    assert verdict(store, a_delivery(30)) is Verdict.ACCEPTED
    assert not store.read(settling.has_unsettled)
    assert verdict(store, a_delivery(40, motif="Ancien")) is Verdict.SUPERSEDED, "its age was noted all the same"


def test_destroyed_is_final_and_keeps_nothing_of_the_event(store: Store, store_url: str) -> None:
    store.write(judge_batch.take, [incoming(a_delivery(60))], NOW)
    store.write(judge_batch.take, [incoming(a_delivery(50, EventKind.DESTROYED))], NOW)
    assert verdict(store, a_delivery(40)) is Verdict.SUPERSEDED, "rendered a second after the deletion"
    [row] = rows(store_url, events)
    assert (row["facts"], row["ends_at"]) == (None, None)
    assert rows(store_url, event_agents) == []


def test_destroying_what_was_never_known_leaves_a_tombstone(store: Store) -> None:
    assert verdict(store, a_delivery(50, EventKind.DESTROYED)) is Verdict.ACCEPTED
    assert verdict(store, a_delivery(60)) is Verdict.SUPERSEDED


def test_an_event_first_known_by_its_id_keeps_its_key_when_its_uuid_appears(store: Store, store_url: str) -> None:
    store.write(judge_batch.take, [incoming(a_delivery(60, uuid=None))], NOW)
    store.write(judge_batch.take, [incoming(a_delivery(50))], NOW)
    store.write(judge_batch.take, [incoming(a_delivery(40, wire_id=None))], NOW)
    [row] = rows(store_url, events)
    assert (row["uid"], row["uuid"], row["wire_id"]) == ("Rdv/4330@production", UUID, 4330)


def test_the_same_ids_on_another_platform_are_another_event(store: Store, store_url: str) -> None:
    store.write(judge_batch.take, [incoming(a_delivery())], NOW)
    store.write(judge_batch.take, [incoming(a_delivery(), platform="demo")], NOW)
    assert len(rows(store_url, events)) == 2


def test_an_id_that_two_uuids_claim_makes_two_events(store: Store, store_url: str) -> None:
    """It cannot happen on one platform; if it does, neither event is lost or takes the other's place."""
    store.write(judge_batch.take, [incoming(a_delivery())], NOW)
    store.write(judge_batch.take, [incoming(a_delivery(50, uuid="ffffffff-6f0e-4c57-9d0b-6a6c1b6f2b11"))], NOW)
    assert [row["wire_id"] for row in rows(store_url, events)] == [4330, None]


def test_rdv_service_public_comes_before_rdv_insertion_whatever_the_ages(store: Store) -> None:
    insertion = {"source": "rsa", "emitter": Emitter.RDV_INSERTION}
    assert verdict(store, a_delivery(30, motif="RSA"), **insertion) is Verdict.ACCEPTED
    assert verdict(store, a_delivery(90, motif="SP")) is Verdict.ACCEPTED
    assert verdict(store, a_delivery(10, motif="RSA"), **insertion) is Verdict.SUPERSEDED
    [view] = views(store)
    assert view.state is not None
    assert view.state.motif == "SP"


def test_an_agent_taken_off_is_no_longer_listed(store: Store) -> None:
    store.write(judge_batch.take, [incoming(a_delivery(60))], NOW)
    store.write(judge_batch.take, [incoming(a_delivery(50, agents=(KARIM,)))], NOW)
    assert emails(views(store)[0]) == (KARIM.email,)


def test_a_new_email_concerns_every_coming_event_of_the_agent_and_no_past_one(store: Store) -> None:
    past = {"starts_at": NOW - timedelta(days=2), "ends_at": NOW - timedelta(days=2)}
    store.write(judge_batch.take, [incoming(a_delivery(60, wire_id=1, uuid=None))], NOW)
    store.write(judge_batch.take, [incoming(a_delivery(60, wire_id=2, uuid=None, **past))], NOW)
    views(store)
    renamed = replace(MARTINE, email="martine.dupont@departement.example")
    store.write(judge_batch.take, [incoming(a_delivery(30, agents=(renamed,), wire_id=3, uuid=None))], NOW)
    concerned = {view.uid: emails(view) for view in views(store)}
    assert concerned.keys() == {"Rdv/1@production", "Rdv/3@production"}
    assert renamed.email in concerned["Rdv/1@production"]


def test_an_older_email_does_not_come_back(store: Store) -> None:
    renamed = replace(MARTINE, email="martine.dupont@departement.example")
    store.write(judge_batch.take, [incoming(a_delivery(30, agents=(renamed,), wire_id=1, uuid=None))], NOW)
    store.write(judge_batch.take, [incoming(a_delivery(60, agents=(MARTINE,), wire_id=2, uuid=None))], NOW)
    assert {emails(view) for view in views(store)} == {(renamed.email,)}


def test_an_agent_without_email_is_kept(store: Store) -> None:
    store.write(judge_batch.take, [incoming(a_delivery(agents=(AgentRef("90", None),)))], NOW)
    assert emails(views(store)[0]) == (None,)


def test_a_batch_is_judged_in_its_order_and_kept_as_one(store: Store) -> None:
    batch = [incoming(a_delivery(60, motif="A")), incoming(a_delivery(50, motif="B")), incoming(a_delivery(55))]
    verdicts = [receipt.verdict for receipt in store.write(judge_batch.take, batch, NOW)]
    assert verdicts == [Verdict.ACCEPTED, Verdict.ACCEPTED, Verdict.SUPERSEDED]


def test_concurrent_hosts_agree_on_the_newest_state(store_url: str) -> None:
    """The emitter's jobs run in parallel and land on different processes."""
    stores = [Store(store_url) for _ in range(4)]
    ages = [[5 + 4 * step + host for step in range(10)] for host in range(4)]
    barrier = threading.Barrier(4)

    def play(host: int) -> None:
        barrier.wait()
        for age_s in reversed(ages[host]):
            stores[host].write(judge_batch.take, [incoming(a_delivery(age_s, motif=f"age {age_s}"))], NOW)

    threads = [threading.Thread(target=play, args=(host,)) for host in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    [view] = views(stores[0])
    assert view.state is not None
    assert view.state.motif == "age 5"
    assert len(rows(store_url, events)) == 1
    for store in stores:
        store.close()
