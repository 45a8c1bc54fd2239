"""A mailbox is what the server says it is: two addresses of one mailbox never get an entry each."""

from dataclasses import replace
from datetime import timedelta

import pytest

from mock_exchange import FaultKind
from receiver.core.facts import AgentRef
from receiver.core.mailboxes import Mailbox
from tests.lab.worker_harness import CALENDAR, HERS, Bench
from tests.makers import MARTINE, NOW

ALIAS = "m.agent@departement.example"
MARRIED = "martine.dupont@departement.example"
ONLY_HERS = (MARTINE,)


def mapped(bench: Bench, *addresses: str) -> None:
    """Have agents' e-mails lead to mailboxes of the same address."""
    mapping = bench.settings.mailboxes
    more = {address: Mailbox(CALENDAR, address) for address in addresses}
    changed = replace(mapping, addresses={**mapping.addresses, **more})
    bench.settings = replace(bench.settings, mailboxes=changed)
    bench.restart()


def calls(bench: Bench, verb: str) -> int:
    return sum(recorded.verb == verb for recorded in bench.exchange.requests)


def test_an_unknown_mailbox_is_asked_for_its_name_once(bench: Bench) -> None:
    bench.exchange.add_mailbox(MARRIED)
    mapped(bench, MARRIED)
    bench.tell(90, agents=(AgentRef("35", MARRIED),), wire_id=1, uuid=None)
    first = bench.work()
    bench.tell(60, agents=(AgentRef("35", MARRIED),), wire_id=2, uuid=None)
    assert bench.work() == 1
    assert first > 1
    assert len(bench.items(MARRIED)) == 2


def test_two_agents_by_two_addresses_of_one_mailbox_share_one_entry(bench: Bench) -> None:
    bench.exchange.add_mailbox(HERS, ALIAS)
    mapped(bench, ALIAS)
    twice = (MARTINE, AgentRef("35", ALIAS))
    bench.tell(90, agents=twice)
    bench.work_until_quiet(timedelta(minutes=5))
    assert bench.subjects(HERS) == ["Consultation PMI"]
    bench.tell(60, agents=twice, motif="Nouveau")
    bench.work_until_quiet(timedelta(minutes=5))
    assert bench.subjects(HERS) == ["Nouveau"]
    bench.tell(30, agents=(AgentRef("35", ALIAS),), motif="Nouveau")
    bench.work_until_quiet(timedelta(minutes=5))
    assert bench.subjects(HERS) == ["Nouveau"], "the last of them has not left"


def test_an_alias_alone_is_written_under_the_mailboxs_own_name(bench: Bench) -> None:
    bench.exchange.add_mailbox(HERS, ALIAS)
    mapped(bench, ALIAS)
    bench.tell(60, agents=(AgentRef("35", ALIAS),))
    bench.work_until_quiet(timedelta(minutes=5))
    assert bench.subjects(HERS) == ["Consultation PMI"]


def test_a_mailbox_that_changed_its_address_keeps_its_entries_and_gets_no_second_ones(bench: Bench) -> None:
    """The agent marries: e-mail and mailbox are renamed, the old address stays as an alias."""
    for number in (1, 2, 3):
        bench.tell(90, agents=ONLY_HERS, wire_id=number, uuid=None, motif=f"Motif {number}")
    bench.work()
    before = {item.item_id for item in bench.items(HERS)}
    bench.exchange.rename_mailbox(HERS, MARRIED)
    mapped(bench, MARRIED)
    renamed = AgentRef(MARTINE.ident, MARRIED)
    bench.tell(60, agents=(renamed,), wire_id=1, uuid=None, motif="Motif 1")
    bench.work_until_quiet(timedelta(minutes=5))
    assert {item.item_id for item in bench.items(MARRIED)} == before
    assert calls(bench, "CreateItem") == 1
    assert calls(bench, "DeleteItem") == 0
    bench.tell(30, agents=(renamed,), wire_id=2, uuid=None, motif="Nouveau")
    bench.work_until_quiet(timedelta(minutes=5))
    assert bench.subjects(MARRIED) == ["Motif 1", "Motif 3", "Nouveau"]


@pytest.mark.parametrize("kind", [FaultKind.DROP_AFTER, FaultKind.DROP_BEFORE])
def test_a_lost_create_under_a_new_address_never_costs_the_entry_that_is_there(bench: Bench, kind: FaultKind) -> None:
    bench.tell(90, agents=ONLY_HERS)
    bench.work()
    bench.exchange.rename_mailbox(HERS, MARRIED)
    mapped(bench, MARRIED)
    bench.inject(kind, verb="CreateItem")
    bench.tell(60, agents=(AgentRef(MARTINE.ident, MARRIED),), motif="Nouveau")
    bench.work_until_quiet()
    assert bench.subjects(MARRIED) == ["Nouveau"]


def test_a_server_that_does_not_tell_the_name_is_asked_again_before_anything_is_written(bench: Bench) -> None:
    bench.exchange.add_mailbox(MARRIED)
    mapped(bench, MARRIED)
    bench.inject(FaultKind.UNAVAILABLE, verb="GetFolder", times=2)
    bench.tell(60, agents=(AgentRef("35", MARRIED),))
    bench.work()
    assert bench.items(MARRIED) == []
    bench.work_until_quiet(timedelta(minutes=30))
    assert bench.subjects(MARRIED) == ["Consultation PMI"]
    assert bench.store.moment > NOW
