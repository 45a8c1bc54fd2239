"""Cleaning of text from outside: safe to store and to show.

The characters to remove are listed as ranges, not by `unicodedata`, whose tables are years old: an emoji that they do
not know must stay. Unassigned characters stay, except those reserved for invisible characters or noncharacters.
"""

import re
import unicodedata

_UNWANTED = re.compile(
    "["
    "\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f"  # controls, except white space
    "\u061c\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff"  # direction changes, zero width
    "\u2065\ufff0-\ufff8\U000e0000\U000e0002-\U000e001f\U000e0080-\U000e00ff\U000e01f0-\U000e0fff"  # reserved
    "\ud800-\udfff"  # surrogates
    "\ue000-\uf8ff\U000f0000-\U0010ffff"  # private use
    "\ufdd0-\ufdef"  # noncharacters, as is the next line
    + "".join(f"{chr(plane + 0xFFFE)}{chr(plane + 0xFFFF)}" for plane in range(0, 0xF0000, 0x10000))
    + "]+"
)
_READ_FACTOR = 4
"""At most this multiple of the limit is read of a text."""

_JOINER = "\u200d"
_EXTENDING = re.compile(
    "[\u200c\u200d\u1160-\u11ff\ud7b0-\ud7fb\uff9e\uff9f\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]"
)
"""What extends the character before it, in addition to marks: joiners, ends of Korean syllables, skin tones, tags."""
_KOREAN_BEGIN = re.compile("[\u1100-\u115f\ua960-\ua97c]")
_KOREAN = re.compile("[\u1100-\u11ff\ua960-\ua97c\uac00-\ud7a3]")
_VIRAMA = 9
"""The combining class of a mark that joins two consonants."""

_BLANK_CATEGORIES = {"Cc", "Cf", "Zs", "Zl", "Zp"}
_SHOWS_NOTHING = set("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0") | {chr(0xFE00 + i) for i in range(16)}
"""Invisible characters whose category is letter or mark."""


def has_half_letters(text: str) -> bool:
    """Whether it holds surrogates: bytes that were no UTF-8, or half of an emoji. No database accepts them."""
    return any("\ud800" <= character <= "\udfff" for character in text)


def is_blank(character: str) -> bool:
    """Whether a character is invisible: a space, a control, or a letter or mark without a glyph."""
    return character in _SHOWS_NOTHING or unicodedata.category(character) in _BLANK_CATEGORIES


def clean(text: str, limit: int) -> str:
    """Return the text on one line, without control, private and direction-changing characters.

    Args:
        text: any text.
        limit: maximum length in UTF-16 units, as Exchange counts: an emoji has two or more. A longer text is cut and
            ends with an ellipsis; no grapheme is split.

    """
    text = text.strip()
    read = text if len(text) <= limit * _READ_FACTOR else text[: _boundary(text, limit * _READ_FACTOR)]
    kept = read if read.isprintable() else _UNWANTED.sub("", read)  # nearly all texts are printable
    line = " ".join(kept.split())
    if not line or (len(read) == len(text) and _units(line) <= limit):
        return line
    return line[: _boundary(line, _fitting(line, limit - 1))].rstrip() + "…"


def folded(text: str) -> str:
    """Return a name in the form in which two spellings of it are equal: capitals, accents in pieces, blanks."""
    return unicodedata.normalize("NFC", " ".join(text.split())).casefold()


def _units(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2


def _fitting(text: str, units: int) -> int:
    """Return how many characters fit into a number of UTF-16 units."""
    begin = text[:units].encode("utf-16-le")[: 2 * units]
    return len(begin.decode("utf-16-le", "ignore"))


def _boundary(text: str, most: int) -> int:
    """Return where to cut a text so that at most a number of characters stay, and no grapheme is split.

    A grapheme longer than that is cut in any case, but not after a joiner.
    """
    at = most
    while 0 < at < len(text) and _belongs(text, at):
        at -= 1
    return at or len(text[:most].rstrip(_JOINER))


def _belongs(text: str, at: int) -> bool:
    """Whether a character and the one before it are of one grapheme."""
    before, here = text[at - 1], text[at]
    if before == _JOINER or _EXTENDING.match(here) or unicodedata.category(here)[0] == "M":
        return True
    if unicodedata.combining(before) == _VIRAMA or (_KOREAN_BEGIN.match(before) and _KOREAN.match(here)):
        return True
    return _is_flags(here) and _flag_letters_before(text, at) % 2 == 1


def _is_flags(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"


def _flag_letters_before(text: str, at: int) -> int:
    """Return how many regional indicators precede: two of them are one flag."""
    begin = at
    while begin and _is_flags(text[begin - 1]):
        begin -= 1
    return at - begin
