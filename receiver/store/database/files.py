"""The files of an SQLite store: whether the service may use each, and whether others may.

None is opened here: closing a file gives up every lock that SQLite holds on it in this process.
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
"""A blank or the like, as the kernel writes it."""
_OTHERS = stat.S_IROTH | stat.S_IWOTH | stat.S_IXOTH


def followed(database: Path) -> Path:
    """Return the file that a link leads to, whether it is there or not; the path itself where it is no link.

    SQLite keeps its log beside that file, so all that belongs to a database is there.
    """
    return Path(os.path.realpath(database)) if os.path.islink(database) else database  # noqa: PTH114  # raises nothing


def beside(database: Path) -> list[Path]:
    """Return the files that SQLite and we keep beside a database, and which are there."""
    return [path for path in names_beside(database) if os.path.lexists(path)]


def names_beside(database: Path) -> list[Path]:
    """Return the files that SQLite and we keep beside a database, whether they are there or not."""
    file = followed(database)
    return [file.with_name(f"{file.name}{suffix}") for suffix in (*SQLITES, SUFFIX, MIGRATION_SUFFIX)]


def fault(database: Path) -> Refusal | None:
    """Return which file or folder keeps us from using a database, and how to put it right; None: none of them."""
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
    """Give SQLite's own files the database's mode again: those made while it was another keep that for good."""
    with suppress(OSError):  # nobody's but ours can be mended
        mode = stat.S_IMODE(database.stat().st_mode)
        for path in (database.with_name(f"{database.name}{suffix}") for suffix in SQLITES):
            if os.path.lexists(path) and stat.S_IMODE(path.stat().st_mode) != mode and not not_a_file(path):
                path.chmod(mode)


def unusable(paths: Iterable[Path]) -> Iterator[Refusal]:
    """Yield each file or folder that the service cannot use: where root asks, it is taken for the folder's owner."""
    for path in paths:
        if os.path.exists(path) and (found := _unusable(path, _service(path))):  # noqa: PTH110  # raises nothing
            yield found


def not_a_file(path: Path) -> Refusal | None:
    """Return that something else stands where a file is expected; None: a file, or nothing."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return None
    return None if stat.S_ISREG(mode) else Refusal(Cause.NOT_A_FILE, str(path))


def lost_content(database: Path) -> Refusal | None:
    """Return that a database lost its content while its log is still there, which SQLite would throw away."""
    log = database.with_name(f"{database.name}-wal")
    is_empty = os.path.lexists(database) and not _size(database)
    return Refusal(Cause.CORRUPT, str(database)) if is_empty and _size(log) else None


def exposed(paths: Iterable[Path]) -> Iterator[Refusal]:
    """Yield each file that others on this machine may read or write, and each folder that they may write into."""
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
    """Return why an account (ours, or for root any) cannot read and write a file, or work in a folder; None: it can."""
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
    return f"chattr -i {_quoted(path)}"  # owner and mode are right: what is left is an attribute


def _closed_parent(folder: Path) -> Refusal | None:
    """Return the folder above which our account may not pass; None: there is none."""
    for parent in reversed(folder.parents):
        if os.path.isdir(parent) and not os.access(parent, os.X_OK):  # noqa: PTH112
            return Refusal(Cause.NOT_WRITABLE, str(parent), f"chmod a+x {_quoted(parent)}")
    return None


def _remount(path: Path) -> str:
    """Return what makes the mount of a path writable: its file system, or this view of it alone, is read-only."""
    here, point, is_view = path.resolve(), Path("/"), False
    with suppress(OSError, IndexError):
        for line in Path("/proc/self/mountinfo").read_text("utf-8", "surrogateescape").splitlines():
            view, _, whole = line.partition(" - ")
            mounted = Path(_ESCAPED.sub(lambda code: chr(int(code[1], 8)), view.split(" ")[4]))
            if here.is_relative_to(mounted) and mounted.is_relative_to(
                point
            ):  # of two on one place, the later one shows
                point, is_view = mounted, "rw" in whole.split(" ")[2].split(",")
    return f"mount -o {'remount,bind,rw' if is_view else 'remount,rw'} {_quoted(point)}"


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))
