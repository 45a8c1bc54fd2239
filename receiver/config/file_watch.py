"""Notices that files changed, by their times, size and rights: enough for a file that people edit."""

import os
from collections.abc import Sequence
from pathlib import Path

Mark = tuple[int, int, int, bool] | None
MISSED = 3
"""A file that so many looks in a row do not find is gone: no editor takes so long to replace it."""


class FileWatch:
    """Some files as they were when last asked about."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = tuple(paths)
        self._marks = self._look()
        self._missed = 0

    def changed(self) -> bool:
        """Whether any changed since the last question. A file that is away is waited for a while, then a change."""
        marks = self._look()
        if marks == self._marks:
            self._missed = 0
            return False
        if None in marks:
            self._missed += 1
            if self._missed < MISSED:
                return False
        self._marks, self._missed = marks, 0
        return True

    def _look(self) -> tuple[Mark, ...]:
        return tuple(_mark(path) for path in self._paths)


def _mark(path: Path) -> Mark:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, os.access(path, os.R_OK)
