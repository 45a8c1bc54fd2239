"""What editors, shells and copying put around a secret: a mark, blanks, quotes, the name of a variable.

Nothing of it is cut off for good: it may belong to the secret. Whoever can try two values tries both.
"""

import re
from collections.abc import Callable
from enum import StrEnum
from unicodedata import category

SHORTEST = 16
"""Characters of a secret that signs webhooks; who has one webhook can try shorter ones without asking anybody."""

_QUOTES = {'"': '"', "'": "'", "`": "`", "«": "»", "“": "”", "”": "”", "„": "“", "‘": "’", "’": "’", "‹": "›"}
_BLANK_CATEGORIES = {"Cc", "Cf", "Zs", "Zl", "Zp"}
_SHOWS_NOTHING = set("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0") | {chr(0xFE00 + i) for i in range(16)}
"""Letters and marks by their category, and nothing to be seen."""

_PREFIX = r"(?:(?:export|set|setx|env|declare -x)\s+|\$env:|\$)?"
_SIGN = r"(?:\s*:?=\s*|\s*:\s+)"
_NAME = r"[A-Za-z_][A-Za-z0-9_.-]{0,99}"
_ASSIGNMENT = re.compile(f"(?P<before>{_PREFIX})(?P<name>{_NAME}){_SIGN}(?P<value>.*)", re.DOTALL)
_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*\Z")
_MOST_LAYERS = 8


class Edge(StrEnum):
    """One kind of what may stand around a secret."""

    MARK = "mark"
    """A byte order mark."""
    BLANK = "blank"
    """A space, a tab, a line end."""
    UNUSUAL_BLANK = "unusual_blank"
    """A space that does not break, and its like."""
    INVISIBLE = "invisible"
    """Characters without a width, and controls."""
    QUOTES = "quotes"
    NAME = "name"
    """The name of a variable, and what assigns to it."""


def bare(text: str) -> str:
    """Return a text without what stands around it; empty where nothing else is there."""
    return _peeled(text)[0]


def edges(text: str) -> tuple[Edge, ...]:
    """Return the kinds of what stands around a text, in the order of `Edge`."""
    found = _peeled(text)[1]
    return tuple(kind for kind in Edge if kind in found)


def has_unseen_within(text: str) -> bool:
    """Whether a text has, between its edges, a character that nobody sees, or a space that is not the usual one."""
    return any(is_blank(character) and character != " " for character in bare(text))


def is_blank(character: str) -> bool:
    """Whether a character shows nothing."""
    return character in _SHOWS_NOTHING or category(character) in _BLANK_CATEGORIES


def _peeled(text: str) -> tuple[str, set[Edge]]:
    found: set[Edge] = set()
    inner = ""
    for _ in range(_MOST_LAYERS):
        inner = _without_blanks(text)
        found |= {_kind(character) for character in _around(text, inner)}
        if (quoted := _without_quotes(inner)) is not None:
            found.add(Edge.QUOTES)
            text = quoted
        elif (value := _without_name(inner)) is not None:
            found.add(Edge.NAME)
            text = value
        else:
            break
    return inner, found


def _without_blanks(text: str) -> str:
    """Return a text without the blanks around it, whatever they are."""
    return _stripped(text, is_blank)


def trimmed(text: str) -> str:
    """Return a text without the spaces and marks around it; controls stay, as nobody types them unseen."""
    return _stripped(text, lambda character: character.isspace() or category(character) == "Cf")


def _stripped(text: str, unwanted: Callable[[str], bool]) -> str:
    start, end = 0, len(text)
    while start < end and unwanted(text[start]):
        start += 1
    while end > start and unwanted(text[end - 1]):
        end -= 1
    return text[start:end]


def _around(text: str, inner: str) -> str:
    start = text.find(inner)
    return text[:start] + text[start + len(inner) :]


def _kind(character: str) -> Edge:
    if character == "\ufeff":
        return Edge.MARK
    if character in " \t\r\n":
        return Edge.BLANK
    return Edge.UNUSUAL_BLANK if character.isspace() else Edge.INVISIBLE


def _without_quotes(text: str) -> str | None:
    closing = _QUOTES.get(text[:1])
    return text[1:-1] if closing is not None and len(text) > 1 and text[-1] == closing else None


def _without_name(text: str) -> str | None:
    """Return what is assigned; None: the text is no assignment, or may well be none.

    A random secret may hold the sign itself: what follows it there is not taken for a secret where it is short.
    """
    match = _ASSIGNMENT.fullmatch(text)
    if match is None:
        return None
    value = match["value"]
    if not value.strip("= "):
        # Nothing is assigned, or the signs that end a text in base64 stand there.
        is_empty = not value and _VARIABLE.match(match["name"]) and (len(text) % 4 != 0 or "_" in match["name"])
        return "" if is_empty else None
    is_meant = match["before"] or _VARIABLE.match(match["name"]) or len(value) >= SHORTEST
    return value if is_meant else None
