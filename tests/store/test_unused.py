"""Agents and mailboxes go a while after the last thing that refers to them, and nothing that is needed does."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from receiver.core.desired import Decision
from receiver.core.facts import AgentRef, EventKind
from receiver.core.mailboxes import Mailbox
from receiver.core.plan import CallLimits, Verb, begin
from receiver.operations import erasure
from receiver.store import Store
from receiver.store.database.engine import reading, writing
from receiver.store.database.tables import agents, mailboxes, roles
from receiver.store.intake import judge_batch
from receiver.store.tools import backup, retention, unused
from receiver.store.work import leases
from receiver.store.work.mailbox_identity import identify
from tests.lab.database import engine_of
from tests.makers import KARIM, MARTINE, NOW, a_delivery, a_role, an_agent, incoming

HERS, HIS = Mailbox("exchange", "martine@x.example"), Mailbox("exchange", "karim@x.example")
LEASE = timedelta(seconds=60)
GONE = AgentRef(MARTINE.ident, "agent_31@deleted.rdv-solidarites.fr")


def day(number: float):  # type: ignore[no-untyped-def]
    return NOW + timedelta(days=number)


def purge(store: Store, *days: float) -> None:
    for each in days:
        erasure.purge(store, day(each), 30, 30)
        position = unused.Round()
        while erasure.note_unused(store, position, day(each)):
            pass


def known(store: Store) -> set[str]:
    with reading(engine_of(store)) as connection:
        return set(connection.scalars(select(agents.c.ident)))


def boxes(store: Store) -> set[str]:
    with reading(engine_of(store)) as connection:
        return set(connection.scalars(select(mailboxes.c.address)))


def settle(store: Store, *wishes: Mailbox) -> None:
    store.settle(lambda view: Decision({**dict.fromkeys(view.held), **dict.fromkeys(wishes, "d1")}), NOW)


def test_an_agent_goes_a_while_after_the_last_event_that_lists_it(store: Store) -> None:
    store.write(
        judge_batch.take,
        [incoming(a_delivery(60)), incoming(a_delivery(60, agents=(KARIM,), wire_id=9, uuid=None))],
        NOW,
    )
    store.write(judge_batch.take, [incoming(a_delivery(30, EventKind.DESTROYED))], NOW)
    settle(store)
    purge(store, 1, 30)
    assert known(store) == {MARTINE.ident, KARIM.ident}
    assert store.read(retention.count_old, day(32), 30, 30)["agents"] == 1
    purge(store, 32)
    assert known(store) == {KARIM.ident}, "an event lists him"


def test_an_agent_who_is_listed_again_meanwhile_stays(store: Store) -> None:
    store.write(judge_batch.take, [incoming(an_agent(MARTINE))], NOW)
    purge(store, 1)
    store.write(judge_batch.take, [incoming(a_delivery(60, agents=(MARTINE,)))], NOW)
    assert store.read(retention.count_old, day(40), 30, 30)["agents"] == 0
    purge(store, 40, 80)
    assert known(store) == {MARTINE.ident}


def test_a_place_in_an_organisation_keeps_its_agent_until_it_is_lost(store: Store) -> None:
    store.write(judge_batch.take, [incoming(a_role(7)), incoming(an_agent(KARIM))], NOW)
    purge(store, 1, 40)
    assert known(store) == {MARTINE.ident}
    store.write(judge_batch.take, [incoming(a_role(7, EventKind.DESTROYED, 30, now=day(41)))], day(41))
    purge(store, 42, 71)
    assert known(store) == {MARTINE.ident}
    purge(store, 73)
    assert (known(store), store.read(backup.counts_of)["roles"]) == (set(), 0)


def test_a_place_keeps_no_agent_who_left_and_goes_along(store: Store) -> None:
    store.write(judge_batch.take, [incoming(a_role(7, age_s=60)), incoming(an_agent(GONE, age_s=30))], NOW)
    purge(store, 1, 40)
    assert (known(store), store.read(backup.counts_of)["roles"]) == (set(), 0)


def test_a_mailbox_goes_a_while_after_the_last_thing_in_it(store: Store) -> None:
    store.write(judge_batch.take, [incoming(a_delivery(60))], NOW)
    settle(store, HERS, HIS)
    store.write(judge_batch.take, [incoming(a_delivery(30, motif="changed"))], NOW)
    settle(store, HIS)
    purge(store, 1, 30)
    assert boxes(store) == {HERS.address, HIS.address}
    assert store.read(retention.count_old, day(32), 30, 30)["mailboxes"] == 1
    purge(store, 32)
    assert boxes(store) == {HIS.address}
    assert store.claim("exchange", day(33), 100, LEASE) is not None


def test_a_mailbox_stays_while_something_may_still_turn_up_in_it(store: Store) -> None:
    store.write(judge_batch.take, [incoming(a_delivery(60))], NOW)
    settle(store, HERS)
    work = store.claim("exchange", NOW, 100, LEASE)
    assert work is not None
    begun = dict.fromkeys([i.placement.id for i in work.items], lambda p: begin(p, Verb.CREATE, NOW, CallLimits.of(1)))
    store.advance(work, begun, NOW, LEASE)
    store.write(judge_batch.take, [incoming(a_delivery(30, EventKind.DESTROYED))], NOW)
    settle(store)
    purge(store, 1, 40, 80)
    assert boxes(store) == {HERS.address}


def test_a_mailbox_stays_while_it_is_leased(store: Store) -> None:
    assert store.write(leases.claim_one, HERS, NOW, timedelta(days=50)) is not None
    purge(store, 1, 40)
    assert boxes(store) == {HERS.address}
    purge(store, 51)
    assert boxes(store) == set()


def test_another_address_of_a_mailbox_lives_as_long_as_that_one(store: Store) -> None:
    store.write(judge_batch.take, [incoming(a_delivery(60))], NOW)
    settle(store, HERS)
    work = store.claim("exchange", NOW, 100, LEASE)
    assert work is not None
    with writing(engine_of(store)) as connection:
        identify(connection, work, "m.new@x.example", NOW)
    store.release(work)
    purge(store, 1, 40)
    assert boxes(store) == {HERS.address, "m.new@x.example"}
    store.write(judge_batch.take, [incoming(a_delivery(30, EventKind.DESTROYED))], NOW)
    settle(store)
    purge(store, 41, 42, 73, 74)
    assert boxes(store) == set()


def test_a_round_looks_at_some_at_a_time(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unused, "AT_ONCE", 2)
    store.write(judge_batch.take, [incoming(an_agent(AgentRef(str(n), f"a{n}@x.example"))) for n in range(5)], NOW)
    for n in range(3):
        store.write(leases.claim_one, Mailbox("exchange", f"a{n}@x.example"), NOW, LEASE)
    steps, position = 1, unused.Round()
    while erasure.note_unused(store, position, day(1)):
        steps += 1
    assert steps == 5
    assert store.read(retention.count_old, day(40), 30, 30) | {"agents": 5, "mailboxes": 3} == store.read(
        retention.count_old, day(40), 30, 30
    )
    purge(store, 40)
    assert (known(store), boxes(store)) == (set(), set())


def test_old_roles_are_dropped_without_their_agents(store: Store) -> None:
    store.write(
        judge_batch.take, [incoming(a_delivery(60, agents=(MARTINE,))), incoming(a_role(7, EventKind.DESTROYED))], NOW
    )
    purge(store, 40, 80)
    with reading(engine_of(store)) as connection:
        assert connection.scalar(select(roles.c.wire_id)) is None
    assert known(store) == {MARTINE.ident}
