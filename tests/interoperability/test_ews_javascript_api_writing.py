"""What an EWS client that shares no code with ours writes, changes and deletes."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from connectors.base import Create, Done
from connectors.ews import EwsConnector
from mock_exchange import MockExchange
from tests.interoperability import javascript
from tests.interoperability.conftest import ACCOUNT, PASSWORD
from tests.interoperability.entries import WRITTEN

AN_AGENTS_OWN = {
    "title": "Réunion d'équipe : « été »",
    "place": "Salle Évry",
    "body": "Ordre du jour : à préciser.",
    "zone": "Romance Standard Time",
    "start": "2026-11-03T09:00:00+01:00",
    "end": "2026-11-03T10:00:00+01:00",
}
LATER = {"title": "Réunion reportée", "start": "2026-11-03T14:00:00+01:00", "end": "2026-11-03T15:00:00+01:00"}
ON_TUESDAYS = {"day": "Tuesday", "number": 3}
ALWAYS = (datetime(2026, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC))
OURS = WRITTEN[0].entry

Act = Callable[..., dict[str, str]]


@pytest.fixture
def mailbox(exchange: MockExchange, connector: EwsConnector, request: pytest.FixtureRequest) -> str:
    """A mailbox of the test's own, into which the receiver has written one entry."""
    address = f"{request.node.name}@departement.example"
    exchange.add_mailbox(address)
    (outcome,) = connector.apply(address, [Create(OURS)])
    assert isinstance(outcome, Done)
    return address


@pytest.fixture
def act(exchange: MockExchange, mailbox: str) -> Act:
    """Do one step as the mailbox's owner."""
    client = javascript.Client(javascript.packages(), exchange.url, ACCOUNT, PASSWORD, mailbox)
    return lambda action, **rest: client.run({"action": action, **rest})[0]


def subjects(exchange: MockExchange, mailbox: str, folder: str = "calendar") -> set[str]:
    return {item.subject for item in exchange.items(mailbox, folder)}


def test_a_series_is_stored_as_it_was_meant(exchange: MockExchange, mailbox: str, act: Act) -> None:
    made = act("create", entry=AN_AGENTS_OWN, rule=ON_TUESDAYS)
    (item,) = [item for item in exchange.items(mailbox) if item.item_id == made["id"]]
    assert (item.subject, item.location) == (AN_AGENTS_OWN["title"], AN_AGENTS_OWN["place"])
    assert (item.body, item.time_zone) == (AN_AGENTS_OWN["body"], AN_AGENTS_OWN["zone"])
    assert item.recurrence == "every week on Tuesday, from 2026-11-03, 3 times"


def test_a_change_of_a_series_moves_its_occurrences(exchange: MockExchange, mailbox: str, act: Act) -> None:
    made = act("create", entry=AN_AGENTS_OWN, rule=ON_TUESDAYS)
    act("update", id=made["id"], entry=LATER)
    seen = [each for each in exchange.occurrences(mailbox, *ALWAYS) if each.subject == LATER["title"]]
    assert [each.start.isoformat() for each in seen] == [f"2026-11-{day}T13:00:00+00:00" for day in ("03", "10", "17")]


def test_a_deleted_item_goes_where_it_was_sent(exchange: MockExchange, mailbox: str, act: Act) -> None:
    made = act("create", entry=AN_AGENTS_OWN)
    act("delete", id=made["id"])
    assert subjects(exchange, mailbox) == {OURS.title}
    assert subjects(exchange, mailbox, "deleteditems") == {AN_AGENTS_OWN["title"]}
    assert exchange.mails_sent == 0


def test_our_connector_takes_none_of_its_items_for_ours(
    exchange: MockExchange, connector: EwsConnector, mailbox: str, act: Act
) -> None:
    act("create", entry=AN_AGENTS_OWN)
    assert subjects(exchange, mailbox) == {OURS.title, AN_AGENTS_OWN["title"]}
    assert [marked.entry.title for marked in connector.list_marked(mailbox, *ALWAYS)] == [OURS.title]


def test_our_connector_reads_back_an_entry_that_it_changed(
    exchange: MockExchange, connector: EwsConnector, mailbox: str, act: Act
) -> None:
    (ours,) = exchange.items(mailbox)
    act("update", id=ours.item_id, entry={"title": "Renommé", "place": "Ailleurs, à Évry"})
    (read,) = connector.list_marked(mailbox, *ALWAYS)
    assert read.entry == replace(OURS, title="Renommé", location="Ailleurs, à Évry")
