"""What a server that means harm may answer: endless, slow, inflating, or full of tiny things."""

import gzip
import itertools
import time
import zlib
from collections.abc import Iterable, Mapping
from functools import cache

from tests.security.hostile import Reply, answer

MIB = 1 << 20
OK = b"HTTP/1.1 200 OK\r\n"
REFUSED = b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: NTLM\r\nWWW-Authenticate: Negotiate\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
TICK_S = 0.05


def slowly(start: bytes, again: bytes) -> Reply:
    """Return one that begins at once, and then sends a little ever again."""

    def reply(_: bytes) -> Iterable[bytes]:
        yield start
        while True:
            time.sleep(TICK_S)  # a server that trickles
            yield again

    return reply


def quickly(start: bytes, again: bytes) -> Reply:
    """Return one that sends without end."""
    return lambda _: itertools.chain([start], itertools.repeat(again * max(16384 // len(again), 1)))


def late_legs(pause_s: float) -> Reply:
    """Return one whose every leg of a handshake takes its time."""

    def reply(_: bytes) -> Iterable[bytes]:
        time.sleep(pause_s)  # a server that is slow
        yield REFUSED + b"Content-Length: 0\r\n\r\n"

    return reply


SLOW: Mapping[str, Reply] = {
    "nothing": slowly(b"", b""),
    "a status line": slowly(b"HTTP/1.1 200 ", b"O"),
    "headers": slowly(OK, b"X"),
    "1xx": slowly(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "headers of a 1xx": slowly(b"HTTP/1.1 100 Continue\r\nX: ", b"a"),
    "a chunk's size": slowly(OK + CHUNKED, b"0"),
    "a chunk's extension": slowly(OK + CHUNKED + b"1;", b"a"),
    "chunks": slowly(OK + CHUNKED, b"1\r\n \r\n"),
    "trailers": slowly(OK + CHUNKED + b"1\r\n \r\n0\r\n", b"X: a\r\n"),
    "a body with a length": slowly(OK + b"Content-Length: 1000000\r\n\r\n", b" "),
    "a body without a length": slowly(OK + b"\r\n", b" "),
    "a body of a 401": slowly(REFUSED + b"Content-Length: 1000000\r\n\r\n", b" "),
    "a body of a 302": slowly(b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 1000000\r\n\r\n", b" "),
    "a body of a 500": slowly(b"HTTP/1.1 500 Error\r\nContent-Length: 1000000\r\n\r\n", b" "),
    "a body of a 503": slowly(b"HTTP/1.1 503 Error\r\nContent-Length: 1000000\r\n\r\n", b" "),
}


def _bomb(status: str, *headers: str, deflate: bool = False) -> Reply:
    packed = zlib.compress(_plain()) if deflate else _zipped()
    return answer(packed, f"Content-Encoding: {'deflate' if deflate else 'gzip'}", *headers, status=status)


def _plain() -> bytes:
    return b" " * (400 * MIB)


@cache
def _zipped() -> bytes:
    return gzip.compress(_plain(), 1)


def bombs() -> Mapping[str, Reply]:
    """Return those that inflate, by status. Each is some 2 MB that become 400 MB."""
    return {
        "200": _bomb("200 OK"),
        "200, deflated": _bomb("200 OK", deflate=True),
        "401": _bomb("401 Unauthorized", "WWW-Authenticate: NTLM"),
        "401 of Negotiate": _bomb("401 Unauthorized", "WWW-Authenticate: Negotiate"),
        "302": _bomb("302 Found", "Location: /elsewhere"),
        "404": _bomb("404 Not Found"),
        "500": _bomb("500 Error"),
        "503": _bomb("503 Error", "Retry-After: 1"),
    }


FAST: Mapping[str, Reply] = {
    "a 401": quickly(REFUSED + b"\r\n", b"a"),
    "a 500": quickly(b"HTTP/1.1 500 Error\r\n\r\n", b"a"),
    "a 200": quickly(OK + b"\r\n", b"<a>"),
    "1xx": quickly(b"", b"HTTP/1.1 100 Continue\r\nX: a\r\n\r\n"),
    "long headers": quickly(OK, b"X: " + b"a" * 60_000 + b"\r\n"),
    "extensions": quickly(OK + CHUNKED + b"1;", b"a"),
    "trailers": quickly(OK + CHUNKED + b"0\r\n", b"X: a\r\n"),
}


def _filled(item: str, size: int, start: bytes, end: bytes) -> Reply:
    pieces, length = [start], 0
    for number in itertools.count():
        piece = item.replace("#", f"{number:x}").encode()
        pieces.append(piece)
        length += len(piece)
        if length >= size:
            return answer(b"".join([*pieces, end]))
    raise AssertionError


def tiny_elements(size: int) -> Mapping[str, Reply]:
    """Return answers of so many bytes with nothing but the smallest parts of a document."""
    items = {
        "elements": "<a/>",
        "elements and texts": "<a/>x",
        "names": "<a#/>",
        "attributes": '<a b=""/>',
        "names of attributes": '<a b#=""/>',
        "name spaces": '<a xmlns="#"/>',
        "elements in elements": "<a>",
        "entities": "&x;",
        "references": "&#1;",
        "comments": "<!---->",
        "instructions": "<?a?>",
        "letters of four bytes": "\U0001f600",
    }
    envelope = b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>', b"</s:Body></s:Envelope>"
    found = {name: _filled(item, size, *envelope) for name, item in items.items()}
    found["attributes of one element"] = _filled('b#="" ', size, envelope[0] + b"<a ", b"/>" + envelope[1])
    return found


def tiny_values(size: int) -> Mapping[str, Reply]:
    """Return the like in JSON."""
    start, end = b'{"organisations": [', b' {"id": 1}]}'
    items = {
        "lists": "[],",
        "objects": "{},",
        "numbers": "1,",
        "rows": '{"id":1},',
        "nested": "[[[[]]]],",
        "names": '{"#":1},',
    }
    return {name: _filled(item, size, start, end) for name, item in items.items()}
