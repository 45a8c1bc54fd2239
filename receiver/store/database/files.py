"""The files of an SQLite store: whether the service can use each of them, and whether other accounts can.

No file is opened here: closing one would release all locks that SQLite holds on it in this process.
"""

import os
import pwd
import re
import shlex
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from receiver.store.database.causes import Cause, Refusal
from receiver.store.database.sqlite_lock import MIGRATION_SUFFIX, SUFFIX

SQLITES = ("-wal", "-shm", "-journal")
_ESCAPED = re.compile(r"\\([0-7]{3})")
"""A blank or similar character, as the kernel escapes it."""
_OTHERS = stat.S_IROTH | stat.S_IWOTH | stat.S_IXOTH


def followed(database: Path) -> Path:
    """Return the file that a link leads to, whether it exists or not; the path itself if it is no link.

    SQLite keeps its log beside that file, so all files of a database are there.
    """
    return Path(os.path.realpath(database)) if os.path.islink(database) else database  # noqa: PTH114  # raises nothing


def beside(database: Path) -> list[Path]:
    """Return the files beside a database, of SQLite and of ours, that exist."""
    return [path for path in names_beside(database) if os.path.lexists(path)]


def names_beside(database: Path) -> list[Path]:
    """Return the possible files beside a database, of SQLite and of ours."""
    file = followed(database)
    return [file.with_name(f"{file.name}{suffix}") for suffix in (*SQLITES, SUFFIX, MIGRATION_SUFFIX)]


def fault(database: Path) -> Refusal | None:
    """Return which file or folder makes a database unusable, and the repair; None: none of them."""
    database = followed(database)
    folder = database.parent
    if not os.path.isdir(folder):  # noqa: PTH112  # raises nothing, whatever the rights
        return _closed_parent(folder) or Refusal(Cause.FOLDER_MISSING, str(folder))
    if found := _unusable(folder, os.geteuid()):
        return found
    if not os.path.lexists(database):
        return Refusal(Cause.FILE_MISSING, str(database))
    for path in (database, *(each for each in beside(database) if each.name.removeprefix(database.name) in SQLITES)):
        if found := not_a_file(path) or _unusable(path, os.geteuid()):
            return found
    return None


def restore_modes(database: Path) -> None:
    """Give SQLite's own files the mode of the database again: they keep the mode from when they were created."""
    with suppress(OSError):  # only our own files can be changed
        mode = stat.S_IMODE(database.stat().st_mode)
        for path in (database.with_name(f"{database.name}{suffix}") for suffix in SQLITES):
            if os.path.lexists(path) and stat.S_IMODE(path.stat().st_mode) != mode and not not_a_file(path):
                path.chmod(mode)


def unusable(paths: Iterable[Path]) -> Iterator[Refusal]:
    """Yield each file or folder that the service cannot use. Under root the service is the folder's owner."""
    for path in paths:
        if os.path.exists(path) and (found := _unusable(path, _service(path))):  # noqa: PTH110  # raises nothing
            yield found


def not_a_file(path: Path) -> Refusal | None:
    """Return the refusal if a path is something else than a file; None: a file, or nothing."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return None
    return None if stat.S_ISREG(mode) else Refusal(Cause.NOT_A_FILE, str(path))


def lost_content(database: Path) -> Refusal | None:
    """Return the refusal if a database is empty and has a log, which SQLite would delete."""
    log = database.with_name(f"{database.name}-wal")
    is_empty = os.path.lexists(database) and not _size(database)
    return Refusal(Cause.CORRUPT, str(database)) if is_empty and _size(log) else None


def exposed(paths: Iterable[Path]) -> Iterator[Refusal]:
    """Yield each file that other accounts may read or write, and each folder that they may write into."""
    for path in paths:
        try:
            mode = path.stat().st_mode
        except OSError:
            continue
        if stat.S_ISDIR(mode):
            if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
                yield Refusal(Cause.NOT_WRITABLE, str(path), f"chmod o-w {_quoted(path)}")
        elif mode & _OTHERS:
            yield Refusal(Cause.NOT_WRITABLE, str(path), f"chmod o-rwx {_quoted(path)}")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _unusable(path: Path, uid: int) -> Refusal | None:
    """Return why an account (ours or, for root, any) cannot read and write a file, or use a folder; None: it can."""
    try:
        found = path.stat()
    except OSError:
        return None
    wanted = os.R_OK | os.W_OK | (os.X_OK if stat.S_ISDIR(found.st_mode) else 0)
    if os.access(path, wanted) and (uid == os.geteuid() or _lets(found, uid)):
        return None
    if os.statvfs(path).f_flag & os.ST_RDONLY:
        return Refusal(Cause.READ_ONLY_MOUNT, str(path), _remount(path))
    return Refusal(Cause.NOT_WRITABLE, str(path), _remedy(path, found, uid))


def _service(path: Path) -> int:
    """Return the account that must be able to use a file."""
    own = os.geteuid()
    if own != 0:
        return own
    folder = path if path.is_dir() else path.parent
    return folder.stat().st_uid


def _lets(found: os.stat_result, uid: int) -> bool:
    """Whether a mode lets an account read and write (and enter)."""
    needed = 7 if stat.S_ISDIR(found.st_mode) else 6
    if found.st_uid == uid:
        granted = found.st_mode >> 6
    elif found.st_gid in _groups(uid):
        granted = found.st_mode >> 3
    else:
        granted = found.st_mode
    return granted & needed == needed


def _groups(uid: int) -> set[int]:
    try:
        account = pwd.getpwuid(uid)
    except KeyError:
        return set()
    return set(os.getgrouplist(account.pw_name, account.pw_gid))


def _remedy(path: Path, found: os.stat_result, uid: int) -> str:
    if found.st_uid != uid:
        return f"chown {_name(uid)}: {_quoted(path)}"
    if not _lets(found, uid):
        return f"chmod {'u+rwx' if stat.S_ISDIR(found.st_mode) else 'u+rw'} {_quoted(path)}"
    return f"chattr -i {_quoted(path)}"  # owner and mode are right, so an attribute is the cause


def _closed_parent(folder: Path) -> Refusal | None:
    """Return the parent folder that our account may not enter; None: there is none."""
    for parent in reversed(folder.parents):
        if os.path.isdir(parent) and not os.access(parent, os.X_OK):  # noqa: PTH112
            return Refusal(Cause.NOT_WRITABLE, str(parent), f"chmod a+x {_quoted(parent)}")
    return None


def _remount(path: Path) -> str:
    """Return the command that makes a path's mount writable: the file system or this mount of it is read-only."""
    here, point, is_view = path.resolve(), Path("/"), False
    with suppress(OSError, IndexError):
        for line in Path("/proc/self/mountinfo").read_text("utf-8", "surrogateescape").splitlines():
            view, _, whole = line.partition(" - ")
            mounted = Path(_ESCAPED.sub(lambda code: chr(int(code[1], 8)), view.split(" ")[4]))
            if here.is_relative_to(mounted) and mounted.is_relative_to(
                point
            ):  # of two mounts at one path, the later one is in effect
                point, is_view = mounted, "rw" in whole.split(" ")[2].split(",")
    return f"mount -o {'remount,bind,rw' if is_view else 'remount,rw'} {_quoted(point)}"


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))
