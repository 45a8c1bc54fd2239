"""What a server answers is cut, or refused, before it is longer than a record takes."""

import pytest
from lxml import etree

from connectors.base import (
    ADDRESS_LIMIT,
    CODE_LIMIT,
    INSTALLATION_PROPERTY,
    ITEM_ID_LIMIT,
    PROPERTY_SET_ID,
    UID_PROPERTY,
    ConnectorError,
    Create,
    Failed,
    Found,
    Temporary,
    Unconfirmed,
    is_uid,
)
from connectors.ews.errors import Refusal, of_request, of_response_code
from connectors.ews.services import ADDRESS, item_id_in
from tests.connectors.conformance import entry
from tests.connectors.ews import INSTALLATION, MAILBOX, connected
from tests.security.hostile import answer, hostile
from tests.security.test_hostile_exchange import failure, settings

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
MESSAGES = "http://schemas.microsoft.com/exchange/services/2006/messages"
TYPES = "http://schemas.microsoft.com/exchange/services/2006/types"


@pytest.mark.parametrize("length", [1, 32, 39, 40, 60])
def test_an_unknown_response_code_becomes_no_longer_than_a_code_may_be(length: int) -> None:
    refusal = Refusal("Error" + "Ab" * (length // 2 + 1))
    for error in (of_request(refusal).error(), of_response_code(refusal).error()):
        assert 0 < len(error.code) <= CODE_LIMIT
    outcome = Unconfirmed("c" * 1000)
    assert (len(outcome.code), len(Temporary("c" * 1000).code)) == (CODE_LIMIT, CODE_LIMIT)
    assert len(str(ConnectorError("c" * 1000))) < 100


@pytest.mark.parametrize(
    ("address", "fits"),
    [
        ("a@b", True),
        ("a" * 300 + "@" + "b" * (ADDRESS_LIMIT - 301), True),
        ("a" * 300 + "@" + "b" * (ADDRESS_LIMIT - 300), False),
        ("a" * 320 + "@" + "b" * 255, False),
        ("a\0@b", False),
        ("a@b\n", False),
    ],
)
def test_an_address_that_a_server_tells_fits_the_record(address: str, fits: bool) -> None:
    assert (ADDRESS.match(address) is not None) is fits


@pytest.mark.parametrize(
    ("length", "fits"), [(0, False), (200, True), (ITEM_ID_LIMIT, True), (ITEM_ID_LIMIT + 1, False)]
)
def test_an_items_id_has_an_end(length: int, fits: bool) -> None:
    result = etree.fromstring(f'<m xmlns:t="{TYPES}"><t:ItemId Id="{"A" * length}"/></m>')
    assert (item_id_in(result) is not None) is fits


@pytest.mark.parametrize("text", ["", "a" * 256, "é", "a\0b", "a\nb", "\ud800"])
def test_no_event_is_known_by_such_a_uid(text: str) -> None:
    assert not is_uid(text)
    assert is_uid("Rdv/0b5e6a3e-6f0e-4c57-9d0b-6a6c1b6f2b11@production")


def envelope(verb: str, message: str) -> bytes:
    """An answer of one message."""
    inner = f"<m:ResponseMessages><m:{verb}ResponseMessage {message}</m:{verb}ResponseMessage></m:ResponseMessages>"
    body = f'<m:{verb}Response xmlns:m="{MESSAGES}" xmlns:t="{TYPES}">{inner}</m:{verb}Response>'
    return f'<s:Envelope xmlns:s="{SOAP}"><s:Body>{body}</s:Body></s:Envelope>'.encode()


def created(item_id: str) -> bytes:
    item = f'<m:Items><t:CalendarItem><t:ItemId Id="{item_id}"/></t:CalendarItem></m:Items>'
    return envelope("CreateItem", f'ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode>{item}')


def failed(code: str) -> bytes:
    return envelope("CreateItem", f'ResponseClass="Error"><m:ResponseCode>{code}</m:ResponseCode><m:Items/>')


def found(item_id: str, uid: str, subject: str = "") -> bytes:
    marks = {UID_PROPERTY: uid, INSTALLATION_PROPERTY: INSTALLATION}
    uri = f'PropertySetId="{PROPERTY_SET_ID}" PropertyType="String"'
    extended = "".join(
        f'<t:ExtendedProperty><t:ExtendedFieldURI {uri} PropertyName="{name}"/><t:Value>{value}</t:Value>'
        "</t:ExtendedProperty>"
        for name, value in marks.items()
    )
    item = f'<t:CalendarItem><t:ItemId Id="{item_id}"/><t:Subject>{subject}</t:Subject>{extended}</t:CalendarItem>'
    root = f'<m:RootFolder TotalItemsInView="1" IncludesLastItemInRange="true"><t:Items>{item}</t:Items></m:RootFolder>'
    return envelope("FindItem", f'ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode>{root}')


HALF_LETTERS = ["&#xD800;", "a&#xDFFF;b", "&#55357;", "&#x0D83D;x"]


@pytest.mark.threat(id="server-words")
@pytest.mark.parametrize("half", HALF_LETTERS)
def test_half_letters_end_no_call_in_an_error_of_ours(half: str) -> None:
    for body in (created(half), failed(half)):
        with hostile(answer(body)) as server, connected(settings(server)) as connector:
            [outcome] = connector.apply(MAILBOX, [Create(entry())])
            assert isinstance(outcome, Unconfirmed | Failed)
    with hostile(answer(found(half, "uid"))) as server, connected(settings(server)) as connector:
        assert failure(connector).code == "not_ews"


@pytest.mark.parametrize("half", HALF_LETTERS)
def test_a_half_letter_that_an_agent_left_in_a_title_costs_no_look_up(half: str) -> None:
    with hostile(answer(found("item", "uid", half))) as server, connected(settings(server)) as connector:
        assert connector.find(MAILBOX, ["uid"]) == {"uid": [Found("item", "uid")]}
