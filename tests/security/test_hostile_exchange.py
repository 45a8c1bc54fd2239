"""An Exchange server, or whoever speaks in its name, that means harm. It can say what it likes; it gets nothing."""

import gzip
import itertools
import time
import tracemalloc
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from connectors.base import ConnectorError
from connectors.ews import EwsConnector, EwsSettings
from tests.connectors.ews import ACCOUNT, INSTALLATION, MAILBOX, PASSWORD, connected
from tests.security.hostile import Hostile, Reply, answer, hostile

LIMIT = 1 << 20
ENVELOPE = b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body%s>%s</s:Body></s:Envelope>'

_ERRORS = b"http://schemas.microsoft.com/exchange/services/2006/errors"
_CODE = b'<e:ResponseCode xmlns:e="%s">ErrorServerBusy</e:ResponseCode>' % _ERRORS
FAULT = ENVELOPE % (b"", b"<s:Fault><faultcode>s:Server</faultcode><detail>%s</detail></s:Fault>" % _CODE)


def settings(server: Hostile, auth: str = "basic") -> EwsSettings:
    return EwsSettings(
        server=f"{server.address}/EWS/Exchange.asmx",
        version="Exchange2016",
        auth=auth,
        access="impersonation",
        username=ACCOUNT,
        password=PASSWORD,
        installation=INSTALLATION,
        timeout_s=5.0,
        authentication_pause_s=0.0,
    )


def failure(connector: EwsConnector) -> ConnectorError:
    with pytest.raises(ConnectorError) as caught:
        connector.find(MAILBOX, ["uid"])
    return caught.value


def refusal(reply: Reply, auth: str = "basic") -> ConnectorError:
    with hostile(reply) as server, connected(settings(server, auth)) as connector:
        return failure(connector)


def laughs() -> bytes:
    entities = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    return f'<!DOCTYPE a [<!ENTITY l0 "ha ha ha ha ha">{entities}'.encode()


BOMBS = {
    "entities in a text": laughs() + b"]>" + ENVELOPE % (b"", b"&l9;"),
    "entities in an attribute": laughs() + b"]>" + ENVELOPE % (b' a="&l9;"', b""),
    "entities in a default": laughs() + b'<!ATTLIST a b CDATA "&l9;">]><a/>',
    "an entity in itself": b'<!DOCTYPE a [<!ENTITY x "&y;"><!ENTITY y "&x;">]>' + ENVELOPE % (b"", b"&x;"),
    "elements in elements": b"<a>" * 200_000,
    "an envelope in envelopes": b"<s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/'><s:Body>" * 5_000,
    "many attributes": b"<a %s/>" % b" ".join(b'a%d=""' % number for number in range(50_000)),
    "many name spaces": b"<a %s/>" % b" ".join(b'xmlns:a%d="u"' % number for number in range(30_000)),
    "a long name": b"<" + b"a" * (LIMIT - 10) + b"/>",
    "a long comment": b"<!--" + b"a" * (LIMIT - 20) + b"--><a/>",
}


@pytest.mark.threat(id="xml-bombs")
@pytest.mark.parametrize("name", BOMBS)
def test_no_document_grows_beyond_its_bytes(name: str) -> None:
    """A billion laughs are three gigabytes out of one kilobyte."""
    tracemalloc.start()
    assert refusal(answer(BOMBS[name])).code == "not_ews"
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20 * LIMIT


@pytest.mark.threat(id="xml-bombs")
def test_no_document_fetches_another(tmp_path: Path) -> None:
    """Else a file of ours, or a page of the inside, would be read for the server."""
    secret = tmp_path / "secret"
    secret.write_text("canary")
    with hostile(answer(b"<!ENTITY z 'z'>")) as elsewhere:
        for place in (secret.as_uri(), f"{elsewhere.address}/dtd"):
            for dtd in (
                f'<!DOCTYPE a SYSTEM "{place}">',
                f'<!DOCTYPE a [<!ENTITY x SYSTEM "{place}">]>',
                f'<!DOCTYPE a [<!ENTITY % p SYSTEM "{place}"> %p;]>',
                f'<?xml-stylesheet href="{place}"?>',
            ):
                document = dtd.encode() + ENVELOPE % (
                    b"",
                    f'&x;<i:include xmlns:i="http://www.w3.org/2001/XInclude" href="{place}"/>'.encode(),
                )
                error = refusal(answer(document))
                assert error.code == "not_ews"
                assert "canary" not in repr(error)
        assert elsewhere.heard == []


def endless(_: bytes) -> Iterable[bytes]:
    return itertools.chain([b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n\r\n"], itertools.repeat(b"<a>" * 20_000))


def endless_chunks(_: bytes) -> Iterable[bytes]:
    chunk = b"10000\r\n" + b" " * 65536 + b"\r\n"
    return itertools.chain([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"], itertools.repeat(chunk))


def endless_headers(_: bytes) -> Iterable[bytes]:
    return itertools.chain([b"HTTP/1.1 200 OK\r\n"], itertools.repeat(b"X-A: b\r\n" * 100))


def endless_line(_: bytes) -> Iterable[bytes]:
    return itertools.chain([b"HTTP/1.1 200 OK\r\nX-A: "], itertools.repeat(b"a" * 65536))


inflating = answer(gzip.compress(b"<a/>" * 25 * LIMIT), "Content-Encoding: gzip")
inflating_twice = answer(gzip.compress(gzip.compress(b" " * 500 * LIMIT)), "Content-Encoding: gzip, gzip")


@pytest.mark.threat(id="endless-answers")
@pytest.mark.parametrize("reply", [endless, endless_chunks, endless_headers, endless_line, inflating, inflating_twice])
def test_no_more_of_an_answer_is_taken_than_any_that_could_be_meant(
    reply: Reply, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.ews.transport.LARGEST_ANSWER", LIMIT)
    with hostile(reply) as server, connected(settings(server)) as connector:
        tracemalloc.start()
        assert failure(connector).code in {"not_ews", "connection_lost", "timeout"}
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 20 * LIMIT
        assert len(server.heard) == 1


def test_an_answer_that_compresses_nothing_without_end_is_given_up_in_time() -> None:
    """The name in a gzip's head may be of any length: bytes come, and nothing comes out."""

    def named_without_end(_: bytes) -> Iterable[bytes]:
        yield b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n\x1f\x8b\x08\x08\0\0\0\0\0\0"
        while True:
            time.sleep(0.01)  # a server that trickles
            yield b"a" * 100

    with hostile(named_without_end) as server, connected(replace(settings(server), timeout_s=0.5)) as connector:
        assert failure(connector).code == "timeout"


@pytest.mark.threat(id="followed-redirects")
@pytest.mark.parametrize("auth", ["basic", "ntlm"])
@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
def test_credentials_follow_no_redirect(auth: str, status: str) -> None:
    with hostile(answer(b"")) as elsewhere:
        refusal(answer(b"", f"Location: {elsewhere.address}/EWS/Exchange.asmx", status=status), auth)
        assert elsewhere.heard == []


@pytest.mark.threat(id="basic-challenge")
@pytest.mark.parametrize(
    "challenge", ["Basic realm=x", "Digest realm=x, nonce=y", "Bearer", "Negotiate, Basic realm=x"]
)
def test_a_server_that_asks_for_the_password_itself_does_not_get_it(challenge: str) -> None:
    """Only an account configured for Basic ever shows its password; NTLM shows a proof of it."""
    with hostile(answer(b"", f"WWW-Authenticate: {challenge}", status="401 Unauthorized")) as server:
        with connected(settings(server, "ntlm")) as connector:
            failure(connector)
        proofs = b"".join(server.heard)
        assert b"Basic" not in proofs
        assert PASSWORD.encode() not in proofs


def test_cookies_are_not_kept() -> None:
    """One mailbox's would route the next one's calls."""
    with hostile(answer(b"", "Set-Cookie: a=b")) as server, connected(settings(server)) as connector:
        failure(connector)
        failure(connector)
        assert len(server.heard) == 2
        assert b"cookie" not in b"".join(server.heard).lower()


@pytest.mark.parametrize(
    ("body", "encoding", "code"),
    [
        (gzip.compress(b"<a/>"), "gzip", "not_ews"),
        (gzip.compress(FAULT), "gzip", "server_busy"),
        (gzip.compress(FAULT), "X-GZIP", "server_busy"),
        (FAULT, "identity", "server_busy"),
        (gzip.compress(FAULT)[:-9], "gzip", "connection_lost"),
        (b"\x1f\x8b" + b"x" * 100, "gzip", "connection_lost"),
        (FAULT, "br", "not_ews"),
    ],
    ids=["not EWS", "gzip", "x-gzip", "plain", "cut off", "broken", "another coding"],
)
def test_a_compressed_answer_is_read_whole_or_not_at_all(body: bytes, encoding: str, code: str) -> None:
    assert refusal(answer(body, f"Content-Encoding: {encoding}")).code == code
