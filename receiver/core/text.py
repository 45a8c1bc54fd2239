"""Text from outside, made safe to keep and to show."""

import unicodedata

_UNWANTED_CATEGORIES = {"Cc", "Cs", "Co", "Cn"}  # controls, surrogates, private use, unassigned
_BIDI_AND_INVISIBLE = set("\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff\u061c")


def has_half_letters(text: str) -> bool:
    """Whether it holds what is no character: bytes that were no UTF-8, or half of an emoji. No database takes it."""
    return any("\ud800" <= character <= "\udfff" for character in text)


def clean(text: str, limit: int) -> str:
    """Return the text on one line, without control and direction-changing characters, at most `limit` long.

    What is cut off shows as an ellipsis.
    """
    kept = text[: limit * 4]
    if not kept.isprintable():  # nearly every text is, and then has none of those characters
        kept = "".join(_printable(character) for character in kept)
    line = " ".join(kept.split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def _printable(character: str) -> str:
    if character in "\t\r\n\u2028\u2029":
        return " "
    if character in _BIDI_AND_INVISIBLE or unicodedata.category(character) in _UNWANTED_CATEGORIES:
        return ""
    return character
