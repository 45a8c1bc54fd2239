"""Notices that files changed, by their time and size: enough for a file that people edit."""

from collections.abc import Sequence
from pathlib import Path

Mark = tuple[int, int] | None


class FileWatch:
    """Some files as they were when last asked about."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = tuple(paths)
        self._marks = self._look()

    def changed(self) -> bool:
        """Whether any changed since the last question. A file that is away is waited for, not a change."""
        marks = self._look()
        if None in marks or marks == self._marks:
            return False
        self._marks = marks
        return True

    def _look(self) -> tuple[Mark, ...]:
        return tuple(_mark(path) for path in self._paths)


def _mark(path: Path) -> Mark:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
