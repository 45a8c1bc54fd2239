"""`backup` and `migrate-store`: copies of the whole record, as a file or into another database."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from receiver.config import Settings
from receiver.config.store_url import sqlite_file
from receiver.store import Store, StoreUnavailable, Watch, heartbeats
from receiver.store.heartbeats import WORKERS
from receiver.store.tools.backup import CopyFailed

FRESH = timedelta(seconds=30)
"""A process with a heartbeat within this time counts as running."""

SERVICES = (WORKERS, "web")


class TargetUnavailable(StoreUnavailable):
    """The target database cannot be used; nothing was copied."""


@dataclass(frozen=True, slots=True)
class Backup:
    """A finished copy."""

    path: Path
    size: int
    """Bytes."""
    rows: dict[str, int]
    """Rows, by table."""


def back_up(store: Store, settings: Settings, path: Path, watch: Watch, *, force: bool) -> Backup:
    """Copy the record into a file while the service runs.

    Raises:
        CopyFailed: ``exists``, ``is_store``, or what `Store.back_up` raises; what was at the path is unchanged.
        StoreUnavailable: the record cannot be read.

    """
    path = path.absolute()
    live = sqlite_file(settings.store.address)
    if live is not None and path.exists() and live.exists() and path.samefile(live):
        raise CopyFailed("is_store")
    if path.exists() and not force:
        raise CopyFailed("exists")
    rows = store.back_up(path, watch)
    return Backup(path, path.stat().st_size, rows)


def running(store: Store) -> list[str]:
    """Return the names of the processes that may be using a store."""
    now = store.now()
    return sorted(
        name for name, at in store.read(heartbeats.beats).items() if name.startswith(SERVICES) and now - at < FRESH
    )


def move(store: Store, address: str, watch: Watch) -> dict[str, int]:
    """Copy the record into an empty database; return the number of rows by table.

    Raises:
        CopyFailed: what `Store.move_to` raises; nothing was copied.
        TargetUnavailable: the target cannot be used; nothing was copied.
        StoreUnavailable: one of the two databases cannot be used any more; nothing was copied.
        OSError: the file of the target cannot be made.

    """
    target = Store(address)
    try:
        try:
            target.standing()
        except StoreUnavailable as error:
            raise TargetUnavailable(str(error), error.refusal) from None
        return store.move_to(target, watch)
    finally:
        target.close()
