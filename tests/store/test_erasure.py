"""Erasing one agent: nothing of the agent is left, whatever others have stays."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select

from connectors.base import Done
from receiver.core.desired import Decision, EventView
from receiver.core.mailboxes import Mailbox, MailboxMap
from receiver.core.plan import CallLimits, Verb, begin, end
from receiver.core.ruleset import Ruleset, SourceRules
from receiver.store import Store
from receiver.store.database.engine import reading, writing
from receiver.store.database.tables import inbox, metadata
from receiver.store.intake import judge_batch
from receiver.store.tools import erasure, tokens
from receiver.store.tools.erasure import Erased
from receiver.store.tools.tokens import TokenRecord
from receiver.store.work import leases, mailbox_identity, rulesets
from tests.lab.database import engine_of
from tests.makers import KARIM, MARTINE, NOW, a_delivery, a_role, a_slot, an_absence, an_agent, incoming

LEASE = timedelta(seconds=60)
TIMINGS = CallLimits.of(1)
HERS, HIS = MARTINE.email or "", KARIM.email or ""
OWN = MailboxMap("exchange", domains={"departement.example": "boites.example"})
SHARED_BOX = Mailbox("exchange", "accueil@boites.example")
SHARED = MailboxMap("exchange", addresses={HERS: SHARED_BOX, HIS: SHARED_BOX})
HER_BOX = "martine.agent@boites.example"
MARK = b"martine"


def decider(mapping: MailboxMap) -> Callable[[EventView], Decision]:
    ruleset = Ruleset(mapping, {"mds": SourceRules()})
    return lambda view: ruleset.compute_desired(view, NOW)


def settle(store: Store, mapping: MailboxMap = OWN) -> None:
    while store.settle(decider(mapping), NOW):
        pass


def write(store: Store) -> None:
    """All that is due is done."""
    while (work := store.claim("exchange", NOW, 100, LEASE)) is not None:
        ids = [item.placement.id for item in work.items]
        verb = Verb.CREATE if work.items[0].placement.desired else Verb.DELETE
        store.advance(work, dict.fromkeys(ids, lambda p, v=verb: begin(p, v, NOW, TIMINGS)), NOW, LEASE)
        done = dict.fromkeys(ids, lambda p: end(p, p.desired, Done(f"item-{p.id}"), NOW, 0))
        store.advance(work, done, NOW, LEASE)
        store.release(work, succeeded_at=NOW)


def fill(store: Store, mapping: MailboxMap = OWN) -> None:
    """Two appointments, of both agents and of her alone; an absence of hers; her place in an organisation."""
    news = [
        a_delivery(wire_id=1, uuid="u1"),
        a_delivery(wire_id=2, uuid="u2", agents=(MARTINE,)),
        a_slot(an_absence()),
        a_role(9),
    ]
    store.write(judge_batch.take, [incoming(each) for each in news], NOW)
    settle(store, mapping)
    write(store)


def rows(store: Store) -> dict[str, list[Any]]:
    with reading(engine_of(store)) as connection:
        return {t.name: [tuple(row) for row in connection.execute(select(t))] for t in metadata.sorted_tables}


def mentions(store: Store, *words: str) -> set[str]:
    """The tables in which a word stands."""
    return {name for name, held in rows(store).items() if any(word in repr(held).lower() for word in words)}


def erase(store: Store, email: str = HERS, mapping: MailboxMap = OWN, *, with_entries: bool = False) -> Erased:
    return store.write(erasure.erase, email, mapping, NOW, with_entries=with_entries)


def counts(erased: Erased) -> dict[str, int]:
    return {table: count for table, count in erased.counts.items() if count}


def test_nothing_of_the_agent_is_left_and_what_others_have_stays(store: Store) -> None:
    fill(store)
    before = rows(store)
    erased = erase(store)
    assert counts(erased) == {
        "placements": 3, "events": 1, "event_agents": 2, "roles": 1, "agents": 1, "agent_words": 1,
            "mailboxes": 1
    }  # fmt: skip
    assert (erased.removals, erased.shared, erased.mapped, erased.active) == (0, False, False, True)
    assert mentions(store, "martine") == set()
    after = rows(store)
    assert [row[1] for row in after["event_agents"]] == [KARIM.ident]
    assert len(after["events"]) == len(before["events"]) - 1, "the absence was hers"
    assert [row[2] for row in after["placements"]] == [
        row[2] for row in before["placements"] if row in after["placements"]
    ]
    settle(store)
    assert not store.read(leases.has_work, "exchange", NOW + timedelta(days=1)), (
        "her entries stay where they are, his as they were"
    )


def test_a_second_time_there_is_nothing(store: Store) -> None:
    fill(store)
    erase(store)
    assert counts(erase(store)) == {}


def test_a_rehearsal_counts_the_same_and_changes_nothing(store: Store) -> None:
    fill(store)
    before = rows(store)
    rehearsed = store.rehearse(erasure.erase, HERS, OWN, NOW, with_entries=False)
    assert rows(store) == before
    assert counts(rehearsed) == counts(erase(store))


def test_with_her_entries_the_mailbox_is_forgotten_once_they_are_out(store: Store) -> None:
    fill(store)
    first = erase(store, with_entries=True)
    assert (first.removals, mentions(store, "martine")) == (3, {"mailboxes"})
    settle(store)
    work = store.claim("exchange", NOW, 100, LEASE)
    assert work is not None
    assert (work.mailbox.address, {item.placement.desired for item in work.items}) == (HER_BOX, {None})
    store.release(work)
    write(store)
    second = erase(store, with_entries=True)
    assert (second.removals, counts(second)) == (0, {"mailboxes": 1})
    assert mentions(store, "martine") == set()


def test_a_mailbox_that_is_gone_from_the_server_is_forgotten_without_its_entries(store: Store) -> None:
    """Nothing will ever be taken out of it; what the record holds must not stay for that."""
    fill(store)
    erase(store, with_entries=True)
    settle(store)
    assert erase(store).removals == 0
    assert mentions(store, "martine") == set()


def test_in_a_mailbox_of_several_what_a_colleague_needs_stays(store: Store) -> None:
    fill(store, SHARED)
    held = {(row[1], row[2]) for row in rows(store)["placements"]}
    assert len(held) == 3
    erased = erase(store, mapping=SHARED)
    assert erased.shared
    assert counts(erased)["placements"] == 2
    settle(store, SHARED)
    assert not store.read(leases.has_work, "exchange", NOW)
    assert len(rows(store)["placements"]) == 1
    assert SHARED_BOX in store.read(mailbox_identity.in_use)
    assert mentions(store, "martine") == set()


def test_one_who_has_left_is_found_by_the_last_real_address(store: Store) -> None:
    fill(store)
    gone = an_agent(type(MARTINE)(MARTINE.ident, "agent_31@deleted.rdv-solidarites.fr"), age_s=1)
    store.write(judge_batch.take, [incoming(gone)], NOW)
    erased = erase(store)
    assert counts(erased)["agents"] == 1
    assert not erased.active


def test_every_address_of_the_mailbox_goes(store: Store) -> None:
    fill(store)
    store.write(judge_batch.take, [incoming(a_delivery(wire_id=3, uuid="u3", agents=(MARTINE,)))], NOW)
    settle(store)
    work = store.claim("exchange", NOW, 100, LEASE)
    assert work is not None
    store.write(mailbox_identity.identify, work, "m.nouveau@boites.example", NOW)
    store.release(work)
    settle(store)
    assert len(rows(store)["mailboxes"]) == 3
    assert counts(erase(store))["mailboxes"] == 2
    assert mentions(store, "martine", "nouveau") == set()


def test_an_own_address_of_a_shared_mailbox_goes(store: Store) -> None:
    """The server said that her address leads into the mailbox of the front desk."""
    desk = Mailbox("exchange", "accueil@boites.example")
    mapping = MailboxMap("exchange", addresses={HIS: desk}, domains={"departement.example": "boites.example"})
    fill(store, mapping)
    store.write(judge_batch.take, [incoming(a_delivery(wire_id=3, uuid="u3", agents=(MARTINE,)))], NOW)
    settle(store, mapping)
    work = store.claim("exchange", NOW, 100, LEASE)
    assert work is not None
    store.write(mailbox_identity.identify, work, desk.address, NOW)
    store.release(work)
    settle(store, mapping)
    erased = erase(store, mapping=mapping)
    assert erased.shared
    assert mentions(store, "martine") == set()
    assert desk in store.read(mailbox_identity.in_use)


def test_a_mailbox_that_the_mapping_names_no_more_is_found_by_an_old_mapping_which_goes_too(store: Store) -> None:
    renamed = Mailbox("exchange", "planning-42@boites.example")
    old = Ruleset(MailboxMap("exchange", addresses={HERS: renamed}), {"mds": SourceRules()})
    store.write(rulesets.put_in_force, old, 0, NOW)
    fill(store, old.mailboxes)
    assert erase(store, mapping=old.mailboxes).mapped, "in force, it names her still"
    store.write(judge_batch.take, [incoming(a_delivery(wire_id=3, uuid="u3", agents=(MARTINE,)))], NOW)
    settle(store, old.mailboxes)
    store.write(rulesets.put_in_force, Ruleset(MailboxMap("exchange"), {"mds": SourceRules()}), 0, NOW)
    erased = erase(store, mapping=MailboxMap("exchange"))
    assert not erased.mapped
    assert counts(erased)["rulesets"] == 1
    assert counts(erased)["mailboxes"] == 1
    assert mentions(store, "martine", "planning-42") == set()


def test_while_a_worker_writes_nothing_is_erased(store: Store) -> None:
    """The outcome of its call must find its record."""
    fill(store)
    store.write(
        judge_batch.take, [incoming(a_delivery(age_s=1, wire_id=2, uuid="u2", agents=(MARTINE,), motif="Another"))], NOW
    )
    settle(store)
    assert store.claim("exchange", NOW, 100, LEASE) is not None
    before = rows(store)
    erased = erase(store)
    assert (erased.busy, counts(erased), rows(store) == before) == (True, {}, True)


def test_an_active_agent_comes_back_with_the_next_message(store: Store) -> None:
    fill(store)
    erase(store)
    store.write(
        judge_batch.take, [incoming(a_delivery(age_s=1, wire_id=2, uuid="u2", agents=(MARTINE,), motif="Another"))], NOW
    )
    settle(store)
    assert HER_BOX in {mailbox.address for mailbox in store.read(mailbox_identity.in_use)}


def test_a_namesake_on_another_platform_with_another_address_stays(store: Store) -> None:
    fill(store)
    other = type(MARTINE)(MARTINE.ident, "autre@departement.example")
    store.write(judge_batch.take, [incoming(a_delivery(wire_id=2, uuid="u2", agents=(other,)), platform="demo")], NOW)
    settle(store)
    erase(store)
    assert [row[:3] for row in rows(store)["agents"] if row[0] == "demo"] == [("demo", MARTINE.ident, other.email)]
    assert ("demo", "Rdv") in {(row[2], row[3]) for row in rows(store)["events"]}


def test_nothing_of_the_agent_is_left_in_the_files(store: Store, store_url: str) -> None:
    fill(store)
    for age_s in range(50, 0, -1):
        store.write(
            judge_batch.take,
            [incoming(a_delivery(age_s, wire_id=2, uuid="u2", agents=(MARTINE,), motif=f"{age_s}"))],
            NOW,
        )
    erase(store)
    assert store.overwrite_freed()
    if not store_url.startswith("sqlite"):
        return  # its files are the server's
    file = Path(store_url.removeprefix("sqlite:///"))
    held = [path for path in file.parent.glob(f"{file.name}*") if MARK in path.read_bytes().lower()]
    assert held == []


def test_a_reader_that_holds_on_to_what_was_erased_is_told(store: Store, store_url: str, monkeypatch: Any) -> None:
    if not store_url.startswith("sqlite"):
        assert store.overwrite_freed()
        return
    fill(store)
    monkeypatch.setattr("receiver.store.database.engine._PRAGMAS", ("journal_mode=WAL", "busy_timeout=50"))
    another = Store(store_url)
    with reading(engine_of(store)) as connection:
        connection.execute(select(metadata.tables["agents"])).all()
        erase(another)
        assert not another.overwrite_freed()
    assert another.overwrite_freed()
    another.close()


def test_a_token_that_bears_the_agents_address_loses_its_label_only(store: Store) -> None:
    fill(store)
    record = TokenRecord("ab" * 16, "read", f"page de {HERS.upper()}", NOW, NOW)
    store.write(tokens.add, record)
    assert counts(erase(store))["tokens"] == 1
    assert store.read(tokens.find, record.id) == replace(record, label="")


@pytest.mark.parametrize("email", ["nobody@departement.example", "%", "agent@departement.example"])
def test_what_is_not_the_agents_address_erases_nothing(store: Store, email: str) -> None:
    fill(store)
    before = rows(store)
    assert counts(erase(store, email)) == {}
    assert rows(store) == before


def test_what_waits_to_be_judged_is_erased_too(store: Store, store_url: str) -> None:
    store.keep(incoming(a_delivery(wire_id=1, uuid="u1", agents=(MARTINE,))))
    store.keep(incoming(an_agent(MARTINE)))
    with writing(engine_of(store)) as connection:
        news = f'{{"email": "{HERS.upper()}"}}'
        spoilt = {"delivery": "f" * 32, "source": "mds", "platform": "production", "emitter": "rdv_service_public",
                  "digest": b"x" * 16, "sort": "agent", "news": news, "received_at": NOW}  # fmt: skip
        connection.execute(insert(inbox).values(spoilt))
    erased = store.write(erasure.erase, HERS, OWN, NOW, with_entries=False)
    assert erased.counts["inbox"] == 1, "nobody knows what it says, but it names her"
    with reading(engine_of(store)) as connection:
        rows = [str(row).lower() for table in metadata.sorted_tables for row in connection.execute(select(table))]
    assert not [row for row in rows if HERS in row]
