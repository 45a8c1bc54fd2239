"""The files of the service, which no command may overwrite with a copy, a report or an archive."""

import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from receiver.alerts.sent import default_path
from receiver.cli import output
from receiver.config import Settings
from receiver.config.store_url import sqlite_file
from receiver.operations.access import token_key
from receiver.sentences import BACKUP
from receiver.store.database import files


def is_refused(path: Path | None, settings: Settings, config: Path) -> bool:
    """Whether a path is one of the service's files, present or not; if so, print why it is refused."""
    if path is None:
        return False
    own = {name for each in _own(settings, config, os.environ) for name in _names(each)}
    if not _names(path) & own:
        return False
    print(output.printable(BACKUP["is_own"].format(path=path)), file=sys.stderr)
    return True


def _own(settings: Settings, config: Path, environ: Mapping[str, str]) -> Iterator[Path]:
    database = sqlite_file(settings.store.address)
    if database is not None:
        yield database
        yield from files.names_beside(database)
    yield default_path(database, environ)
    yield config
    yield from settings.watched
    for path in (settings.store.marker, token_key.path_of(settings), *_of_servers(settings)):
        if path is not None:
            yield path


def _of_servers(settings: Settings) -> Iterator[Path | None]:
    for calendar in settings.calendars.values():
        yield getattr(calendar, "ca_file", None)
        yield getattr(calendar, "keytab", None)


def _names(path: Path) -> set[str]:
    """Return the path of a file, and the path that it links to."""
    folder = os.path.realpath(path.parent)
    return {os.path.join(folder, path.name), os.path.realpath(path)}  # noqa: PTH118
