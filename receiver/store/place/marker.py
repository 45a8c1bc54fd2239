"""The marker: a small file that says which installation's store belongs here, and how far it had counted.

It stands elsewhere than the database. The store counts each batch of work before it is sent, and the marker follows:
a store that has counted less is an older copy, one of another installation is another's, and where there is none at
all one was lost. Neither says so by itself.
"""

import fcntl
import json
import os
import tempfile
import threading
import uuid
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from receiver.regular_files import open_regular
from receiver.store.database.errors import MarkerUnusable

UNREADABLE, UNWRITABLE = "marker_unreadable", "marker_unwritable"
_LONGEST = 4096
_COUNTERS_END = 2**62
"""A database can count on from any number below."""


@dataclass(frozen=True, slots=True)
class Mark:
    """What a marker says."""

    installation: str
    counter: int


class Marker:
    """A marker and what was read from stores since. Safe to use from several threads and processes."""

    def __init__(self, path: Path | None = None, pinned: str | None = None) -> None:
        """Make it.

        Args:
            path: the file; None: what is known is known to this process alone.
            pinned: the installation that the configuration names; None: it names none.

        """
        self.path = path
        self.pinned = pinned
        self._lock = threading.Lock()
        self._wanted: Mark | None = None
        self._known: Mark | None = None
        """What was last read or written, by this process."""

    def read(self) -> Mark | None:
        """Return what is marked; None: nothing yet.

        Raises:
            MarkerUnusable: it cannot be read.

        """
        return self._known if self.path is None else _read(self.path)

    def expected(self) -> str | None:
        """Return the installation whose store belongs here; None: nobody knows one.

        Raises:
            MarkerUnusable: it cannot be read.

        """
        if self.pinned is not None:
            return self.pinned
        mark = self.read() if self.path is not None else None
        return mark.installation if mark else None

    def trouble(self) -> str | None:
        """Return the code of why the file cannot be used; None: it can, or there is to be none."""
        if self.path is None:
            return None
        try:
            self.read()
        except MarkerUnusable as error:
            return error.cause
        return None if os.access(self.path.parent, os.W_OK | os.X_OK) else UNWRITABLE

    def note(self, mark: Mark) -> None:
        """Have the marker say so, unless it says more already; it is on disk when this returns.

        Threads that come while one writes are written together.

        Raises:
            MarkerUnusable: it cannot be written.

        """
        wanted = self._wanted
        if wanted is None or wanted.installation != mark.installation or wanted.counter < mark.counter:
            self._wanted = mark
        with self._lock:
            known = self._known
            if self.path is not None and _says(known, mark) and self.path.exists():
                return
            newest = self._wanted if _says(self._wanted, mark) else mark
            self._known = newest if self.path is None else _advance(self.path, newest or mark)

    def replace(self, mark: Mark) -> None:
        """Have the marker say so, whatever it says.

        Raises:
            MarkerUnusable: it cannot be written.

        """
        with self._lock:
            if self.path is not None:
                _advance(self.path, mark, always=True)
            self._known = self._wanted = mark


def _says(known: Mark | None, mark: Mark) -> bool:
    return known is not None and known.installation == mark.installation and known.counter >= mark.counter


def _read(path: Path) -> Mark | None:
    try:
        with open_regular(path) as file:
            content = json.loads(file.read(_LONGEST))
        mark = Mark(str(uuid.UUID(content["installation"])), content["counter"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise MarkerUnusable(UNREADABLE) from None
    if type(mark.counter) is not int or not 0 <= mark.counter < _COUNTERS_END:  # a bool is an int too
        raise MarkerUnusable(UNREADABLE)
    return mark


def _advance(path: Path, mark: Mark, *, always: bool = False) -> Mark:
    """Write the file unless it says more, whichever process wrote it; return what it says then."""
    try:
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        raise MarkerUnusable(UNWRITABLE) from None
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        found = None if always else _read(path)
        if found is not None and _says(found, mark):
            return found
        _write(path, mark, folder)
    except OSError:
        raise MarkerUnusable(UNWRITABLE) from None
    finally:
        os.close(folder)
    return mark


def _write(path: Path, mark: Mark, folder: int) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            if os.geteuid() == 0:  # a command of root's: the service must be able to read it
                owner = os.fstat(folder)
                os.fchown(handle, owner.st_uid, owner.st_gid)
            json.dump({"installation": mark.installation, "counter": mark.counter}, file)
            file.write("\n")
            file.flush()
            os.fsync(handle)
        Path(name).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise
    os.fsync(folder)
