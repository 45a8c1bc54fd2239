"""A mailbox is what the server says it is: two addresses of one mailbox never get an entry each."""

from dataclasses import replace
from datetime import timedelta

import pytest

from mock_exchange import FaultKind
from receiver.core.facts import AgentRef
from receiver.core.mailboxes import Mailbox
from tests.lab.worker_harness import CALENDAR, HERS, WorkerHarness
from tests.makers import MARTINE, NOW

ALIAS = "m.agent@departement.example"
MARRIED = "martine.dupont@departement.example"
ONLY_HERS = (MARTINE,)


def mapped(harness: WorkerHarness, *addresses: str) -> None:
    """Have agents' e-mails lead to mailboxes of the same address."""
    mapping = harness.settings.mailboxes
    more = {address: Mailbox(CALENDAR, address) for address in addresses}
    changed = replace(mapping, addresses={**mapping.addresses, **more})
    harness.settings = harness.settings.replace(mailboxes=changed)
    harness.restart()


def calls(harness: WorkerHarness, verb: str) -> int:
    return sum(recorded.verb == verb for recorded in harness.exchange.requests)


def test_an_unknown_mailbox_is_asked_for_its_name_once(harness: WorkerHarness) -> None:
    harness.exchange.add_mailbox(MARRIED)
    mapped(harness, MARRIED)
    harness.tell(90, agents=(AgentRef("35", MARRIED),), wire_id=1, uuid=None)
    first = harness.work()
    harness.tell(60, agents=(AgentRef("35", MARRIED),), wire_id=2, uuid=None)
    assert harness.work() == 1
    assert first > 1
    assert len(harness.items(MARRIED)) == 2


def test_two_agents_by_two_addresses_of_one_mailbox_share_one_entry(harness: WorkerHarness) -> None:
    harness.exchange.add_mailbox(HERS, ALIAS)
    mapped(harness, ALIAS)
    twice = (MARTINE, AgentRef("35", ALIAS))
    harness.tell(90, agents=twice)
    harness.work_until_quiet(timedelta(minutes=5))
    assert harness.subjects(HERS) == ["Consultation PMI"]
    harness.tell(60, agents=twice, motif="Nouveau")
    harness.work_until_quiet(timedelta(minutes=5))
    assert harness.subjects(HERS) == ["Nouveau"]
    harness.tell(30, agents=(AgentRef("35", ALIAS),), motif="Nouveau")
    harness.work_until_quiet(timedelta(minutes=5))
    assert harness.subjects(HERS) == ["Nouveau"], "the last of them has not left"


def test_an_alias_alone_is_written_under_the_mailboxs_own_name(harness: WorkerHarness) -> None:
    harness.exchange.add_mailbox(HERS, ALIAS)
    mapped(harness, ALIAS)
    harness.tell(60, agents=(AgentRef("35", ALIAS),))
    harness.work_until_quiet(timedelta(minutes=5))
    assert harness.subjects(HERS) == ["Consultation PMI"]


def test_a_mailbox_that_changed_its_address_keeps_its_entries_and_gets_no_second_ones(harness: WorkerHarness) -> None:
    """The agent marries: e-mail and mailbox are renamed, the old address stays as an alias."""
    for number in (1, 2, 3):
        harness.tell(90, agents=ONLY_HERS, wire_id=number, uuid=None, motif=f"Motif {number}")
    harness.work()
    before = {item.item_id for item in harness.items(HERS)}
    harness.exchange.rename_mailbox(HERS, MARRIED)
    mapped(harness, MARRIED)
    renamed = AgentRef(MARTINE.ident, MARRIED)
    harness.tell(60, agents=(renamed,), wire_id=1, uuid=None, motif="Motif 1")
    harness.work_until_quiet(timedelta(minutes=5))
    assert {item.item_id for item in harness.items(MARRIED)} == before
    assert calls(harness, "CreateItem") == 1
    assert calls(harness, "DeleteItem") == 0
    harness.tell(30, agents=(renamed,), wire_id=2, uuid=None, motif="Nouveau")
    harness.work_until_quiet(timedelta(minutes=5))
    assert harness.subjects(MARRIED) == ["Motif 1", "Motif 3", "Nouveau"]


@pytest.mark.parametrize("kind", [FaultKind.DROP_AFTER, FaultKind.DROP_BEFORE])
def test_a_lost_create_under_a_new_address_never_costs_the_entry_that_is_there(
    harness: WorkerHarness, kind: FaultKind
) -> None:
    harness.tell(90, agents=ONLY_HERS)
    harness.work()
    harness.exchange.rename_mailbox(HERS, MARRIED)
    mapped(harness, MARRIED)
    harness.inject(kind, verb="CreateItem")
    harness.tell(60, agents=(AgentRef(MARTINE.ident, MARRIED),), motif="Nouveau")
    harness.work_until_quiet()
    assert harness.subjects(MARRIED) == ["Nouveau"]


def test_a_server_that_does_not_tell_the_name_is_asked_again_before_anything_is_written(harness: WorkerHarness) -> None:
    harness.exchange.add_mailbox(MARRIED)
    mapped(harness, MARRIED)
    harness.inject(FaultKind.UNAVAILABLE, verb="GetFolder", times=2)
    harness.tell(60, agents=(AgentRef("35", MARRIED),))
    harness.work()
    assert harness.items(MARRIED) == []
    harness.work_until_quiet(timedelta(minutes=30))
    assert harness.subjects(MARRIED) == ["Consultation PMI"]
    assert harness.store.moment > NOW
