"""Derives from an error of the driver or the system why a store cannot be used. Texts of errors are never kept."""

import errno
import os
import re
from pathlib import Path

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from receiver.store.database import files
from receiver.store.database.causes import Cause, Refusal
from receiver.store.database.errors import StoreUnavailable

_SQLITE: dict[int, Cause] = {
    5: Cause.BUSY,
    6: Cause.BUSY,
    10: Cause.INPUT_OUTPUT,
    11: Cause.CORRUPT,
    13: Cause.DISK_FULL,
    15: Cause.BUSY,
    26: Cause.NOT_A_DATABASE,
}
"""By SQLite's primary result code; see sqlite.org/rescode.html."""
_SQLITE_FILES = {3, 8, 10, 14, 23}
"""PERM, READONLY, IOERR, CANTOPEN, AUTH: one of the files may be the cause."""
SQLITE_READONLY = 8
_SQLITE_ERROR = 1
_NO_SUCH = re.compile(r"no such (table|column)|has no column named")

_POSTGRESQL: dict[str, Cause] = {
    "25006": Cause.READ_ONLY_SERVER,
    "28000": Cause.ACCOUNT_REFUSED,
    "28P01": Cause.PASSWORD_REFUSED,
    "3D000": Cause.DATABASE_UNKNOWN,
    "3F000": Cause.RIGHTS_MISSING,  # no schema where tables may be made: the search path leads nowhere
    "42501": Cause.RIGHTS_MISSING,
    "42P01": Cause.INCOMPLETE,
    "42703": Cause.INCOMPLETE,
    "53100": Cause.DISK_FULL,
    "53300": Cause.TOO_MANY_CONNECTIONS,
    "55000": Cause.DATABASE_CLOSED,
    "55P03": Cause.BUSY,
    "57014": Cause.NO_ANSWER,
    "57P01": Cause.CONNECTION_LOST,
    "57P02": Cause.CONNECTION_LOST,
    "57P03": Cause.STARTING,
    "57P04": Cause.DATABASE_UNKNOWN,
    "58030": Cause.INPUT_OUTPUT,
    "58P01": Cause.CORRUPT,
    "22P05": Cause.WRONG_ENCODING,
}
_POSTGRESQL_CLASSES: dict[str, Cause] = {
    "08": Cause.CONNECTION_LOST,
    "28": Cause.ACCOUNT_REFUSED,
    "58": Cause.INPUT_OUTPUT,
    "XX": Cause.CORRUPT,
}
READ_ONLY_TRANSACTION = "25006"

_CLIENT = (
    (r"failed to resolve host|could not translate host name", Cause.HOST_UNKNOWN),
    (r"timeout expired|left alone for a moment|no answer|timed out", Cause.NO_ANSWER),
    (r"does not support SSL", Cause.TLS_UNAVAILABLE),
    (r"invalid response to (SSL|GSSAPI) negotiation|expected authentication request", Cause.NOT_POSTGRESQL),
    (
        r"certificate verify failed|root certificate file|does not match host name|could not get server's host name",
        Cause.TLS_UNTRUSTED,
    ),
    (r"SSL error|SSL SYSCALL|private key file|certificate file|SSL context", Cause.TLS_FAILED),
    (r"no password supplied|password retrieved|authentication method requirement", Cause.PASSWORD_REFUSED),
    (r"refused|[Nn]o route to host|unreachable|No such file or directory|Permission denied", Cause.HOST_UNREACHABLE),
    (
        r"closed the connection|connection (is|was|has been) closed|reset by peer|[Bb]roken pipe",
        Cause.CONNECTION_LOST,
    ),
    (
        r"consuming input failed|conn crashed|could not (receive|send)|EOF detected|connection is (lost|bad)",
        Cause.CONNECTION_LOST,
    ),
)
"""Messages of libpq and psycopg, always in English. A server's messages are not, so its codes are used."""
_SERVERS_OWN = re.compile(r"failed: [^\s:]+: {2}")
"""A severity in the server's language, and two blanks."""

_SYSTEM: dict[int, Cause] = {
    errno.ENOSPC: Cause.DISK_FULL,
    errno.EDQUOT: Cause.DISK_FULL,
    errno.EROFS: Cause.READ_ONLY_MOUNT,
    errno.EACCES: Cause.NOT_WRITABLE,
    errno.EPERM: Cause.NOT_WRITABLE,
    errno.ENOENT: Cause.FOLDER_MISSING,
    errno.ENOTDIR: Cause.FOLDER_MISSING,
    errno.EISDIR: Cause.NOT_A_FILE,
    errno.EIO: Cause.INPUT_OUTPUT,
}


def refusal_of(error: BaseException, database: Path | None = None) -> Refusal:
    """Return why the store cannot be used.

    Args:
        error: an error of the store, which has it already; of the driver, of SQLAlchemy around that, or of the system.
        database: the file, if the store is one: its rights are checked if they may be the cause.

    """
    if isinstance(error, StoreUnavailable):
        return error.refusal
    if isinstance(error, DBAPIError) and error.orig is not None:
        error = error.orig
    if isinstance(error, PoolTimeout):
        return Refusal(Cause.BUSY)
    if isinstance(error, UnicodeEncodeError):
        return Refusal(Cause.WRONG_ENCODING)
    if isinstance(error, OSError):
        return _of_system(error, database)
    if (code := getattr(error, "sqlite_errorcode", None)) is not None:
        return _of_sqlite(int(code) & 0xFF, str(error), database)
    return Refusal(_of_postgresql(error))


def is_read_only(error: BaseException | None) -> bool:
    """Whether only this connection may not write: one that is opened later may be able to."""
    if (code := getattr(error, "sqlite_errorcode", None)) is not None:
        return int(code) & 0xFF == SQLITE_READONLY
    return getattr(error, "sqlstate", None) == READ_ONLY_TRANSACTION


def client_cause(words: str) -> Cause | None:
    """Return the cause that libpq or psycopg found without the server; None: the server refused."""
    if _SERVERS_OWN.search(words):
        return None
    return next((cause for pattern, cause in _CLIENT if re.search(pattern, words)), None)


def _of_system(error: OSError, database: Path | None) -> Refusal:
    found = files.fault(database) if database is not None else None
    if found is not None and found.cause is not Cause.FILE_MISSING:
        return found
    path = os.fsdecode(error.filename) if isinstance(error.filename, (str, bytes)) else ""
    return Refusal(_SYSTEM.get(error.errno or 0, Cause.UNKNOWN), path)


def _of_sqlite(code: int, words: str, database: Path | None) -> Refusal:
    path = str(database) if database is not None else ""
    if code in _SQLITE_FILES and database is not None and (found := files.fault(database)) is not None:
        return found
    if code == _SQLITE_ERROR:
        return Refusal(Cause.INCOMPLETE if _NO_SUCH.search(words) else Cause.UNKNOWN, path)
    return Refusal(_SQLITE.get(code, Cause.NOT_WRITABLE if code in _SQLITE_FILES else Cause.UNKNOWN), path)


def _of_postgresql(error: BaseException) -> Cause:
    known = getattr(error, "rdv_cause", None)
    if isinstance(known, Cause):
        return known
    state = getattr(error, "sqlstate", None) or ""
    by_state = _POSTGRESQL.get(state) or _POSTGRESQL_CLASSES.get(state[:2])
    return by_state or client_cause(str(error)) or Cause.UNKNOWN
