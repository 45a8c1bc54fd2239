"""`store.marker` and `store.installation`: where the marker stands, and whose store belongs here."""

import os
from pathlib import Path

from receiver.config.store_url import sqlite_file
from receiver.config.validate import Reader

FOLDER = Path("/var/lib/rdv-receiver-marker")
"""Made by systemd's unit and the container's image: not on the database's own mount."""


def marker_path(reader: Reader, named: Path | None, store_url: str, config: Path) -> Path | None:
    """Return the marker's file; None: there is none, as nobody names one and nothing of this machine is kept.

    Args:
        reader: takes what is wrong with the name.
        named: what the configuration names; None: nothing.
        store_url: the checked address.
        config: the configuration's own file: several of them on one machine are several installations.

    """
    database = sqlite_file(store_url)
    if named is not None:
        if database is not None and _same(named, database):
            reader.report(("store", "marker"), "marker_is_store")
        elif named.is_dir():
            reader.report(("store", "marker"), "marker_is_folder")
        return named
    if os.access(FOLDER, os.W_OK | os.X_OK):
        return FOLDER / f"{str(config.absolute()).strip('/').replace('/', '-')}.json"
    # Not one of the files that `cp rdv.db*` takes along: put back together, both would say the same.
    return database.with_name(f"marker-{database.name}.json") if database is not None else None


def _same(named: Path, database: Path) -> bool:
    """Whether a marker would overwrite the database, or what SQLite keeps beside it."""
    if named.resolve().parent != database.resolve().parent:
        return named.resolve() == database.resolve()
    beside = ("", "-wal", "-shm", "-journal", ".write-lock", ".migrate.lock")
    return named.resolve().name in {database.resolve().name + ending for ending in beside}
