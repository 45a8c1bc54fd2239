"""Parsing of answers: with a limit on memory, one answer of the process at a time.

By the standard library's parser: lxml, which exchangelib reads with, keeps every name that it has met for as long as
the thread lives, and takes up to fifty times a document's size.
"""

import re
import threading
import xml.etree.ElementTree as ET  # nosec B405  # no document with a DTD is parsed
from collections.abc import Callable
from typing import Any, TypeVar

from exchangelib.util import SOAPNS

from connectors import bounded_http
from connectors.bounded_http import BodyBroken, BodyTooLarge
from connectors.ews.errors import CONNECTION_LOST, NOT_EWS, AnswerTooLarge, CallFailed
from connectors.ews.transport import Answer

LARGEST_DOCUMENT = 4 * 1024 * 1024
"""Bytes after inflating. A page of 500 entries is an eighth of it."""
MOST_MEMORY = 48 * 1024 * 1024
_FOR_A_BYTE = 8
"""Bytes of memory for each byte of text: as received, repaired, and in the tree with four bytes a character."""
_FOR_A_NODE = 320
"""Bytes of an element or attribute with a unique name. Measured, with a margin."""

_ONE_AT_A_TIME = threading.Lock()
"""Parsing holds the GIL anyway; with the lock, the trees of several threads never add up."""

_REFERENCE = re.compile(rb"&#(?:([0-9]{1,9})|[xX]([0-9a-fA-F]{1,8}));")
_UNKNOWN = "\ufffd".encode()
"""Replaces a reference to an invalid character, such as a cut emoji: an id with it is recognised as invalid."""
_CONTROL = bytes(code for code in range(32) if code not in b"\t\n\r")

T = TypeVar("T")


def read(answer: Answer, use: Callable[[Any, Any], T]) -> T:
    """Return what `use` returns for an answer's SOAP header (or None) and body, which it must not keep.

    Raises:
        AnswerTooLarge: it is, or would be as a tree.
        CallFailed: its compression is not whole, or not what was asked for; or it is not meant as SOAP.
        ValueError: it is no SOAP.

    """
    with _ONE_AT_A_TIME:
        root = _tree(_plain(answer))
        body = root.find(f"{{{SOAPNS}}}Body")
        if body is None:
            raise ValueError("body")
        return use(root.find(f"{{{SOAPNS}}}Header"), body)


def _plain(answer: Answer) -> bytes:
    try:
        return bounded_http.inflated(answer.body, answer.encoding, LARGEST_DOCUMENT)
    except BodyTooLarge:
        raise AnswerTooLarge from None
    except BodyBroken:
        raise CallFailed(CONNECTION_LOST) from None
    except ValueError:
        raise CallFailed(NOT_EWS) from None


def _tree(document: bytes) -> Any:
    # The document is read as UTF-8, whatever it declares, so a search for these bytes is reliable.
    if b"<!DOCTYPE" in document:
        raise ValueError("dtd")
    nodes = document.count(b"<") + document.count(b"=")
    if _FOR_A_BYTE * len(document) + _FOR_A_NODE * nodes > MOST_MEMORY:
        raise AnswerTooLarge
    try:
        return _parsed(document)
    except ET.ParseError:
        return _parsed(_repaired(document))


def _parsed(document: bytes) -> Any:
    parser = ET.XMLParser(encoding="utf-8")  # noqa: S314  # nosec B314  # see above
    try:
        parser.feed(document)
        return parser.close()
    except ET.ParseError:
        raise
    except (ValueError, RecursionError):
        raise ET.ParseError from None


def _repaired(document: bytes) -> bytes:
    """Remove or replace what XML forbids: Exchange returns what people pasted into their entries unchanged."""
    text = document.translate(None, _CONTROL).decode("utf-8", "ignore")
    text = text.replace("\ufffe", "").replace("\uffff", "")
    return _REFERENCE.sub(_kept, text.encode())


def _kept(reference: re.Match[bytes]) -> bytes:
    code = int(reference[1]) if reference[1] else int(reference[2], 16)
    sound = code in {9, 10, 13} or 32 <= code < 0xD800 or 0xE000 <= code < 0xFFFE or 0x10000 <= code < 0x110000
    return reference[0] if sound else _UNKNOWN
