"""Decodes files that people wrote, in any of Unicode's encodings.

A byte order mark, or zeros where UTF-16 has them, tells the encoding; no other is guessed. What Windows-1252 means
another page of codes means otherwise.
"""

import codecs

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


class Undecodable(Exception):
    """Bytes that are not what the file's encoding has."""

    def __init__(self, line: int) -> None:
        super().__init__(line)
        self.line = line


def decoded(raw: bytes) -> str:
    """Return the text without its mark.

    Raises:
        Undecodable: with the line of the first byte that is no part of it.

    """
    mark, encoding = _encoding(raw)
    try:
        return raw[len(mark) :].decode(encoding)
    except UnicodeDecodeError as error:
        before = raw[len(mark) : len(mark) + error.start].decode(encoding, "replace")
        raise Undecodable(len(before.split("\n"))) from None


def decoded_with_holes(raw: bytes) -> str:
    """Return the text without its mark; what cannot be decoded is half a letter in it, line for line."""
    mark, encoding = _encoding(raw)
    errors = "surrogateescape" if encoding == "utf-8" else "surrogatepass"
    try:
        return raw[len(mark) :].decode(encoding, errors)
    except UnicodeDecodeError:  # an odd byte at the end
        return raw[len(mark) :].decode(encoding, "replace").replace("\ufffd", "\ud800")


def _encoding(raw: bytes) -> tuple[bytes, str]:
    for mark, encoding in _MARKS:
        if raw.startswith(mark):
            return mark, encoding
    # Such a file begins with a letter of ASCII, whatever follows.
    match [byte == 0 for byte in raw[:2]]:
        case [False, True]:
            return b"", "utf-16-le"
        case [True, False]:
            return b"", "utf-16-be"
    return b"", "utf-8"
