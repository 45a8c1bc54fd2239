"""What a body weighs once it is read; and the same document with its emoji escaped, which weighs less."""

import json
import sys
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from receiver.core.wire.weight import MOST_RARE, is_heavier, narrow, weight_of

EMOJI = "\U0001fae8"
letters = st.text(st.sampled_from('a\\"/ué’' + EMOJI + "\U0010ffff\ud83d\udee8{}[],:\n"), max_size=8)
documents = st.recursive(
    letters | st.integers() | st.none(), lambda each: st.lists(each) | st.dictionaries(letters, each)
)
pieces = st.lists(
    st.sampled_from(
        [b"\\", b'"', EMOJI.encode(), b"\\u", b"d83d", b"0041", b"a", b"[", b"]", b",", b"\xf0", b"\x9f", b"\xf4"]
    ),
    max_size=12,
)


def read(body: bytes) -> Any:
    """The document; what is none is told by the kind of refusal alone."""
    try:
        return json.loads(body.decode())
    except ValueError:
        return ValueError


def narrowed(body: bytes) -> Any:
    try:
        return read(narrow(body))
    except ValueError:
        return ValueError


@given(documents, st.booleans())
def test_a_document_means_the_same_when_its_emoji_are_escaped(document: Any, escaped: bool) -> None:
    body = json.dumps(document, ensure_ascii=escaped).encode("utf-8", "replace")
    assert narrowed(body) == read(body)


@given(pieces)
@example([b'"', b"\\", EMOJI.encode(), b'"'])
@example([b'"', b"\\", b"\\", EMOJI.encode(), b'"'])
@example([b'"', b"\\", b"\\", b"\\", EMOJI.encode(), b'"'])
@example([EMOJI.encode()])
def test_what_is_no_document_stays_none(parts: list[bytes]) -> None:
    """An emoji after a backslash must not become an escape of something else."""
    for body in (b"".join(parts), b'["' + b"".join(parts) + b'"]'):
        assert narrowed(body) == read(body)


def texts_in(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [*value, *(text for each in value.values() for text in texts_in(each))]
    return [text for each in value for text in texts_in(each)] if isinstance(value, list) else []


def size(text: str) -> int:
    return sys.getsizeof(text) - sys.getsizeof("")


@given(documents, st.booleans())
def test_no_text_takes_more_than_is_said(document: Any, escaped: bool) -> None:
    body = json.dumps(document, ensure_ascii=escaped).encode("utf-8", "replace")
    whole = size(narrow(body).decode()) - 100  # what a text with other letters takes beside them
    kept = json.loads(body)
    assert sum(size(text) - 100 for text in texts_in(kept)) + whole <= weight_of(body)


def test_one_emoji_makes_its_own_text_heavy_and_no_other() -> None:
    rest = b'"' + b"a" * 1_000_000 + b'"'
    beside, within = f'["{EMOJI}", '.encode() + rest + b"]", b"[" + rest[:-1] + f'{EMOJI}"]'.encode()
    assert weight_of(beside) < 2_100_000
    assert 6_000_000 < weight_of(within) < 6_100_000
    assert len(narrow(beside).decode()) < 1_000_100
    assert narrow(beside).isascii()


@pytest.mark.parametrize("quotes", [rb"\"", rb"\\"])
def test_where_a_text_ends_is_never_said_too_soon(quotes: bytes) -> None:
    text = b"a" * 1000 + quotes + EMOJI.encode() + quotes + b"a" * 1000
    assert weight_of(b'["' + text + b'"]') > 4 * 2000


def test_of_many_emoji_every_text_is_taken_to_have_one() -> None:
    body = b'["' + EMOJI.encode() * (MOST_RARE + 1) + b'", "' + b"a" * 100_000 + b'"]'
    assert narrow(body) is body
    assert is_heavier(body, 8 * len(body))


def test_many_quotes_cost_no_walk() -> None:
    body = b'["' + rb"\"" * 4 * MOST_RARE + EMOJI.encode() + b'", "' + b"a" * 100_000 + b'"]'
    assert weight_of(body) >= 4 * len(body)
