"""The right to write into a SQLite file, for the threads of all processes on this machine.

SQLite's own wait sleeps for longer and longer and takes whoever happens to wake up: under load a few wait for seconds.
A lock on a file beside the database hands the turn on within a millisecond; it ends with the process that holds it.
"""

import fcntl
import os
import threading
import time
from contextlib import suppress
from pathlib import Path

SUFFIX = ".write-lock"
MIGRATION_SUFFIX = ".migrate.lock"
_LOOK_EVERY_S = 0.0005
_LOOK_SELDOM_S = 0.004


def make_private(path: Path) -> None:
    """Make a file that its owner alone may use; of a command of root's, its folder's owner: the service must use it.

    Raises:
        OSError: it is there already, or cannot be made.

    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        if os.geteuid() == 0:
            owner = path.parent.stat()
            os.fchown(descriptor, owner.st_uid, owner.st_gid)
    finally:
        os.close(descriptor)


class WriteLock:
    """The right to write, for one thread at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._mine = threading.Lock()
        self._file: int | None = None

    @property
    def is_made(self) -> bool:
        """Whether there is the file: where there is none, nobody has written into the database yet."""
        return self._file is not None or os.path.exists(self._path)  # noqa: PTH110  # raises nothing

    def acquire(self, timeout_s: float) -> bool:
        """Wait for the turn; return whether it came in time.

        Where there can be no such file or lock (no folder, no room, a network's file system), the turn is among the
        threads of this process alone, and SQLite's own locks do the rest.
        """
        deadline = time.monotonic() + timeout_s
        if not self._mine.acquire(timeout=timeout_s):
            return False
        is_locked = False
        try:
            is_locked = self._lock_file(deadline)
        finally:
            if not is_locked:
                self._mine.release()
        return is_locked

    def release(self) -> None:
        """End the turn."""
        try:
            if self._file is not None:
                with suppress(OSError):
                    fcntl.flock(self._file, fcntl.LOCK_UN)
        finally:
            self._mine.release()

    def _lock_file(self, deadline: float) -> bool:
        file = self._file = self._file if self._file is not None else self._open()
        if file is None:
            return True
        pause = _LOOK_EVERY_S
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    return False
            except OSError:
                return True  # no lock can be had
            else:
                return True
            time.sleep(pause)
            pause = min(pause * 1.1, _LOOK_SELDOM_S)

    def _open(self) -> int | None:
        try:
            with suppress(FileExistsError):
                make_private(self._path)
            return os.open(self._path, os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            return None

    def close(self) -> None:
        """Give the file back, unless a thread has its turn: then it stays open. The lock may be taken again."""
        if self._mine.acquire(blocking=False):
            try:
                file, self._file = self._file, None
                if file is not None:
                    os.close(file)
            finally:
                self._mine.release()
