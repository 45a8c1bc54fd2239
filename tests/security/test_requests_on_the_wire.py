"""Requests that two servers could read in two ways, and requests that are none."""

import gzip

import pytest

from tests.installation.proxies import HOST
from tests.security.wire import JSON_TYPE, THREADS, Way, a_webhook, head, signed, status_of

MEBIBYTE = 1 << 20
HIDDEN = head(2, "autre") + b"\r\n{}"
"""What a smuggler wants to have taken for a request of its own."""
LENGTH = b"%d" % len(HIDDEN)
CHUNKED = b"Transfer-Encoding: chunked\r\n"
END = b"0\r\n\r\n"
AMBIGUOUS = {
    "length and chunks": head() + b"Content-Length: %d\r\n" % (len(END) + len(HIDDEN)) + CHUNKED + b"\r\n" + END,
    "chunks and length": head() + CHUNKED + b"Content-Length: 5\r\n\r\n" + END,
    "space before the colon": head() + b"Transfer-Encoding : chunked\r\nContent-Length: 5\r\n\r\n" + END,
    "tab in the value": head() + b"Transfer-Encoding:\tchunked\r\nContent-Length: 5\r\n\r\n" + END,
    "an unknown coding": head() + b"Transfer-Encoding: xchunked\r\nContent-Length: 5\r\n\r\n" + END,
    "a list of codings": head() + b"Transfer-Encoding: identity, chunked\r\nContent-Length: 5\r\n\r\n" + END,
    "chunked twice": head() + CHUNKED + b"Transfer-Encoding: identity\r\n\r\n" + END,
    "two lengths": head(0) + b"Content-Length: " + LENGTH + b"\r\n\r\n",
    "a list of lengths": head() + b"Content-Length: 0, " + LENGTH + b"\r\n\r\n",
    "a length with a sign": head() + b"Content-Length: +0\r\n\r\n",
    "a length in hex": head() + b"Content-Length: 0x0\r\n\r\n",
    "a negative length": head() + b"Content-Length: -1\r\n\r\n",
    "a folded header": head() + b"X-A: b\r\n Content-Length: 0\r\n\r\n",
    "a bare LF": head().replace(b"\r\n", b"\n") + b"Content-Length: 0\n\n",
    "a bare LF in a header": head(0) + b"X-A: b\nTransfer-Encoding: chunked\r\n\r\n",
    "a bare CR in a header": head(0) + b"X-A: b\rTransfer-Encoding: chunked\r\n\r\n",
    "a NUL": head(0) + b"X-A: b\0\r\nTransfer-Encoding: chunked\r\n\r\n",
    "a size that is none": head() + CHUNKED + b"\r\nzz\r\n{}\r\n" + END,
    "a line end in a chunk's extension": head() + CHUNKED + b'\r\n2;a="\n"\r\n{}\r\n' + END,
    "chunks that end with LF": head() + CHUNKED + b"\r\n2\n{}\n0\n\n",
    "a length in the trailer": head() + CHUNKED + b"\r\n2\r\n{}\r\n0\r\nContent-Length: " + LENGTH + b"\r\n\r\n",
}


@pytest.mark.threat(id="request-smuggling")
@pytest.mark.parametrize("name", AMBIGUOUS)
def test_one_request_in_is_at_most_one_request_seen(way: Way, name: str) -> None:
    """What one takes for a body, another could take for the next request: somebody else's, past the proxy's rules."""
    failures = len(way.receiver.lines("unforeseen"))
    answer = way.ask(AMBIGUOUS[name] + HIDDEN)
    assert answer.count(b"HTTP/1.") <= 1
    assert status_of(answer) in {0, 200, 400, 401, 411, 422, 501, 502}
    assert (way.receiver.heard_by("autre"), len(way.receiver.lines("unforeseen"))) == (0, failures)


NOT_HTTP = {
    "no method": b"<script>\x1b[31m Dupont HTTP/1.1\r\n\r\n",
    "no version": b"GET /Dupont\r\n\r\n",
    "another version": b"GET /Dupont HTTP/9.9\r\n\r\n",
    "HTTP/2 unasked": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a proxy's greeting": b"PROXY TCP4 6.6.6.6 6.6.6.6 1 2\r\n" + head(0) + b"\r\n",
    "an address that is none": b"GET http://[Dupont HTTP/1.1\r\nHost: x\r\n\r\n",
    "letters outside ASCII": "GET /Dupont-é HTTP/1.1\r\nHost: x\r\n\r\n".encode(),
    "a name with a space": head() + b"Jean Dupont<script>: x\r\n\r\n",
    "an expectation": head(0) + b"Expect: Dupont<script>\r\n\r\n",
    "a huge header": head(0) + b"X-Dupont: " + b"a" * 200_000 + b"\r\n\r\n",
    "a header without end": head(0) + b"Dupont" * 200_000 + b"\r\n\r\n",
    "many headers": head(0) + b"".join(b"X-Dupont-%d: a\r\n" % number for number in range(500)) + b"\r\n",
    "a huge address": b"POST /webhooks/" + b"Dupont" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
}


@pytest.mark.threat(id="huge-requests")
@pytest.mark.threat(id="log-injection")
@pytest.mark.parametrize("name", NOT_HTTP)
def test_what_is_no_request_leaves_no_word_of_it(directly: Way, name: str) -> None:
    """gunicorn itself would log the sender's words and address, and answer with a page that repeats them."""
    answer = directly.ask(NOT_HTTP[name])
    assert status_of(answer) in {400, 414, 417, 431}
    assert b"Content-Type: application/json\r\n" in answer
    assert answer.endswith(b'{"status":"error"}\n')
    assert "Dupont" not in directly.receiver.log.read_text()
    told = directly.receiver.lines("not_http")[-1]
    assert told.keys() == {"ts", "level", "event", "log", "http_status", "error"}
    assert told["http_status"] == status_of(answer)


@pytest.mark.threat(id="huge-requests")
def test_a_huge_body_is_refused_before_it_is_read(directly: Way) -> None:
    assert status_of(directly.ask(head(1 << 40) + b"\r\n")) == 413


@pytest.mark.threat(id="huge-requests")
def test_of_a_body_that_does_not_say_how_long_it_is_no_more_than_the_limit_is_read(directly: Way) -> None:
    """The signature is one over all of it: of the beginning alone it cannot be right."""
    chunk = b"10000\r\n" + b" " * 65536 + b"\r\n"
    before = _peak_kib(directly)
    assert status_of(directly.ask(head() + CHUNKED + b"\r\n" + chunk * 1000)) in {0, 401, 413}  # 0: it hung up
    assert _peak_kib(directly) - before < 20 * 1024


def test_older_and_longer_ways_of_asking_are_understood(directly: Way) -> None:
    whole = signed(a_webhook())
    older = whole.replace(b" HTTP/1.1\r\n", b" HTTP/1.0\r\n", 1)
    longer = whole.replace(b"POST /webhooks", b"POST http://elsewhere.example/webhooks", 1)
    assert {status_of(directly.ask(raw)) for raw in (whole, older, longer)} <= {200, 202}


def test_a_longer_way_of_asking_leads_to_nothing_more(behind_nginx: Way, behind_caddy: Way) -> None:
    for way in (behind_nginx, behind_caddy):
        for host in (HOST, "localhost", "127.0.0.1:8080"):
            raw = f"GET http://{host}/status/login HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n"
            answer = way.ask(raw.encode())
            assert b"<form" not in answer
            assert status_of(answer) >= 300 or not answer.partition(b"\r\n\r\n")[2]  # Caddy has nothing to say


@pytest.mark.threat(id="path-confusion")
@pytest.mark.parametrize("name", ["X_Lapin_Signature", "X-Lapin_Signature", "x_lapin-signature"])
def test_a_name_with_an_underscore_is_no_other_name_for_a_header(directly: Way, name: str) -> None:
    """WSGI writes both in one way: a header that a proxy takes away could come back under a name it does not know."""
    assert status_of(directly.ask(signed(a_webhook()).replace(b"X-Lapin-Signature", name.encode()))) == 401


@pytest.mark.threat(id="path-confusion")
@pytest.mark.parametrize("name", ["SCRIPT_NAME", "SCRIPT-NAME", "PATH_INFO", "X-Script-Name", "X-Forwarded-Prefix"])
def test_no_header_moves_the_program_to_another_path(directly: Way, name: str) -> None:
    value = "/status/login" if name == "PATH_INFO" else "/webhooks"
    raw = f"GET /webhooks/status/login HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{name}: {value}\r\n\r\n"
    assert status_of(directly.ask(raw.encode())) == 404


@pytest.mark.threat(id="compressed-bodies")
def test_a_compressed_body_is_bytes_like_any_other(directly: Way) -> None:
    """Who does not inflate cannot be blown up: 100 MiB would come out of these."""
    bomb = gzip.compress(b" " * 100 * MEBIBYTE)
    raw = signed(bomb).replace(JSON_TYPE, JSON_TYPE + b"Content-Encoding: gzip\r\n", 1)
    before = _peak_kib(directly)
    assert status_of(directly.ask(raw)) == 422
    assert _peak_kib(directly) - before < 20 * 1024
    assert status_of(directly.ask(raw.replace(JSON_TYPE, b"Content-Type: application/gzip\r\n", 1))) == 415


def _peak_kib(way: Way) -> int:
    """Return the most memory that the process with the web's threads ever had."""
    peaks = [0]
    for folder in way.receiver.processes():
        status = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines())
        if int(status["Threads"]) > THREADS // 2:
            peaks.append(int(status["VmHWM"].split()[0]))
    return max(peaks)
