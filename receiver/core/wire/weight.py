"""An upper bound on the memory that a JSON body takes once it is parsed, computed from its bytes before parsing.

Some characters become objects of many times their size: 8 MiB of ``[],`` become 200 MiB. And a single character beyond
16 bits, such as an emoji, makes Python store its whole string with four bytes a character.
"""

import re
from itertools import islice

_WEIGHTS = ((b"{", 184), (b"[", 88), (b",", 72), (b":", 112))
"""Bytes of a small dict, of a list, of the value after a comma, and of a key that occurs once. Characters inside
strings are counted as well."""
_NOT_RARE = bytes(range(0xF0))
_NOT_FOREIGN = bytes(byte for byte in range(0x100) if not 0xC4 <= byte < 0xF0)
_RARE = re.compile(rb"[\xf0-\xff]|\\u[dD][89a-fA-F]")
_FOREIGN_ESCAPE = re.compile(rb"\\u(?!00|[dD][89a-fA-F])")
"""Characters for which Python uses four bytes a character (rare), or two (foreign), literal or escaped."""
MOST_RARE = 10_000
"""With more rare characters, or escaped quotes near them, every string is assumed to have one."""

_RARE_LETTER = re.compile(rb"[\xf0-\xf4][\x80-\xbf]{3}")

HEAVIEST = 72 * 1024 * 1024
"""More than an appointment of 8 MiB with thousands of participants and a few emoji."""


_HEAVIEST_BYTE = 184 + 2 * 4
"""No byte weighs more, so short bodies need not be scanned."""


def is_heavier(body: bytes, limit: int) -> bool:
    """Whether a JSON document may take more than `limit` bytes of memory."""
    return len(body) * _HEAVIEST_BYTE > limit and weight_of(body) > limit


def weight_of(body: bytes) -> int:
    """Return an upper bound, in bytes: for the decoded body (as `narrow` returns it), its strings and its structure."""
    structure = sum(body.count(sign) * weight for sign, weight in _WEIGHTS)
    rare = _rare(body)
    if len(rare) > MOST_RARE:
        return structure + 2 * 4 * len(body)
    width = 2 if _is_foreign(body) else 1
    return structure + 2 * width * len(body) + 8 * width * len(rare) + 4 * _length_of_texts_with(rare, body)


def narrow(body: bytes) -> bytes:
    """Return an equivalent JSON document in which the characters beyond 16 bits are escaped, if they are few.

    Raises:
        ValueError: it is not JSON: such a character follows a backslash, or is not valid UTF-8.

    """
    if body.isascii() or not 0 < _count_of_rare_bytes(body) <= MOST_RARE:
        return body
    return _RARE_LETTER.sub(_escaped, body)


def _escaped(letter: re.Match[bytes]) -> bytes:
    begin = at = letter.start()
    while at and letter.string[at - 1] == ord("\\"):
        at -= 1
    if (begin - at) % 2:  # a backslash escapes the character, and would escape the new one
        raise ValueError
    pair = letter[0].decode().encode("utf-16-be")
    return b"\\u%s\\u%s" % (pair[:2].hex().encode(), pair[2:].hex().encode())


def _count_of_rare_bytes(body: bytes) -> int:
    return len(body.translate(None, _NOT_RARE))


def _rare(body: bytes) -> list[int]:
    """Return the positions of rare characters, at most `MOST_RARE` + 1."""
    if b"\\u" not in body and (body.isascii() or not _count_of_rare_bytes(body)):
        return []
    return [match.start() for match in islice(_RARE.finditer(body), MOST_RARE + 1)]


def _is_foreign(body: bytes) -> bool:
    stands = not body.isascii() and bool(body.translate(None, _NOT_FOREIGN))
    return stands or (b"\\u" in body and _FOREIGN_ESCAPE.search(body) is not None)


def _length_of_texts_with(places: list[int], body: bytes) -> int:
    """Return an upper bound on the length of all strings that contain one of these positions.

    A quote after a backslash may be part of the string, so no string is assumed to begin or end there.
    """
    length = end = looks = 0
    for place in places:
        if place < end:  # in the previous string
            continue
        least, begin, after = end, place, place
        while (begin := body.rfind(b'"', least, begin)) > 0 and body[begin - 1 : begin] == b"\\":
            looks += 1
            if looks > MOST_RARE:
                return len(body)
        while (after := body.find(b'"', after)) > 0 and body[after - 1 : after] == b"\\":
            looks += 1
            after += 1
            if looks > MOST_RARE:
                return len(body)
        end = after if after >= 0 else len(body)
        length += end - max(begin, least)
    return length
