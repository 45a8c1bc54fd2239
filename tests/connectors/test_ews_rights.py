"""Rights that writing needs are asked for before anything is written."""

import pytest

from connectors.base import Create, Delete, Done, Scope, Temporary
from connectors.ews import EwsConnector
from mock_exchange import MockExchange
from tests.connectors.conformance import entry
from tests.connectors.ews import ACCOUNT, MAILBOX, OTHER, connected, done, exchange_for, settings_for


def test_a_delegate_who_would_not_see_its_own_private_entries_is_refused_before_it_writes_any() -> None:
    """It would take each for lost when it looks it up, and make it again."""
    with exchange_for("basic", "delegate") as server:
        server.access.delegates[ACCOUNT][MAILBOX] = "editor-without-private"  # type: ignore[index]
        with connected(settings_for(server, "basic", "delegate")) as connector:
            for look in (connector.probe, connector.identify):
                with pytest.raises(Temporary, match="private_hidden") as caught:
                    look(MAILBOX)
                assert caught.value.scope is Scope.MAILBOX
            assert connector.identify(OTHER) == OTHER


def test_a_delegate_removes_for_good_as_it_has_no_rights_on_the_deleted_items() -> None:
    """Exchange refuses to move them there; a cancelled appointment would stay in the calendar."""
    with exchange_for("basic", "delegate") as server, connected(settings_for(server, "basic", "delegate")) as connector:
        item_id = done(connector.apply(MAILBOX, [Create(entry())])[0])
        assert connector.apply(MAILBOX, [Delete(item_id)]) == [Done(item_id)]
        assert server.items(MAILBOX, None) == []


def test_who_impersonates_lets_the_agent_see_what_was_removed(exchange: MockExchange, connector: EwsConnector) -> None:
    item_id = done(connector.apply(MAILBOX, [Create(entry())])[0])
    assert connector.apply(MAILBOX, [Delete(item_id)]) == [Done(item_id)]
    assert len(exchange.items(MAILBOX, "deleteditems")) == 1
