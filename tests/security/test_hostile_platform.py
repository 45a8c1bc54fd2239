"""An instance of RDV Service Public, or whoever speaks in its name, that means harm to who asks its REST API."""

import gzip
import itertools
import json
import time
import tracemalloc
from collections.abc import Iterable

import pytest

from receiver.operations.resync.platform_answers import MOST_ROWS
from receiver.operations.resync.platform_http import RestError
from tests.resync.instance import PASSWORD, an_api
from tests.security.hostile import Reply, answer, hostile

LIMIT = 1 << 20
SIGNED_IN = ("access-token: t", "client: c", "uid: u")


def refusal(reply: Reply) -> str:
    with hostile(reply) as server, an_api(server.address) as api, pytest.raises(RestError) as caught:
        api.organisations()
    assert caught.value.__context__ is None  # it would hold what was read
    return caught.value.code


def a_list(content: bytes) -> Reply:
    return answer(content, *SIGNED_IN)


ROWS = json.dumps({"organisations": [{"id": 1}] * (MOST_ROWS + 1), "meta": {"total_pages": 1, "total_count": 1}})
DOCUMENTS = {
    "lists in lists": b"[" * 100_000,
    "objects in objects": b'{"organisations":' * 50_000,
    "a number of many digits": b'{"organisations": [], "meta": {"total_pages": %s, "total_count": 1}}'
    % (b"9" * 100_000),
    "not a number": b'{"organisations": [], "meta": {"total_pages": NaN, "total_count": 1}}',
    "more rows than a page has": ROWS.encode(),
    "a text that is none": b'{"organisations": [{"id": "\\ud800"}]}',
    "bytes that are no text": b'{"organisations": "\xff\xfe"}',
}


@pytest.mark.threat(id="rest-json")
@pytest.mark.parametrize("name", DOCUMENTS)
def test_no_document_upsets_the_reading(name: str) -> None:
    assert refusal(a_list(DOCUMENTS[name])) == "not_understood"


def endless(_: bytes) -> Iterable[bytes]:
    return itertools.chain([b"HTTP/1.1 200 OK\r\n\r\n"], itertools.repeat(b"[" * 65536))


INFLATING = answer(gzip.compress(b" " * 200 * LIMIT), "Content-Encoding: gzip", *SIGNED_IN)


@pytest.mark.threat(id="endless-answers")
@pytest.mark.parametrize("reply", [endless, INFLATING])
def test_no_more_of_an_answer_is_taken_than_any_that_could_be_meant(
    reply: Reply, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("receiver.operations.resync.platform_http.LARGEST_ANSWER", LIMIT)
    tracemalloc.start()
    assert refusal(reply) == "not_understood"
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10 * LIMIT


def trickling(_: bytes) -> Iterable[bytes]:
    yield b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"
    while True:
        time.sleep(0.01)  # a server that trickles
        yield b" "


def test_an_answer_that_trickles_is_given_up_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each byte ends the silence: only the whole has an end."""
    monkeypatch.setattr("receiver.operations.resync.platform_http.WHOLE_S", 0.2)
    assert refusal(trickling) == "timeout"


@pytest.mark.threat(id="followed-redirects")
@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
def test_neither_password_nor_token_follows_a_redirect(status: str) -> None:
    with hostile(answer(b"{}", *SIGNED_IN)) as elsewhere:

        def reply(head: bytes) -> Iterable[bytes]:
            if head.startswith(b"POST"):
                return answer(b"{}", *SIGNED_IN)(head)
            return answer(b"", f"Location: {elsewhere.address}/", status=status)(head)

        assert refusal(reply) == "redirected"
        assert refusal(answer(b"", f"Location: {elsewhere.address}/", status=status)) == "redirected"
        assert elsewhere.heard == []


@pytest.mark.threat(id="basic-challenge")
def test_the_password_is_not_shown_to_who_asks_for_it_in_another_way() -> None:
    challenge = answer(b"", "WWW-Authenticate: Basic realm=x", *SIGNED_IN, status="401 Unauthorized")
    with hostile(challenge) as server, an_api(server.address) as api, pytest.raises(RestError):
        api.organisations()
    assert b"authorization" not in b"".join(server.heard).lower()
    assert PASSWORD.encode() not in b"".join(server.heard)
