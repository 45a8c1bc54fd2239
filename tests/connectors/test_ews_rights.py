"""Rights that writing needs are asked for before anything is written."""

from pathlib import Path

import pytest
from lxml import etree

from connectors.base import Create, Delete, Done, Scope, Temporary
from connectors.ews import EwsConnector
from mock_exchange import Fault, FaultKind, MockExchange
from mock_exchange.ews.schema import load
from mock_exchange.ews.soap import Call
from tests.connectors.conformance import WIDE, entry
from tests.connectors.ews import ACCOUNT, MAILBOX, OTHER, connected, done, exchange_for, settings_for
from tests.requirements import ews_schema_folder


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


def test_a_sub_folder_that_is_closed_to_a_delegate_is_left_out_and_counted() -> None:
    """Of Outlook's making, such as `Birthdays`: rights on the calendar do not reach what was there before."""
    with exchange_for("basic", "delegate") as server, connected(settings_for(server, "basic", "delegate")) as connector:
        server.make_folder(MAILBOX, "Archives")
        for name in ("Birthdays", "Vacances"):
            server.make_folder(MAILBOX, name, closed=True)
        stays, goes = (done(each) for each in connector.apply(MAILBOX, [Create(entry("a")), Create(entry("b"))]))
        moved = server.move_item(goes, "Archives")
        found = connector.find(MAILBOX, ["a", "b", "c"])
        assert [[each.item_id for each in found[uid]] for uid in "abc"] == [[stays], [moved], []]
        assert len(list(connector.list_marked(MAILBOX, *WIDE))) == 2
        assert list(connector.list_others(MAILBOX, WIDE[0])) == []
        assert connector.probe(MAILBOX).closed_folders == 2
        assert connector.probe(OTHER).closed_folders == 0


def test_a_calendar_that_cannot_be_searched_says_unknown_to_a_delegate_too() -> None:
    with exchange_for("basic", "delegate") as server, connected(settings_for(server, "basic", "delegate")) as connector:
        server.inject(Fault(kind=FaultKind.ITEM_ERROR, verb="FindItem", index=0, code="ErrorAccessDenied"))
        with pytest.raises(Temporary, match="access_denied"):
            connector.find(MAILBOX, ["a"])


@pytest.mark.parametrize("code", ["ErrorAccessDenied", "ErrorServerBusy"])
def test_a_sub_folder_that_fails_otherwise_says_unknown(
    exchange: MockExchange, connector: EwsConnector, code: str
) -> None:
    exchange.make_folder(MAILBOX, "Archives")
    exchange.inject(Fault(kind=FaultKind.ITEM_ERROR, verb="FindItem", after=1, index=0, code=code))
    with pytest.raises(Temporary):
        connector.find(MAILBOX, ["a"])


def test_the_request_of_the_guide_is_one_that_exchange_can_read() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "fr" / "exchange.md").read_text("utf-8")
    request = guide.partition("```xml\n")[2].partition("```")[0]
    call = Call("AddDelegate", etree.fromstring(request), ())
    assert load(ews_schema_folder()).check_call(call) == []
