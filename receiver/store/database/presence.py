"""Detects that the file of an SQLite database is no longer the one that was opened.

A process that has a file open can commit into it after it was removed, replaced, or hidden under a mount point, and
these commits are lost. So each connection notes which file it opened, and the path is checked before and after a
commit: one `stat` each. The write-ahead log and its index are checked after a commit. This module creates a file only
in `make`.
"""

import fcntl
import os
import sqlite3
import struct
import threading
import time
from contextlib import closing, suppress
from enum import Enum, auto
from pathlib import Path
from typing import Any
from urllib.parse import quote
from weakref import WeakSet

from receiver.store.database.errors import GONE, LOG_MISSING, REPLACED, StoreUnavailable, StoreVanished
from receiver.store.database.files import SQLITES
from receiver.store.database.refusals import refusal_of
from receiver.store.database.sqlite_lock import make_private

AT_REST_S = 2.0

_LOG = ("-wal", "-shm")
_OPENING_S = 2.0
"""How long another process may take from locking the database to creating its log."""

File = tuple[int, int]
"""Device and inode."""


class Opened(sqlite3.Connection):
    """A connection that notes which file it has open."""

    file: File
    log: tuple[File | None, ...] = ()
    """The write-ahead log of the connection, and its index; empty: not opened yet."""

    def close(self) -> None:
        """Close it."""
        self.log = ()  # the last connection that closes removes the log
        super().close()
        with _registry:
            _open.discard(self)


_registry = threading.RLock()  # reentrant: the garbage collector may close a connection meanwhile
_open: WeakSet[Opened] = WeakSet()
"""All connections of this process."""


class Presence:
    """The one file that is accepted at a path, for all threads of a process."""

    def __init__(self, path: Path, named: Path | None = None) -> None:
        """Make it.

        Args:
            path: the file.
            named: the link that leads to it; None: no link.

        """
        self.path = path
        self._named = named or path
        self._accepted: File | None = None
        self._log: frozenset[File] = frozenset()
        """The write-ahead log that belongs to the accepted file, and its index."""
        self._lock = threading.Lock()

    @property
    def was_there(self) -> bool:
        """Whether a file was ever opened here."""
        return self._accepted is not None

    def connect(self, _dialect: object, _record: object, _words: list[Any], options: dict[str, Any]) -> Opened:
        """Open the file, for SQLAlchemy.

        Raises:
            StoreVanished: there is no file, or another one than was opened before.

        """
        file = self.confirm()
        connection = self._open(file, options)
        try:
            with self._lock:
                if self._accepted is None:
                    self._accepted = file
            self.confirm(connection)
        except StoreVanished:
            connection.close()
            raise
        return connection

    def _open(self, file: File, options: dict[str, Any]) -> Opened:
        """Open the file, unless it is in use and its log is gone.

        SQLite would then create a second log: one of the two would be lost, or the file damaged.
        """
        where = f"file:{quote(str(self.path.absolute()))}?mode=rw"
        deadline = time.monotonic() + _OPENING_S
        while True:
            with _registry:
                is_used = None in self._log_beside() and _is_in_use(self.path, file)
                if not is_used:
                    connection: Opened = sqlite3.connect(where, **options | {"uri": True, "factory": Opened})
                    connection.file = file
                    _open.add(connection)
                    return connection
            if is_used is _Use.OURS or time.monotonic() >= deadline:
                raise StoreVanished(LOG_MISSING)
            time.sleep(0.01)

    def note_opened(self, connection: Any, _record: object) -> None:
        """Note which log a connection writes into, once it has read or written. Called by SQLAlchemy."""
        found = self._log_beside()
        if None not in found:
            connection.log = found

    def confirm_log(self, connection: Any) -> None:
        """Check that the log that a connection writes into is the one beside the path.

        Raises:
            StoreVanished: it is another one; what was committed may be lost.

        """
        if connection.log and self._log_beside() != connection.log:
            raise StoreVanished(LOG_MISSING)

    def has_lost_log(self) -> bool:
        """Whether the accepted file is there, with another log than the open connections have."""
        with suppress(OSError):
            if self._accepted is None or _file(self.path) != self._accepted:
                return False
            before = self._log_beside()
            with _registry:
                known = {each.log for each in _open if each.file == self._accepted and each.log}
            # Checked twice: meanwhile the first connection may be opened, or the last one closed.
            return bool(known) and known != {before} and known != {self._log_beside()}
        return False

    def confirm(self, connection: Any = None) -> File:
        """Return the identity of the file at the path.

        Args:
            connection: a driver connection; None: any that was or will be opened.

        Raises:
            StoreVanished: it is not the file that the connection has open.
            StoreUnavailable: we may not see the path.

        """
        try:
            found = _file(self._named)
        except OSError as error:  # it cannot be seen, and may be there
            raise StoreUnavailable(type(error).__name__, refusal_of(error, self.path)) from None
        if found is None:
            raise StoreVanished(GONE)
        wanted = self._accepted if connection is None else connection.file
        if wanted is not None and found != wanted:
            raise StoreVanished(REPLACED)
        return found

    def is_missing(self) -> bool:
        """Whether there is no file at the path; False if we may not see the path."""
        with suppress(OSError):
            return _file(self._named) is None
        return False

    def is_led_elsewhere(self) -> bool:
        """Whether the link leads to another path than before: this process cannot switch to it."""
        with suppress(OSError):
            return _file(self._named) != _file(self.path)
        return False

    def has_another(self) -> bool:
        """Whether the file at the path is another one than was opened."""
        with suppress(OSError):
            found = _file(self._named)
            return found is not None and self._accepted is not None and found != self._accepted
        return False

    def note_log(self) -> None:
        """Note which log and index belong to the accepted file: those after a commit, until all connections close."""
        if len(self._log) < len(_LOG):
            self._log = self._beside()

    def has_old_log(self) -> bool:
        """Whether the log or its index beside the path belong to the removed file.

        The log would be written into the new file; the index is in use by processes that still have the old file open.
        """
        return bool(self._log & self._beside())

    def _beside(self) -> frozenset[File]:
        return frozenset(filter(None, self._log_beside()))

    def _log_beside(self) -> tuple[File | None, ...]:
        """Return the log and its index; None for a missing one."""
        return tuple(_found(f"{self.path}{ending}") for ending in _LOG)

    def is_at_rest(self) -> bool:
        """Whether the file does not change at this moment: an incomplete copy is no database."""
        try:
            return abs(time.time() - self.path.stat().st_ctime) >= AT_REST_S
        except OSError:
            return False

    def installation(self) -> str | None:
        """Return the installation in the file, read without its log; None: it has none.

        A log beside it may belong to the removed file. So it is not read, nor deleted, as SQLite does beside an empty
        file.

        Raises:
            StoreVanished: it cannot be read as a database.

        """
        where = f"file:{quote(str(self.path.absolute()))}?immutable=1"
        try:
            if not self.path.stat().st_size:
                return None
            with closing(sqlite3.connect(where, uri=True)) as looking:
                named = looking.execute("SELECT count(*) FROM sqlite_master WHERE name = 'installation'").fetchone()
                row = looking.execute("SELECT id FROM installation").fetchone() if named[0] else None
        except FileNotFoundError:
            raise StoreVanished(GONE) from None
        except (OSError, sqlite3.Error):
            raise StoreVanished(REPLACED) from None
        return row[0] if row else None

    def accept(self) -> None:
        """Let the next connection open the file that is at the path now."""
        with self._lock:
            self._accepted, self._log = None, frozenset()


def make(path: Path) -> None:
    """Create an empty file for a new database, with a private mode; SQLite gives its other files the same mode.

    Files that a removed database left beside it are renamed, so that they are not read as part of the new one.

    Raises:
        OSError: it cannot be created.

    """
    if path.exists() and path.stat().st_size:
        return
    for ending in SQLITES:
        left = Path(f"{path}{ending}")
        if left.exists():
            left.replace(f"{left}.left")
    with suppress(FileExistsError):
        make_private(path)


class _Use(Enum):
    """Who uses a file."""

    OURS = auto()
    ANOTHERS = auto()


_WAL_AT, _WAL = 18, b"\x02"
"""Position of the byte in a database's header that says whether it has a log; see sqlite.org/fileformat.html."""
_FLOCK = "hhqqi4x"
_READERS = (0x40000002, 510)
"""The bytes that SQLite locks while a database with a log is open: start and length."""


def _is_in_use(path: Path, file: File) -> _Use | None:
    """Return who has a database open that must have a log; None: no process."""
    own = [each for each in _open if each.file == file]
    if own:  # the file is not opened here: closing it would release SQLite's locks
        return _Use.OURS if any(each.log for each in own) else None
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        if os.pread(handle, 1, _WAL_AT) != _WAL:
            return None
        question = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, *_READERS, 0)
        kind = struct.unpack(_FLOCK, fcntl.fcntl(handle, fcntl.F_GETLK, question))[0]
    except OSError:
        return None
    finally:
        os.close(handle)
    return None if kind == fcntl.F_UNLCK else _Use.ANOTHERS


def _found(path: str) -> File | None:
    try:
        found = os.stat(path)  # noqa: PTH116  # after each commit
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _file(path: Path) -> File | None:
    try:
        found = os.stat(path)  # noqa: PTH116  # before and after each commit: half the price of Path.stat
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino
