"""Checks that the database is the one that belongs here, and whether a replacement may be used."""

from sqlalchemy import Engine

from receiver.store import migrations
from receiver.store.database import files
from receiver.store.database.causes import Cause
from receiver.store.database.engine import close_engine, file_of, presence_of, reading
from receiver.store.database.errors import (
    ANOTHER,
    EMPTIED,
    LOG_MISSING,
    OLD_LOG,
    REPLACED,
    StoreOccupied,
    StoreUnavailable,
    StoreVanished,
)
from receiver.store.database.presence import Presence
from receiver.store.migrations import Standing
from receiver.store.place import batch_counter


def standing(engine: Engine, expected: str | None) -> Standing:
    """Return whether this program can use the database; nothing is changed or created.

    Args:
        engine: the database.
        expected: the installation that it must belong to; None: any.

    Raises:
        StoreVanished: another database, or none, is in the place of the expected one.
        StoreUnavailable: it cannot be read.

    """
    if expected is None and is_yet_to_be_made(engine):
        _refuse_where_none_can_be(engine)
        return Standing.NOT_CURRENT
    recognise(engine, expected)
    return migrations.standing(engine)


def is_yet_to_be_made(engine: Engine) -> bool:
    """Whether there is no file, and was none since this process began."""
    file = presence_of(engine)
    return file is not None and not file.was_there and file.is_missing()


def _refuse_where_none_can_be(engine: Engine) -> None:
    """Raise if no file can be created: its folder is missing or not writable, or its link is circular."""
    file = file_of(engine)
    found = files.fault(file) if file is not None else None
    if found is not None and found.cause is not Cause.FILE_MISSING:
        raise StoreUnavailable(found.cause, found)


def recognise(engine: Engine, expected: str | None) -> None:
    """Check that a database belongs to the expected installation; None: any. Other files are not touched.

    Raises:
        StoreVanished: it is not.
        StoreUnavailable: it cannot be read.

    """
    if expected is None:
        return
    file = presence_of(engine)
    if file is not None:
        file.confirm()
    found = _read_unopened(engine, file) if file is not None and not file.was_there else _read_opened(engine)
    if found is None:
        raise StoreVanished(EMPTIED)
    if found != expected:
        raise StoreVanished(ANOTHER)


def _read_unopened(engine: Engine, file: Presence) -> str | None:
    """Return a file's installation without opening it as a database: that would change it and the files beside it."""
    try:
        return file.installation()
    except StoreVanished as error:
        if error.cause != REPLACED:
            raise
    # Without its log the file is no valid database. It may still be ours: a process that was killed, or had no space,
    # while it moved the log into the file left it incomplete. Opening the file completes it, or reports any other
    # damage.
    return _read_opened(engine)


def _read_opened(engine: Engine) -> str | None:
    if migrations.revision(engine) is None:
        return None
    with reading(engine) as connection:
        return batch_counter.identity(connection)


def take_up(engine: Engine, last_seen: str | None) -> None:
    """Switch to the file that replaced the opened one, if it belongs to the same installation.

    Args:
        engine: its file was replaced.
        last_seen: the installation in the first file; None: it had none.

    Raises:
        StoreVanished: the file may not be used, or not yet.

    """
    file = presence_of(engine)
    if file is None:
        return
    if file.has_lost_log():
        raise StoreVanished(LOG_MISSING)
    if not file.has_another():
        return
    if file.is_led_elsewhere():
        raise StoreVanished(REPLACED)
    if file.has_old_log():
        raise StoreVanished(OLD_LOG)
    if not file.is_at_rest():
        raise StoreVanished(REPLACED)
    found = file.installation()
    if last_seen is not None and found != last_seen:
        raise StoreVanished(ANOTHER if found else EMPTIED)
    file.accept()
    close_engine(engine)  # all connections and the lock belong to the removed file


def make_anew(engine: Engine) -> None:
    """Create a database where there is none.

    Raises:
        StoreOccupied: there is one.
        StoreUnavailable: none can be made.

    """
    if not is_yet_to_be_made(engine) and migrations.revision(engine) is not None:
        raise StoreOccupied
    migrations.upgrade(engine)
