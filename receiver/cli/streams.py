"""Standard streams that never end a command: the encoding may lack a letter, and the reader may be gone.

A command that is half done must not fail because a pager was closed, or because a terminal lacks a letter.
"""

import codecs
import io
import os
import select
import sys
from typing import Any, TextIO
from unicodedata import normalize

REPLACING = "rdv-plain"
"""The name of the codec error handler that replaces letters that an encoding lacks."""
_INSTEAD = str.maketrans({
    "’": "'", "‘": "'", "«": '"', "»": '"', "“": '"', "”": '"', "–": "-", "—": "-", "…": "...", "œ": "oe", "Œ": "OE",
    "æ": "ae", "Æ": "AE", "€": "EUR", "×": "x", "→": "->",
})  # fmt: skip


class _Raw(io.FileIO):
    """A file descriptor. Output that can no longer be written is dropped."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(descriptor, "wb", closefd=False)
        self._is_gone = False
        self.has_failed = False
        """Whether wanted output was lost, for instance on a full disk."""

    def write(self, data: Any, /) -> int:
        while not self._is_gone:
            try:
                written = super().write(data)
            except BrokenPipeError:
                self._is_gone = True
            except OSError:
                self._is_gone = self.has_failed = True
            else:
                if written is not None:
                    return written
                select.select([], [self.fileno()], [])  # the stream was made non-blocking elsewhere
        return memoryview(data).nbytes


def settle() -> None:
    """Replace the process's standard streams, unless they were replaced already."""
    _open_what_is_closed()
    if sys.stdout is sys.__stdout__:
        sys.stdout = _stream(1, sys.stdout)
    if sys.stderr is sys.__stderr__:
        sys.stderr = _stream(2, sys.stderr)


def lost_output() -> bool:
    """Whether a part of the report could not be written."""
    sys.stdout.flush()
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    return isinstance(raw, _Raw) and raw.has_failed


def _open_what_is_closed() -> None:
    """Open the null device on free standard descriptors: else the next opened file, such as the database, gets one."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            nothing = os.open(os.devnull, os.O_RDWR)
            if nothing != descriptor:
                os.dup2(nothing, descriptor)
                os.close(nothing)
            os.set_inheritable(descriptor, True)


def _stream(descriptor: int, replaced: TextIO | None) -> TextIO:
    encoding = replaced.encoding if replaced is not None else "utf-8"
    if replaced is not None:
        replaced.flush()
    raw = _Raw(descriptor)
    by_line = descriptor == 2 or raw.isatty()
    return io.TextIOWrapper(io.BufferedWriter(raw), encoding, REPLACING, line_buffering=by_line)


def _plainly(error: UnicodeError) -> tuple[str, int]:
    """Return similar letters for those that an encoding lacks; a question mark where there are none."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    instead = []
    for character in error.object[error.start : error.end]:
        decomposed = normalize("NFKD", character.translate(_INSTEAD))
        instead.append("".join(each for each in decomposed if each.isascii()) or "?")
    return "".join(instead), error.end


codecs.register_error(REPLACING, _plainly)
