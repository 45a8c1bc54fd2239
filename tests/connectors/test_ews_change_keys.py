"""A server that wants the change key of each item that is updated, though it is told to overwrite."""

from collections.abc import Iterator

import pytest

from connectors.base import Create, Done, Failed, NotFound, TakeOver, Temporary, Unconfirmed, Update
from connectors.ews import EwsConnector
from mock_exchange import Behaviours, Fault, FaultKind, MockExchange
from tests.connectors.conformance import entry
from tests.connectors.ews import MAILBOX, connected, count, done, settings_for


@pytest.fixture
def strict(exchange: MockExchange) -> Iterator[EwsConnector]:
    exchange.behaviours = Behaviours(needs_change_keys=True)
    with connected(settings_for(exchange, connections=1)) as connector:
        yield connector


def create(connector: EwsConnector, uids: str) -> list[str]:
    return [done(outcome) for outcome in connector.apply(MAILBOX, [Create(entry(uid)) for uid in uids])]


def updates(item_ids: list[str], title: str) -> list[Update]:
    return [Update(item_id, entry(uid, title)) for item_id, uid in zip(item_ids, "abc", strict=False)]


def test_the_keys_are_read_once_a_batch_and_the_server_is_remembered(
    exchange: MockExchange, strict: EwsConnector
) -> None:
    item_ids = create(strict, "abc")
    first = count(exchange, lambda: strict.apply(MAILBOX, updates(item_ids, "un")))
    assert first == {"UpdateItem": 2, "GetItem": 1}
    later = count(exchange, lambda: strict.apply(MAILBOX, updates(item_ids, "deux")))
    assert later == {"UpdateItem": 1, "GetItem": 1}
    assert [item.subject for item in exchange.items(MAILBOX)] == ["deux"] * 3
    (taken,) = strict.apply(MAILBOX, [TakeOver(item_ids[0])])
    assert taken == Done(item_ids[0])


def test_a_server_that_overwrites_is_asked_for_no_keys(exchange: MockExchange, connector: EwsConnector) -> None:
    item_ids = create(connector, "abc")
    assert count(exchange, lambda: connector.apply(MAILBOX, updates(item_ids, "un"))) == {"UpdateItem": 1}


def test_an_item_that_is_gone_is_not_found_and_its_neighbours_are_updated(
    exchange: MockExchange, strict: EwsConnector
) -> None:
    for _ in range(2):  # before the server is known, and after
        item_ids = create(strict, "abc")
        exchange.delete_item(item_ids[1])
        first, gone, third = strict.apply(MAILBOX, updates(item_ids, "un"))
        assert (first, gone, third) == (Done(item_ids[0]), NotFound(), Done(item_ids[2]))


def test_what_has_no_key_was_certainly_not_updated(exchange: MockExchange, strict: EwsConnector) -> None:
    item_ids = create(strict, "abc")
    exchange.inject(Fault(kind=FaultKind.SHORT, verb="GetItem"))
    first, second, refused = strict.apply(MAILBOX, updates(item_ids, "un"))
    assert (first, second) == (Done(item_ids[0]), Done(item_ids[1]))
    assert isinstance(refused, Failed)
    assert isinstance(refused.error, Temporary)


def test_a_short_answer_to_the_second_update_leaves_the_last_in_doubt(
    exchange: MockExchange, strict: EwsConnector
) -> None:
    item_ids = create(strict, "abc")
    exchange.inject(Fault(kind=FaultKind.SHORT, verb="UpdateItem", after=1))
    outcomes = strict.apply(MAILBOX, updates(item_ids, "un"))
    assert [type(outcome) for outcome in outcomes] == [Done, Done, Unconfirmed]
