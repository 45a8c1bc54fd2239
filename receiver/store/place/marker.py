"""The marker: a small file with the installation whose store belongs here, and the store's last counter.

It is in another place than the database. The store counts each batch of work before it is sent, and the marker follows.
So the marker shows what the store itself cannot: a store with a lower counter is an older copy, a store of another
installation does not belong here, and a missing store was lost.
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
"""Any lower number leaves a database room to count."""


@dataclass(frozen=True, slots=True)
class Mark:
    """The content of a marker."""

    installation: str
    counter: int


class Marker:
    """The marker's file, and what this process knows of it. Safe to use from several threads and processes."""

    def __init__(self, path: Path | None = None, pinned: str | None = None) -> None:
        """Make it.

        Args:
            path: the file; None: the marker is kept in this process only.
            pinned: the installation in the configuration; None: it has none.

        """
        self.path = path
        self.pinned = pinned
        self._lock = threading.Lock()
        self._wanted: Mark | None = None
        self._known: Mark | None = None
        """What this process last read or wrote."""

    def read(self) -> Mark | None:
        """Return the marker; None: none yet.

        Raises:
            MarkerUnusable: it cannot be read.

        """
        return self._known if self.path is None else _read(self.path)

    def expected(self) -> str | None:
        """Return the installation whose store belongs here; None: unknown.

        Raises:
            MarkerUnusable: it cannot be read.

        """
        if self.pinned is not None:
            return self.pinned
        mark = self.read() if self.path is not None else None
        return mark.installation if mark else None

    def trouble(self) -> str | None:
        """Return the code of why the file cannot be used; None: it can, or none is configured."""
        if self.path is None:
            return None
        try:
            self.read()
        except MarkerUnusable as error:
            return error.cause
        return None if os.access(self.path.parent, os.W_OK | os.X_OK) else UNWRITABLE

    def note(self, mark: Mark) -> None:
        """Advance the marker, unless it is ahead already; it is on disk when this returns.

        Threads that come while another one writes share the next write.

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
        """Replace the marker, whatever it holds.

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
    """Write the file, unless any process wrote a higher counter; return the marker in the file."""
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
            if os.geteuid() == 0:  # run by root: the service must be able to read it
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
