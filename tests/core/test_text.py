"""Text from outside, made safe to keep and to show."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from lxml.etree import Element, fromstring, tostring

from receiver.core.text import clean

any_text = st.text(st.characters(exclude_categories=()), max_size=300)  # lone surrogates too
limits = st.integers(min_value=1, max_value=60)

# Some are in no version of Unicode that this Python knows.
SHAKING, BAGS, FINGERPRINT, SPLATTER = "\U0001fae8", "\U0001fae9", "\U0001fac6", "\U0001fadf"
RESERVED_FOR_EMOJI = "\U0001f6d8"
FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466"
SHAKING_HEAD = "\U0001f642\u200d\u2194\ufe0f"
HANDS = "\U0001faf1\U0001f3fb\u200d\U0001faf2\U0001f3ff"
NEWER_IN_A_SEQUENCE = f"\U0001f9d1\U0001f3fd\u200d{FINGERPRINT}"
FRANCE, BRITTANY = "\U0001f1eb\U0001f1f7", "\U0001f3f4\U000e0066\U000e0072\U000e0062\U000e0072\U000e0065\U000e007f"
KEYCAP, HEART = "1\ufe0f\u20e3", "\u2764\ufe0f\u200d\U0001f525"
WHOLE = [
    SHAKING, BAGS, FINGERPRINT, SPLATTER, RESERVED_FOR_EMOJI, FAMILY, SHAKING_HEAD, HANDS, NEWER_IN_A_SEQUENCE, FRANCE,
    BRITTANY, KEYCAP, HEART, "e\u0301", "a\u0308\u0323", "\u0915\u094d\u0937\u093f", "\u1112\u1161\u11ab", "\ud55c",
    "x",
]  # fmt: skip
"""Emoji, flags, and letters of more than one character: what people see as one."""


def is_noncharacter(character: str) -> bool:
    return 0xFDD0 <= ord(character) <= 0xFDEF or ord(character) & 0xFFFE == 0xFFFE


def units(text: str) -> int:
    """UTF-16 units: what Exchange counts."""
    return len(text.encode("utf-16-le")) // 2


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("", ""),
        ("  Consultation   PMI ", "Consultation PMI"),
        ("ligne\r\nsuivante\tencore\u2028et\u2029fin", "ligne suivante encore et fin"),
        ("Être à l\u2019\u0153uvre : 8 \u20ac", "Être à l\u2019\u0153uvre : 8 \u20ac"),
        ("a\x00b\x07c\x1b[31md\x7fe\x9bf", "abc[31mdef"),
        ("a\u202eb\u2066c\u200fd\u061ce", "abcde"),
        ("a\u200bb\ufeffc\u2060d", "abcd"),
        ("a\ud800b\ue000c\uffffd", "abcd"),
        ("fin\u00a0: 8\u202fh", "fin : 8 h"),
        ("\U0001f468\u200d\U0001f469 famille", "\U0001f468\u200d\U0001f469 famille"),
        ("<b>&amp;</b>", "<b>&amp;</b>"),
    ],
)
def test_what_may_mislead_goes_and_what_people_write_stays(text: str, cleaned: str) -> None:
    assert clean(text, 100) == cleaned


def test_what_is_cut_off_shows() -> None:
    assert clean("abcdef", 6) == "abcdef"
    assert clean("abcdefg", 6) == "abcde…"
    assert clean("abcd efg", 6) == "abcd…", "no space before the ellipsis"


@given(any_text, limits)
@example("\u200b" * 300 + "x", 5)
@example("ab " * 100, 3)
def test_a_cleaned_text_is_short_one_line_and_harmless(text: str, limit: int) -> None:
    cleaned = clean(text, limit)
    assert units(cleaned) <= limit
    assert cleaned == cleaned.strip()
    assert len(cleaned.splitlines()) <= 1
    for character in cleaned:
        assert unicodedata.category(character) not in {"Cc", "Cs", "Co", "Zl", "Zp"}
        assert not is_noncharacter(character)
        assert unicodedata.bidirectional(character) not in {
            "LRE",
            "RLE",
            "LRO",
            "RLO",
            "PDF",
            "LRI",
            "RLI",
            "FSI",
            "PDI",
        }
        assert character not in "\u200b\u200e\u200f\u061c\u2060\ufeff"
    cleaned.encode()


@given(any_text, limits)
def test_cleaning_what_is_clean_changes_nothing(text: str, limit: int) -> None:
    cleaned = clean(text, limit)
    assert clean(cleaned, limit) == cleaned


# Emoji


@pytest.mark.parametrize("whole", WHOLE, ids=ascii)
def test_what_people_see_as_one_stays_whole(whole: str) -> None:
    assert clean(f"Atelier {whole} parents", 100) == f"Atelier {whole} parents"


@given(st.lists(st.sampled_from(WHOLE), min_size=1, max_size=12), limits)
def test_what_people_see_as_one_is_never_cut_in_two(parts: list[str], limit: int) -> None:
    """What is left is the longest beginning that fits, of whole ones."""
    text = "".join(parts)
    cleaned = clean(text, limit)
    if units(text) <= limit:
        assert cleaned == text
        return
    beginnings = ["".join(parts[:count]) for count in range(len(parts) + 1)]
    assert cleaned == max((each for each in beginnings if units(each) < limit), key=len) + "\u2026" or _is_cut_emoji(
        cleaned, parts, limit
    )


def _is_cut_emoji(cleaned: str, parts: list[str], limit: int) -> bool:
    """The first one alone is longer than what may stay: of that there is a beginning, which joins to nothing."""
    return units(parts[0]) >= limit and not cleaned.removesuffix("\u2026").endswith("\u200d")


@pytest.mark.parametrize("mark", ["\u0301", "\u200d\U0001f469"])
def test_one_that_never_ends_is_cut_all_the_same(mark: str) -> None:
    cleaned = clean("\U0001f469" + mark * 5000, 50)
    assert 20 < units(cleaned) <= 50
    assert not cleaned.removesuffix("\u2026").endswith("\u200d")


def test_the_limit_counts_as_exchange_does() -> None:
    assert clean("\U0001f642" * 5, 10) == "\U0001f642" * 5
    assert clean("\U0001f642" * 6, 11) == "\U0001f642" * 5 + "\u2026"
    assert clean("\U0001f642" * 6, 10) == "\U0001f642" * 4 + "\u2026"


@pytest.mark.threat(id="forbidden-characters")
@given(st.characters(exclude_categories=()))
@example("\ufffe")
@example("\uffff")
@example("\ufdd0")
@example("\ufdef")
@example("\U0001fffe")
@example("\U0010ffff")
@example("\ud83e")
@example("\ue000")
@example("\U000f0000")
@example("\u2065")
@example("\U000e0fff")
def test_whatever_stays_is_a_character_that_xml_can_hold(character: str) -> None:
    cleaned = clean(f"a{character}b", 100)
    element = Element("a")
    element.text = cleaned  # lxml refuses what XML forbids
    assert fromstring(tostring(element)).text == cleaned
    assert not any(is_noncharacter(each) for each in cleaned)


def test_what_was_too_long_to_look_at_shows_as_cut_off() -> None:
    assert clean("x" + "\u200b" * 10_000 + "y", 5) == "x\u2026"
    assert clean("x" + " " * 10_000 + "y", 5) == "x\u2026"
    assert clean(" " * 10_000 + "x", 5) == "x"
    assert clean("x" + " " * 10_000, 5) == "x"


@pytest.mark.parametrize("parting", ["\x0b", "\x0c", "\x1c", "\x1f", "\x85"])
def test_controls_that_part_lines_part_words(parting: str) -> None:
    assert clean(f"ligne{parting}suivante", 100) == "ligne suivante"
