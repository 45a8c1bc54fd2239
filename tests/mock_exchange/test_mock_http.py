"""The HTTP and SOAP around the calls: paths, envelopes, faults, schemas, TLS."""

import http.client
import socket
import ssl
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
import trustme
from lxml import etree
from requests_ntlm import HttpNtlmAuth

from mock_exchange import MockExchange
from tests.mock_exchange.conftest import AGENT
from tests.mock_exchange.wire import TIMES, create, envelope, event, find, get, post
from tests.requirements import ews_schema_folder


@pytest.mark.parametrize("path", ["/ews/exchange.asmx", "/EWS/EXCHANGE.ASMX", "/EWS/Exchange.asmx?x=1"])
def test_the_path_is_matched_without_regard_to_case(exchange, path):
    address = exchange.url.replace("/EWS/Exchange.asmx", path)
    assert requests.post(address, data=envelope(find()), timeout=10).status_code == 200


def test_another_path_is_not_found(exchange):
    address = exchange.url.replace("Exchange.asmx", "Other.asmx")
    assert requests.post(address, data=envelope(find()), timeout=10).status_code == 404
    assert requests.get(address, timeout=10).status_code == 404


def test_get_is_not_allowed_at_the_ews_address(exchange):
    assert requests.get(exchange.url, timeout=10).status_code == 405


def test_the_server_says_that_it_is_exchange_2016(exchange):
    info = post(exchange, find()).all("//t:ServerVersionInfo")[0]
    assert (info.get("MajorVersion"), info.get("MinorVersion")) == ("15", "1")


def test_an_unknown_verb_is_a_fault(exchange):
    reply = post(exchange, "<m:GetRoomLists/>")
    assert (reply.status, reply.codes) == (500, ["ErrorInvalidRequest"])
    assert reply.texts("//faultcode") == ["a:ErrorInvalidRequest"]


ENTITY = b"""<!DOCTYPE x [<!ENTITY secret SYSTEM "file:///etc/hostname">]>"""


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"not xml",
        b"<a/>",
        envelope(""),
        envelope(find() + find()),
        envelope(find()).replace(b"?>", b"?>" + ENTITY),
    ],
)
def test_what_is_no_envelope_is_a_fault(exchange, raw):
    """A document type is refused as a whole, so no entity is ever read."""
    answer = requests.post(exchange.url, data=raw, timeout=10)
    assert answer.status_code == 500
    assert b"ErrorInvalidRequest" in answer.content
    assert exchange.items(AGENT) == []


def test_a_body_without_length_is_refused(exchange):
    assert requests.post(exchange.url, data=iter([envelope(find())]), timeout=10).status_code == 411


def test_a_connection_is_kept(exchange):
    address = urlsplit(exchange.url)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=10)
    sockets = set()
    for _ in range(3):
        connection.request("POST", address.path, envelope(find()))
        assert connection.getresponse().read()
        sockets.add(id(connection.sock))
    connection.close()
    assert len(sockets) == 1


def test_a_stopped_server_cuts_its_connections():
    with MockExchange([AGENT]) as exchange:
        session = requests.Session()
        session.post(exchange.url, data=envelope(find()), timeout=10)
        address = exchange.url
    with session, pytest.raises(requests.ConnectionError):
        session.post(address, data=envelope(find()), timeout=10)


def test_a_server_that_was_down_comes_back_on_its_port_with_its_items(start):
    exchange = start(auth="ntlm", users={AGENT: "p"})
    with requests.Session() as session:
        session.auth = HttpNtlmAuth(AGENT, "p")
        assert session.post(exchange.url, data=envelope(create(event("x"))), timeout=10).status_code == 200
        address = exchange.url
        exchange.stop()
        with pytest.raises(requests.ConnectionError):
            session.post(address, data=envelope(find()), timeout=10)
        exchange.start()
        assert session.post(address, data=envelope(find()), timeout=10).status_code == 200
    assert len(exchange.items(AGENT)) == 1


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


def test_tls_serves_whoever_trusts_the_authority(authority, tmp_path: Path):
    files = tmp_path / "server.pem", tmp_path / "ca.pem"
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(files[0])
    authority.cert_pem.write_to_path(files[1])
    with MockExchange([AGENT], tls=(files[0], files[0])) as exchange:
        assert exchange.url.startswith("https://localhost:")
        with pytest.raises(requests.exceptions.SSLError):
            requests.post(exchange.url, data=envelope(find()), timeout=10)
        answer = requests.post(exchange.url, data=envelope(find()), verify=str(files[1]), timeout=10)
        assert answer.status_code == 200
        assert exchange.crashes == []


def test_a_slow_tls_handshake_holds_nobody_up(authority, tmp_path: Path):
    """A client that connects and says nothing must not stop the others."""
    server, ca = tmp_path / "server.pem", tmp_path / "ca.pem"
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(server)
    authority.cert_pem.write_to_path(ca)
    with MockExchange([AGENT], tls=(server, server)) as exchange:
        port = urlsplit(exchange.url).port
        with socket.create_connection(("127.0.0.1", port)):
            context = ssl.create_default_context(cafile=str(ca))
            with socket.create_connection(("127.0.0.1", port), timeout=5) as plain:
                context.wrap_socket(plain, server_hostname="localhost").close()


def test_a_request_that_the_schema_refuses_is_a_fault_and_is_noted():
    with MockExchange([AGENT], schema_dir=ews_schema_folder()) as exchange:
        misordered = event("x", "<t:End>2026-12-07T10:00:00Z</t:End><t:Start>2026-12-07T09:00:00Z</t:Start>")
        reply = post(exchange, create(misordered))
        assert (reply.status, reply.codes) == (500, ["ErrorSchemaValidation"])
        assert [(error.direction, error.verb) for error in exchange.schema_errors] == [("request", "CreateItem")]
        assert exchange.items(AGENT) == []
        exchange.forget_complaints()


def test_a_header_that_the_schema_refuses_is_noted():
    with MockExchange([AGENT], schema_dir=ews_schema_folder()) as exchange:
        reply = post(exchange, find(), '<t:RequestServerVersion Version="Exchange1999"/>')
        assert reply.codes == ["ErrorSchemaValidation"]
        assert [error.direction for error in exchange.schema_errors] == ["request"]
        exchange.forget_complaints()


def test_an_answer_that_the_schema_refuses_is_noted():
    """The check of answers is itself checked, by an item whose stored property the schema does not know."""
    with MockExchange([AGENT], schema_dir=ews_schema_folder()) as exchange:
        item_id = post(exchange, create(event("x"))).ids()[0]
        stored = exchange.store.items[item_id]
        stored.values["Importance"].text = "Enormous"
        post(exchange, get(item_id, more='<t:FieldURI FieldURI="item:Importance"/>'))
        assert [(error.direction, error.verb) for error in exchange.schema_errors] == [("response", "GetItem")]
        exchange.forget_complaints()


def test_a_server_validates_where_the_environment_names_the_schemas(monkeypatch):
    monkeypatch.setenv("RDV_EWS_SCHEMAS", str(ews_schema_folder()))
    assert MockExchange().service.schemas is not None
    assert MockExchange(validate=False).service.schemas is None
    monkeypatch.delenv("RDV_EWS_SCHEMAS")
    assert MockExchange().service.schemas is None


def test_headers_of_other_standards_pass_the_schema_check():
    with MockExchange([AGENT], schema_dir=ews_schema_folder()) as exchange:
        foreign = '<a:Action xmlns:a="http://www.w3.org/2005/08/addressing">x</a:Action>'
        assert post(exchange, find(), foreign).codes == ["NoError"]


def test_a_malformed_request_is_a_fault_also_without_schemas():
    """It is kept among the crashes: a suite that meets one has a client to mend."""
    with MockExchange([AGENT], validate=False) as exchange:
        assert post(exchange, "<m:UpdateItem><m:ItemChanges><t:ItemChange/></m:ItemChanges></m:UpdateItem>").codes == [
            "ErrorInvalidRequest"
        ]
        assert len(exchange.crashes) == len(exchange.complaints) == 1
        exchange.forget_complaints()


def test_names_resolve_to_primary_addresses(exchange):
    exchange.add_mailbox(AGENT, "alias@departement.example")
    asked = '<m:ResolveNames ReturnFullContactData="false"><m:UnresolvedEntry>{}</m:UnresolvedEntry></m:ResolveNames>'
    assert post(exchange, asked.format("alias@departement.example")).texts("//t:EmailAddress") == [AGENT]
    assert post(exchange, asked.format("smtp:age")).texts("//t:EmailAddress") == [AGENT]
    assert post(exchange, asked.format("personne")).codes == ["ErrorNameResolutionNoResults"]
    assert len(post(exchange, asked.format("a")).all("//t:Resolution")) == 2


def test_time_zones_are_listed(exchange):
    one = "<m:GetServerTimeZones><m:Ids><t:Id>Romance Standard Time</t:Id></m:Ids></m:GetServerTimeZones>"
    assert [zone.get("Id") for zone in post(exchange, one).all("//t:TimeZoneDefinition")] == ["Romance Standard Time"]
    assert len(post(exchange, "<m:GetServerTimeZones/>").all("//t:TimeZoneDefinition")) > 10


def test_a_request_is_recorded_with_its_answer(exchange):
    reply = post(exchange, create(event("x", TIMES), event("y", TIMES)))
    (recorded,) = exchange.requests
    assert (recorded.verb, recorded.status, recorded.batch) == ("CreateItem", 200, 2)
    assert b"<t:Subject>y</t:Subject>" in recorded.request
    assert etree.tostring(etree.fromstring(recorded.response)) == etree.tostring(reply.root)
