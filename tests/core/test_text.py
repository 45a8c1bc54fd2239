"""Text from outside, made safe to keep and to show."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from receiver.core.text import clean

any_text = st.text(st.characters(exclude_categories=()), max_size=300)  # lone surrogates too
limits = st.integers(min_value=1, max_value=60)


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
    assert len(cleaned) <= limit
    assert cleaned == cleaned.strip()
    assert len(cleaned.splitlines()) <= 1
    for character in cleaned:
        assert unicodedata.category(character) not in {"Cc", "Cs", "Co", "Cn", "Zl", "Zp"}
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
