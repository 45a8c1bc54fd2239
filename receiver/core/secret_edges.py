"""What editors, shells and copying add around a secret: a byte order mark, blanks, quotes, the name of a variable.

It may belong to the secret, so a caller that can try two values tries the text with and without it.
"""

import re
from collections.abc import Callable
from enum import StrEnum
from unicodedata import category

from receiver.core.text import is_blank

SHORTEST = 16
"""Minimum characters of a secret that signs webhooks: with one webhook, a shorter one can be guessed off line."""

_QUOTES = {'"': '"', "'": "'", "`": "`", "«": "»", "“": "”", "”": "”", "„": "“", "‘": "’", "’": "’", "‹": "›"}

_PREFIX = r"(?:(?:export|set|setx|env|declare -x)\s+|\$env:|\$)?"
_SIGN = r"(?:\s*:?=\s*|\s*:\s+)"
_NAME = r"[A-Za-z_][A-Za-z0-9_.-]{0,99}"
_ASSIGNMENT = re.compile(f"(?P<before>{_PREFIX})(?P<name>{_NAME}){_SIGN}(?P<value>.*)", re.DOTALL)
_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*\Z")
_MOST_LAYERS = 8


class Edge(StrEnum):
    """A kind of addition around a secret."""

    MARK = "mark"
    """A byte order mark."""
    BLANK = "blank"
    """A space, a tab, a line end."""
    UNUSUAL_BLANK = "unusual_blank"
    """A no-break space, or another space that is not ASCII."""
    INVISIBLE = "invisible"
    """Zero-width and control characters."""
    QUOTES = "quotes"
    NAME = "name"
    """The name of a variable and the assignment sign."""


def bare(text: str) -> str:
    """Return a text without the additions around it; empty if nothing else is left."""
    return _peeled(text)[0]


def edges(text: str) -> tuple[Edge, ...]:
    """Return the kinds of additions around a text, in the order of `Edge`."""
    found = _peeled(text)[1]
    return tuple(kind for kind in Edge if kind in found)


def has_unseen_within(text: str) -> bool:
    """Whether a text has, apart from the additions around it, an invisible character or an unusual space."""
    return any(is_blank(character) and character != " " for character in bare(text))


def _peeled(text: str) -> tuple[str, set[Edge]]:
    found: set[Edge] = set()
    inner = ""
    for _ in range(_MOST_LAYERS):
        inner = _stripped(text, is_blank)
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


def trimmed(text: str) -> str:
    """Return a text without the spaces and format characters around it. Controls stay: they are no typing mistakes."""
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
    """Return the assigned value; None: the text is probably no assignment.

    A random secret may contain the assignment sign: a short text after it is not taken for the secret.
    """
    match = _ASSIGNMENT.fullmatch(text)
    if match is None:
        return None
    value = match["value"]
    if not value.strip("= "):
        # The value is empty, or the text is base64 that ends with padding.
        is_empty = not value and _VARIABLE.match(match["name"]) and (len(text) % 4 != 0 or "_" in match["name"])
        return "" if is_empty else None
    is_meant = match["before"] or _VARIABLE.match(match["name"]) or len(value) >= SHORTEST
    return value if is_meant else None
