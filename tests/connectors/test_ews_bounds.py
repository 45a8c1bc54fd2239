"""What a server answers is cut, or refused, before it is longer than a record takes."""

import pytest
from lxml import etree

from connectors.base import ADDRESS_LIMIT, CODE_LIMIT, ITEM_ID_LIMIT, ConnectorError, Temporary, Unconfirmed, is_uid
from connectors.ews.errors import Refusal, of_request, of_response_code
from connectors.ews.services import ADDRESS, item_id_in

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
