"""Standard streams that end no command, whatever the terminal's encoding, and whether or not somebody still reads.

A command that is half done must not end because somebody closed a pager, or because a terminal lacks a letter.
"""

import codecs
import io
import os
import select
import sys
from typing import Any, TextIO
from unicodedata import normalize

REPLACING = "rdv-plain"
"""The name of what codecs do with a letter that an encoding lacks: it is replaced."""
_INSTEAD = str.maketrans({
    "’": "'", "‘": "'", "«": '"', "»": '"', "“": '"', "”": '"', "–": "-", "—": "-", "…": "...", "œ": "oe", "Œ": "OE",
    "æ": "ae", "Æ": "AE", "€": "EUR", "×": "x", "→": "->",
})  # fmt: skip


class _Raw(io.FileIO):
    """A file descriptor. What can be written no more is dropped."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(descriptor, "wb", closefd=False)
        self._is_gone = False
        self.has_failed = False
        """Whether output was lost that was wanted, as on a full disk."""

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
    """Replace the process's own streams by such ones; streams that were replaced already stay."""
    _open_what_is_closed()
    if sys.stdout is sys.__stdout__:
        sys.stdout = _stream(1, sys.stdout)
    if sys.stderr is sys.__stderr__:
        sys.stderr = _stream(2, sys.stderr)


def lost_output() -> bool:
    """Whether a part of the report could not be written where it was to go."""
    sys.stdout.flush()
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    return isinstance(raw, _Raw) and raw.has_failed


def _open_what_is_closed() -> None:
    """Open nothing under the numbers that are free: the next file, the database say, would be taken for a stream."""
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
    """Return the letters nearest to those that an encoding lacks; a question mark for what has none."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    instead = []
    for character in error.object[error.start : error.end]:
        decomposed = normalize("NFKD", character.translate(_INSTEAD))
        instead.append("".join(each for each in decomposed if each.isascii()) or "?")
    return "".join(instead), error.end


codecs.register_error(REPLACING, _plainly)
