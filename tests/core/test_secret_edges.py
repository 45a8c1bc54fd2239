"""What stands around a secret is seen, and what is inside is left alone."""

import base64
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.core.secret_edges import SHORTEST, Edge, bare, edges, has_unseen_within

SECRET = "Kx7vQ2mZ8pL4wR9t"
AROUND = {
    "a mark": ("\ufeff", "", {Edge.MARK}),
    "spaces": ("  ", " ", {Edge.BLANK}),
    "a tab behind": ("", "\t", {Edge.BLANK}),
    "a carriage return": ("", "\r", {Edge.BLANK}),
    "a space that does not break": ("\xa0", "\xa0", {Edge.UNUSUAL_BLANK}),
    "a narrow one": ("\u202f", "", {Edge.UNUSUAL_BLANK}),
    "zero-width": ("\u200b", "\u200d\u2060", {Edge.INVISIBLE}),
    "directions": ("\u200e\u202a", "\u202c", {Edge.INVISIBLE}),
    "a soft hyphen": ("", "\xad", {Edge.INVISIBLE}),
    "a braille blank": ("\u2800", "\ufe0f", {Edge.INVISIBLE}),
    "the end of a file in DOS": ("", "\x1a", {Edge.INVISIBLE}),
    "double quotes": ('"', '"', {Edge.QUOTES}),
    "single quotes": ("'", "'", {Edge.QUOTES}),
    "typographic quotes": ("“", "”", {Edge.QUOTES}),
    "French quotes": ("«\xa0", "\xa0»", {Edge.QUOTES, Edge.UNUSUAL_BLANK}),
    "an apostrophe of a word processor": ("‘", "’", {Edge.QUOTES}),
    "back quotes": ("`", "`", {Edge.QUOTES}),
    "a name": ("RDV_SECRET=", "", {Edge.NAME}),
    "a name in small letters": ("secret=", "", {Edge.NAME}),
    "a name and blanks": ("RDV_SECRET = ", "", {Edge.NAME, Edge.BLANK}),
    "an export": ("export RDV_SECRET='", "'", {Edge.NAME, Edge.QUOTES}),
    "PowerShell": ('$env:RDV_SECRET = "', '"', {Edge.NAME, Edge.QUOTES, Edge.BLANK}),
    "DOS": ("set rdv=", "", {Edge.NAME}),
    "YAML": ("secret: ", "", {Edge.NAME, Edge.BLANK}),
    "a unit of systemd": ('Environment="RDV_SECRET=', '"', {Edge.NAME, Edge.QUOTES}),
    "all together": ('\ufeff RDV_SECRET="\u200b', '\xa0"\t', set(Edge)),
}


@pytest.mark.parametrize("name", AROUND)
def test_what_stands_around_a_secret_is_seen(name: str) -> None:
    before, after, kinds = AROUND[name]
    text = f"{before}{SECRET}{after}"
    assert bare(text) == SECRET
    assert set(edges(text)) >= kinds - {Edge.BLANK}


@pytest.mark.threat(id="secret-edges")
@pytest.mark.parametrize(
    "text",
    [
        SECRET,
        "a secret of several words",
        "it's",
        '"',
        'say "hello"',
        "mot=depasse",  # a password that holds the sign
        "9a=b",
        "Zm9vYmE=",
        "Zm9vYmFyYg==",
        "ABCDEFGHIJK=",
        "hunter2:x",
        "postgres://a=b",
        "mailtos://jean:secret@smtp.example?to=a@b.example",
        "x" * 40 + "=7",
    ],
)
def test_what_belongs_to_a_secret_is_no_edge(text: str) -> None:
    assert (bare(text), edges(text)) == (text, ())


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "\t\r\n",
        "\xa0\u202f",
        "\ufeff",
        "\u200b\u2060",
        '""',
        "''",
        "«\xa0»",
        '" "',
        "RDV_SECRET=",
        "SECRET=''",
        'export RDV_SECRET=""',
        "\ufeff RDV_SECRET= ",
        "\u3164",
        "\x00",
    ],
)
def test_nothing_is_blank_in_any_dress(text: str) -> None:
    assert bare(text) == ""


@given(secret=st.text(string.ascii_letters + string.digits + "-_", min_size=1), dress=st.sampled_from(sorted(AROUND)))
def test_the_inside_is_found_in_every_dress(secret: str, dress: str) -> None:
    before, after, kinds = AROUND[dress]
    if Edge.NAME in kinds and len(secret) < SHORTEST:
        return
    assert bare(f"{before}{secret}{after}") == secret


@given(st.binary(min_size=SHORTEST, max_size=64))
def test_random_bytes_in_base64_have_no_edges(raw: bytes) -> None:
    for text in (base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode(), raw.hex()):
        assert edges(text) == ()


@given(st.text())
def test_the_inside_is_a_part_of_the_text_and_has_no_blank_around(text: str) -> None:
    inner = bare(text)
    assert inner in text
    assert inner == inner.strip()
    assert (inner == text) == (edges(text) == ())


@pytest.mark.parametrize("text", ["a=" * 32_000, '"' * 64_000, "A=" * 32_000 + "x", "\u200b" * 64_000])
def test_layers_without_number_come_to_an_end(text: str) -> None:
    assert bare(text) in text


@pytest.mark.parametrize(
    ("text", "found"), [("a b", False), ("a\u200bb", True), ("a\xa0b", True), (" a\ufeff ", False)]
)
def test_what_nobody_sees_within_is_told(text: str, found: bool) -> None:
    assert has_unseen_within(text) == found
