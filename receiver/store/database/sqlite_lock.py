"""The lock for writing into an SQLite file, for the threads of all processes on this machine.

SQLite's own wait sleeps for longer and longer, and the first thread to wake up gets the lock: under load some wait for
seconds. A lock on a file beside the database is passed on within a millisecond. It ends with the process that holds it.
"""

import fcntl
import os
import threading
import time
from contextlib import suppress
from pathlib import Path

SUFFIX = ".write-lock"
MIGRATION_SUFFIX = ".migrate.lock"
_POLL_EVERY_S = 0.0005
_POLL_SELDOM_S = 0.004


def make_private(path: Path) -> None:
    """Create a file for its owner only. Under root the owner is that of the folder, as the service must use it.

    Raises:
        OSError: it exists, or cannot be created.

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
        """Whether the lock file exists; if not, no process has written into the database yet."""
        return self._file is not None or os.path.exists(self._path)  # noqa: PTH110  # raises nothing

    def acquire(self, timeout_s: float) -> bool:
        """Wait for the lock; return whether it was taken in time.

        If such a file or lock is impossible (no folder, no space, a network file system), the lock is only among the
        threads of this process, and SQLite's own locks do the rest.
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
        """Release the lock."""
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
        pause = _POLL_EVERY_S
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    return False
            except OSError:
                return True  # no lock is possible
            else:
                return True
            time.sleep(pause)
            pause = min(pause * 1.1, _POLL_SELDOM_S)

    def _open(self) -> int | None:
        try:
            with suppress(FileExistsError):
                make_private(self._path)
            return os.open(self._path, os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            return None

    def close(self) -> None:
        """Close the file, unless a thread holds the lock. The lock may be taken again afterwards."""
        if self._mine.acquire(blocking=False):
            try:
                file, self._file = self._file, None
                if file is not None:
                    os.close(file)
            finally:
                self._mine.release()
