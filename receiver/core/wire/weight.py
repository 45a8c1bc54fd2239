"""How much memory a body takes once it is read, told from its bytes before anything is read.

A few signs stand for objects of many times their size: eight mebibytes of ``[],`` become 200. And one rare letter makes
four bytes of each letter of a text.
"""

import re

_WEIGHTS = ((b"{", 184), (b"[", 88), (b",", 72), (b":", 112))
"""Bytes of an object of few members, of a list, of what follows a comma, and of a member's name that comes only once.
Signs within texts count as well."""
_RARE = re.compile(rb"[\xf0-\xff]|\\u[dD][89abAB]")
_FOREIGN = re.compile(rb"[\xc4-\xff]|\\u(?!00)")
"""What makes Python take four bytes for each letter, or two; as it stands, or escaped."""

HEAVIEST = 72 * 1024 * 1024
"""An appointment of 8 MiB, with its thousands of participants, weighs less."""


_HEAVIEST_BYTE = 184 + 2 * 4
"""No byte weighs more: so a short body needs no look."""


def is_heavier(body: bytes, limit: int) -> bool:
    """Whether a JSON document may take more than so many bytes in memory."""
    return len(body) * _HEAVIEST_BYTE > limit and weight_of(body) > limit


def weight_of(body: bytes) -> int:
    """Return how many bytes a JSON document takes at most: its text as a whole, each of its texts, its structure."""
    structure = sum(body.count(sign) * weight for sign, weight in _WEIGHTS)
    return structure + 2 * _width(body) * len(body)


def _width(body: bytes) -> int:
    if body.isascii() and b"\\u" not in body:
        return 1
    if _RARE.search(body):
        return 4
    return 2 if _FOREIGN.search(body) else 1
