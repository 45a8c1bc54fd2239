"""Reloading: new settings where the file is right, the old ones and a log line where it is not."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from receiver import logs
from receiver.config.loading import load
from receiver.config.problems import ConfigurationErrors
from receiver.config.settings import Settings

log = logs.get("config")

Mark = tuple[int, int, int, bool] | None
MISSED = 3
"""A file that so many checks in a row do not find is gone: no editor takes so long to replace it."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The newest configuration is not in force, as it cannot be used."""

    cause: str
    """``csv``: the CSV of mailboxes alone; ``file``: anything else."""
    since: datetime
    """When it was read first; what was refused meanwhile goes on from there."""


class Reloadable:
    """The settings in force. Reading `current` is safe from any thread: it is one reference, swapped whole."""

    def __init__(self, path: Path, environ: Mapping[str, str], current: Settings) -> None:
        self._path = path
        self._environ = environ
        self._current = current
        self._refused: Refused | None = None

    @property
    def current(self) -> Settings:
        """The last settings that were right."""
        return self._current

    @property
    def refused(self) -> Refused | None:
        """Why and since when the settings in force are not those of the file, as it was last read; None: they are."""
        return self._refused

    def reload(self, *, works: bool = True) -> bool:
        """Read the file anew; return whether it was right and is now in force.

        A process that does not work by it itself says nothing of a right one: those that do say so.
        """
        try:
            self._current = load(self._path, self._environ)
        except ConfigurationErrors as errors:
            log_problems(errors)
            since = self._refused.since if self._refused else datetime.now(UTC)
            self._refused = Refused(_cause(errors), since)
            return False
        self._refused = None
        if works:
            log.info("configuration_reloaded", warnings=len(self._current.warnings))
        return True


def _cause(errors: ConfigurationErrors) -> str:
    """Tell a file that programs write over night from one that people edit: others have to mend it."""
    return "csv" if all(problem.location[:2] == ("mailboxes", "csv") for problem in errors.problems) else "file"


def log_problems(errors: ConfigurationErrors) -> None:
    """Log places and codes, one line each, without anything that stands in the file."""
    for problem in errors.problems:
        place = {"line": problem.line, "column": problem.column}
        log.error("configuration_refused", path=problem.log_path, code=problem.code, **place)


class FileWatch:
    """Notices that files changed, by their times, size and rights: enough for files that people edit."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = tuple(paths)
        self._marks = self._read()
        self._missed = 0

    def changed(self) -> bool:
        """Whether any changed since the last call. A missing file counts as a change only after some calls."""
        marks = self._read()
        if marks == self._marks:
            self._missed = 0
            return False
        if None in marks:
            self._missed += 1
            if self._missed < MISSED:
                return False
        self._marks, self._missed = marks, 0
        return True

    def _read(self) -> tuple[Mark, ...]:
        return tuple(_mark(path) for path in self._paths)


def _mark(path: Path) -> Mark:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, os.access(path, os.R_OK)
