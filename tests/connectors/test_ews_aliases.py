"""A mailbox named by an alias: what is asked, and how often, where the server insists on primary addresses."""

from collections.abc import Iterator

import pytest
import responses

from connectors.base import Create, Temporary
from connectors.ews import EwsConnector, EwsSettings
from mock_exchange import Behaviours, MockExchange
from tests.connectors.conformance import WIDE, entry
from tests.connectors.ews import ALIAS, MAILBOX, connected, count, done, exchange_for, settings_for
from tests.connectors.test_ews_answers import URL, answered, envelope, message

DELEGATE = ("basic", "delegate")


@pytest.fixture
def server() -> Iterator[MockExchange]:
    with exchange_for(*DELEGATE) as running:
        yield running


@pytest.fixture
def delegate(server: MockExchange) -> Iterator[EwsConnector]:
    with connected(settings_for(server, *DELEGATE, connections=1)) as connector:
        yield connector


def test_beside_impersonation_the_folder_names_no_mailbox(exchange: MockExchange, connector: EwsConnector) -> None:
    done(connector.apply(ALIAS, [Create(entry())])[0])
    assert connector.find(ALIAS, [entry().uid])[entry().uid]
    assert len(list(connector.list_marked(ALIAS, *WIDE))) == 1
    assert not [each for each in exchange.requests if b"Mailbox>" in each.request.partition(b"Body>")[2]]


def test_a_delegate_asks_again_by_the_address_that_the_server_names(
    server: MockExchange, delegate: EwsConnector
) -> None:
    item_id = done(delegate.apply(ALIAS, [Create(entry())])[0])
    assert delegate.find(ALIAS, [entry().uid])[entry().uid][0].item_id == item_id
    assert len(list(delegate.list_marked(ALIAS, *WIDE))) == 1
    assert delegate.identify(ALIAS) == delegate.probe(ALIAS).address == MAILBOX
    assert count(server, lambda: delegate.find(ALIAS, [entry().uid])) == {"FindItem": 2}
    assert count(server, lambda: delegate.find(MAILBOX, [entry().uid])) == {"FindItem": 1}
    assert len(server.items(MAILBOX)) == 1


def test_a_server_that_takes_aliases_is_asked_once(server: MockExchange, delegate: EwsConnector) -> None:
    server.behaviours = Behaviours(accepts_aliases=True)
    assert count(server, lambda: delegate.apply(ALIAS, [Create(entry())])) == {"CreateItem": 1}


NAMED = '<{0}:MessageXml xmlns:e="e"><t:Value Name="Primary">{1}</t:Value></{0}:MessageXml>'


def fault(primary: str, prefix: str = "t") -> str:
    return envelope(
        "<s:Fault><faultcode>t:ErrorNonPrimarySmtpAddress</faultcode><faultstring>?</faultstring><detail>"
        f"{NAMED.format(prefix, primary)}</detail></s:Fault>"
    )


@pytest.mark.parametrize(
    "told",
    [
        fault(MAILBOX),
        fault(MAILBOX, "e"),
        answered("GetFolder", message("GetFolder", NAMED.format("m", MAILBOX), "ErrorNonPrimarySmtpAddress", "Error")),
    ],
)
def test_however_it_is_told_the_address_is_used(told: str) -> None:
    folder = '<m:Folders><t:CalendarFolder><t:FolderId Id="F="/></t:CalendarFolder></m:Folders>'
    owner = f'<m:AlternateId Format="EwsId" Id="F=" Mailbox="{MAILBOX}"/>'
    with responses.RequestsMock() as web, connected(delegate_of()) as connector:
        web.post(URL, status=500 if "Fault" in told else 200, body=told)
        web.post(URL, body=answered("GetFolder", message("GetFolder", folder)))
        web.post(URL, body=answered("ConvertId", message("ConvertId", owner)))
        assert connector.identify(ALIAS) == MAILBOX


@pytest.mark.parametrize("primary", ["", "/o=Exchange/cn=agent", "a@b\r\nX: y", MAILBOX])
def test_an_address_that_does_not_help_ends_the_call(primary: str) -> None:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as web, connected(delegate_of()) as connector:
        web.post(URL, status=500, body=fault(primary))
        with pytest.raises(Temporary, match="mailbox_not_found"):
            connector.identify(ALIAS)
        assert len(web.calls) == (2 if primary == MAILBOX else 1)


def delegate_of() -> EwsSettings:
    return EwsSettings(URL, "Exchange2016", "basic", "delegate", "svc", "secret", "installation")
