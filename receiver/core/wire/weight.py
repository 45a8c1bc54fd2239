"""How much memory a body takes once it is read, told from its bytes before anything is read.

A few signs stand for objects of many times their size: eight mebibytes of ``[],`` become 200. And one rare letter, an
emoji, makes four bytes of each letter of the text that it stands in.
"""

import re
from itertools import islice

_WEIGHTS = ((b"{", 184), (b"[", 88), (b",", 72), (b":", 112))
"""Bytes of an object of few members, of a list, of what follows a comma, and of a member's name that comes only once.
Signs within texts count as well."""
_NOT_RARE = bytes(range(0xF0))
_NOT_FOREIGN = bytes(byte for byte in range(0x100) if not 0xC4 <= byte < 0xF0)
_RARE = re.compile(rb"[\xf0-\xff]|\\u[dD][89a-fA-F]")
_FOREIGN_ESCAPE = re.compile(rb"\\u(?!00|[dD][89a-fA-F])")
"""What makes Python take four bytes for each letter, or two; as it stands, or escaped."""
MOST_RARE = 10_000
"""With more rare letters than that, or quotes beside them, every text is taken for one that has some."""

_RARE_LETTER = re.compile(rb"[\xf0-\xf4][\x80-\xbf]{3}")

HEAVIEST = 72 * 1024 * 1024
"""An appointment of 8 MiB, with its thousands of participants, weighs less, a few emoji included."""


_HEAVIEST_BYTE = 184 + 2 * 4
"""No byte weighs more: so a short body needs no look."""


def is_heavier(body: bytes, limit: int) -> bool:
    """Whether a JSON document may take more than so many bytes in memory."""
    return len(body) * _HEAVIEST_BYTE > limit and weight_of(body) > limit


def weight_of(body: bytes) -> int:
    """Return how many bytes a JSON document takes at most: its text as a whole, each of its texts, its structure.

    The text as a whole is that of `narrow`.
    """
    structure = sum(body.count(sign) * weight for sign, weight in _WEIGHTS)
    rare = _rare(body)
    if len(rare) > MOST_RARE:
        return structure + 2 * 4 * len(body)
    width = 2 if _is_foreign(body) else 1
    return structure + 2 * width * len(body) + 8 * width * len(rare) + 4 * _length_of_texts_with(rare, body)


def narrow(body: bytes) -> bytes:
    """Return a JSON document that means the same, in which the letters beyond 16 bits are escaped, if they are few.

    Raises:
        ValueError: it is no JSON, as one of them stands after a backslash, or is no letter.

    """
    if body.isascii() or not 0 < _count_of_rare_bytes(body) <= MOST_RARE:
        return body
    return _RARE_LETTER.sub(_escaped, body)


def _escaped(letter: re.Match[bytes]) -> bytes:
    begin = at = letter.start()
    while at and letter.string[at - 1] == ord("\\"):
        at -= 1
    if (begin - at) % 2:  # ours would be one more backslash, and escape that one
        raise ValueError
    pair = letter[0].decode().encode("utf-16-be")
    return b"\\u%s\\u%s" % (pair[:2].hex().encode(), pair[2:].hex().encode())


def _count_of_rare_bytes(body: bytes) -> int:
    return len(body.translate(None, _NOT_RARE))


def _rare(body: bytes) -> list[int]:
    """Return where the rare letters are; of too many, one too many."""
    if b"\\u" not in body and (body.isascii() or not _count_of_rare_bytes(body)):
        return []
    return [match.start() for match in islice(_RARE.finditer(body), MOST_RARE + 1)]


def _is_foreign(body: bytes) -> bool:
    stands = not body.isascii() and bool(body.translate(None, _NOT_FOREIGN))
    return stands or (b"\\u" in body and _FOREIGN_ESCAPE.search(body) is not None)


def _length_of_texts_with(places: list[int], body: bytes) -> int:
    """Return the length of all texts in which one of these places is; rather too long than too short.

    A quote after a backslash may be one that the text holds, so no text is taken to begin or end there.
    """
    length = end = looks = 0
    for place in places:
        if place < end:  # in the text before
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
