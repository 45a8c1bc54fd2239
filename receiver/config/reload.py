"""SIGHUP's half: new settings where the file is right, the old ones and a log line where it is not."""

from collections.abc import Mapping
from pathlib import Path

from receiver import logs
from receiver.config.loading import load
from receiver.config.problems import ConfigurationErrors
from receiver.config.settings import Settings

log = logs.get("config")


class Reloadable:
    """The settings in force. Reading `current` is safe from any thread: it is one reference, swapped whole."""

    def __init__(self, path: Path, environ: Mapping[str, str], current: Settings) -> None:
        self._path = path
        self._environ = environ
        self._current = current

    @property
    def current(self) -> Settings:
        """The last settings that were right."""
        return self._current

    def reload(self) -> bool:
        """Read the file anew; return whether it was right and is now in force."""
        try:
            self._current = load(self._path, self._environ)
        except ConfigurationErrors as errors:
            log_problems(errors)
            return False
        log.info("configuration_reloaded", warnings=len(self._current.warnings))
        return True


def log_problems(errors: ConfigurationErrors) -> None:
    """Log places and codes, one line each, without anything that stands in the file."""
    for problem in errors.problems:
        place = {"line": problem.line, "column": problem.column}
        log.error("configuration_refused", path=problem.log_path, code=problem.code, **place)
