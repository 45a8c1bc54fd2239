"""The hour that occurs twice, on a server that compares wall clocks."""

from datetime import datetime

import pytest

from connectors.base import CalendarEntry, Create, Done, Failed, Frequency, Permanent, Recurrence, Update
from connectors.ews import EwsConnector
from mock_exchange import Behaviours, MockExchange
from tests.connectors.conformance import PARIS, WIDE, entry
from tests.connectors.ews import MAILBOX, count, done

START = datetime(2026, 10, 25, 2, 30, tzinfo=PARIS)
END = datetime(2026, 10, 25, 2, 15, fold=1, tzinfo=PARIS)
"""Three quarters of an hour later, when the clock shows less."""
TWICE = entry("twice", start=START, end=END)


@pytest.fixture(autouse=True)
def compares_wall_clocks(exchange: MockExchange) -> None:
    exchange.behaviours = Behaviours(compares_wall_clocks=True)


def read(connector: EwsConnector) -> dict[str, CalendarEntry]:
    return {marked.entry.uid: marked.entry for marked in connector.list_marked(MAILBOX, *WIDE)}


def test_an_entry_that_is_refused_there_is_written_in_utc(exchange: MockExchange, connector: EwsConnector) -> None:
    exchange.forget_requests()
    first, twice, third = connector.apply(MAILBOX, [Create(entry("a")), Create(TWICE), Create(entry("c"))])
    assert isinstance(twice, Done)
    assert ([first.note, twice.note, third.note]) == [None, "in_utc", None]  # type: ignore[union-attr]
    assert [recorded.batch for recorded in exchange.requests] == [3, 1]
    shown = read(connector)["twice"]
    assert (shown.start.timestamp(), shown.end.timestamp()) == (START.timestamp(), END.timestamp())
    assert (shown.time_zone, read(connector)["a"].time_zone) == ("Etc/UTC", "Europe/Paris")


def test_an_entry_that_moves_there_and_away_is_in_utc_and_then_in_its_zone(
    exchange: MockExchange, connector: EwsConnector
) -> None:
    (item_id,) = (done(each) for each in connector.apply(MAILBOX, [Create(entry("twice"))]))
    assert connector.apply(MAILBOX, [Update(item_id, TWICE)]) == [Done(item_id, "in_utc")]
    assert len(exchange.items(MAILBOX)) == 1
    assert connector.apply(MAILBOX, [Update(item_id, entry("twice"))]) == [Done(item_id)]
    assert read(connector)["twice"].time_zone == "Europe/Paris"


def test_an_entry_of_another_hour_costs_nothing_more(exchange: MockExchange, connector: EwsConnector) -> None:
    assert count(exchange, lambda: connector.apply(MAILBOX, [Create(entry())])) == {"CreateItem": 1}


def test_what_utc_does_not_help_is_refused_once_more_at_most(exchange: MockExchange, connector: EwsConnector) -> None:
    repeated = entry("series", start=START, end=END, recurrence=Recurrence(Frequency.DAILY, count=3))
    exchange.forget_requests()
    (outcome,) = connector.apply(MAILBOX, [Create(repeated)])
    assert isinstance(outcome, Failed)
    assert isinstance(outcome.error, Permanent)
    assert len(exchange.requests) == 1
