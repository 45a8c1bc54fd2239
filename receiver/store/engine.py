"""Opens the database so that what was committed stays committed, whichever of the two kinds it is."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, func, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from receiver.store.errors import Conflict, StoreUnavailable
from receiver.store.presence import Presence
from receiver.store.writelock import SUFFIX, WriteLock

T = TypeVar("T")

PATIENCE_S = 3.0
"""So long a question may take that somebody waits for. One and a new connection stay well within an emitter's 10 s."""
BUSY_TIMEOUT_MS = 4_000  # for our own threads, then as long for other processes: the emitter's patience is 10 s
_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "secure_delete=ON",  # what was erased is not left in the file; Debian's SQLite does so anyway
    f"busy_timeout={BUSY_TIMEOUT_MS}",
)
CONFLICT_RETRIES = 5
_LOCK, _PRESENCE = "rdv_write_lock", "rdv_presence"
CONNECTIONS = 20  # opened as they are needed; with as many in reserve, more than a process has threads


_CONFLICT_STATES = {"40001", "40P01"}  # serialization failure, deadlock
_LIMIT_EXCEEDED = "54"  # class of states: a statement that is too long, too deep, too complex
_SQLITE_ERROR = 1  # of the statement itself: it is wrong, or has too many values


def is_of_the_database(error: Exception) -> bool:
    """Whether it is the database that fails, whatever was asked of it: not reached, locked, full, damaged.

    Else it is what was asked: the same fails again, and something else does not.
    """
    if not isinstance(error, DBAPIError) or isinstance(error, (DataError, IntegrityError, ProgrammingError)):
        return False
    own = getattr(error.orig, "sqlite_errorcode", None) == _SQLITE_ERROR
    return not own and not (getattr(error.orig, "sqlstate", None) or "").startswith(_LIMIT_EXCEEDED)


def open_engine(url: str, patience_s: float | None = None) -> Engine:
    """Return an engine on which every write transaction is on disk when it returns. It makes no file.

    Args:
        url: where.
        patience_s: so long a question to PostgreSQL may take; None: as long as it does. SQLite has limits of its own.

    """
    if make_url(url).get_backend_name() == "sqlite":
        presence = Presence(Path(str(make_url(url).database)))
        options = {_LOCK: WriteLock(Path(f"{presence.path}{SUFFIX}")), _PRESENCE: presence}
        engine = create_engine(url, pool_size=CONNECTIONS, max_overflow=CONNECTIONS, execution_options=options)
        event.listen(engine, "do_connect", presence.connect)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        # Many rows in one statement: for each one that it executes, Python's driver lets other threads run, and then
        # waits for its turn, with the write lock in hand.
        engine.dialect.use_insertmanyvalues_wo_returning = True
        return engine
    from receiver.store import postgresql  # noqa: PLC0415  # its driver need not be there for SQLite

    engine = create_engine(
        url,
        connect_args=postgresql.connection_arguments(make_url(url)),
        pool_pre_ping=True,
        pool_size=CONNECTIONS,
        max_overflow=CONNECTIONS,
        isolation_level="READ COMMITTED",
    )
    if patience_s is not None:
        event.listen(engine, "do_connect", postgresql.ImpatientConnecting(patience_s))
    event.listen(engine, "connect", postgresql.limiting(patience_s))
    return engine


def own_connection(engine: Engine) -> Any:
    """Return a connection of the driver's that is no other's, on which a statement is a transaction; to be closed.

    Raises:
        PoolTimeout: too many are in use.
        Error: the driver's own; the database cannot be reached.

    """
    pooled = engine.raw_connection()
    connection: Any = pooled.driver_connection
    engine.dialect.set_isolation_level(connection, "AUTOCOMMIT")
    pooled.detach()
    return connection


_OF_DURABILITY = ("fsync", "full_page_writes", "synchronous_commit")


def careless_settings(connection: Connection) -> tuple[str, ...]:
    """Return the server's settings under which what was committed may be lost with the power."""
    if connection.dialect.name == "sqlite":
        return ()  # ours to set, for each connection
    values = ((name, connection.scalar(select(func.current_setting(name)))) for name in _OF_DURABILITY)
    return tuple(name for name, value in values if value == "off")


def into_one_file(engine: Engine) -> None:
    """Have what was committed stand in SQLite's one file, as far as nobody reads older pages."""
    if engine.dialect.name == "sqlite":
        with engine.connect() as connection, suppress(sqlite3.OperationalError):  # another one holds it up
            connection.connection.driver_connection.execute("PRAGMA wal_checkpoint(FULL)")  # type: ignore[union-attr]


def close_engine(engine: Engine) -> None:
    """Give everything back."""
    engine.dispose()
    if lock := engine.get_execution_options().get(_LOCK):
        lock.close()


def presence_of(engine: Engine) -> Presence | None:
    """Return what knows whether SQLite's file is still there; None: it is no file."""
    presence: Presence | None = engine.get_execution_options().get(_PRESENCE)
    return presence


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # transactions begin where `_begin_sqlite` says, not where the driver guesses
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    """Take the write lock at the start: a lock that is asked for midway can only be refused."""
    reads = connection.get_execution_options().get("rdv_read_only", False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


@contextmanager
def write_lock(engine: Engine) -> Iterator[None]:
    """Hold the right to write: into SQLite for one thread of all processes, into PostgreSQL for whoever wants.

    Raises:
        StoreUnavailable: others wrote for too long, or the file has vanished: no lock is made beside it then.

    """
    lock: WriteLock | None = engine.get_execution_options().get(_LOCK)
    if lock is None:
        yield
        return
    if presence := presence_of(engine):
        presence.confirm()
    if not lock.acquire(BUSY_TIMEOUT_MS / 1000):
        raise StoreUnavailable("Busy")
    try:
        yield
    finally:
        lock.release()


@contextmanager
def reading(engine: Engine, *, snapshot: bool = False) -> Iterator[Connection]:
    """Yield a consistent view that blocks no writer; each statement's own unless a snapshot is asked for.

    Raises:
        StoreUnavailable: the database cannot be read now.

    """
    try:
        with engine.connect() as connection:
            _confirm(engine, connection)
            connection.execution_options(rdv_read_only=True)
            if snapshot and engine.dialect.name != "sqlite":  # where a transaction is one anyway
                connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                yield connection
    except DBAPIError as error:
        raise StoreUnavailable(type(error.orig).__name__) from None
    except PoolTimeout:
        raise StoreUnavailable("NoConnection") from None


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Yield a transaction that is on disk when the block ends, or changed nothing.

    Raises:
        Conflict: another host changed the same rows; the block may be run again.
        StoreUnavailable: the database cannot be written now.

    """
    try:
        with write_lock(engine):
            with engine.begin() as connection:
                opened = _confirm(engine, connection)
                yield connection
            if presence := presence_of(engine):
                presence.confirm(opened)
                presence.note_log()
    except IntegrityError:
        raise Conflict from None
    except OperationalError as error:
        if getattr(error.orig, "sqlstate", None) in _CONFLICT_STATES:
            raise Conflict from None
        raise StoreUnavailable(type(error.orig).__name__) from None
    except DBAPIError as error:
        raise StoreUnavailable(type(error.orig).__name__) from None
    except PoolTimeout:
        raise StoreUnavailable("NoConnection") from None


def _confirm(engine: Engine, connection: Connection) -> Any:
    """See that a connection's file is the one at the path; return the driver's connection."""
    opened = connection.connection.driver_connection
    if presence := presence_of(engine):
        presence.confirm(opened)
    return opened


def rehearsed(connection: Connection, block: Callable[[Connection], T]) -> T:
    """Return what a block returns, and take back what it changed."""
    savepoint = connection.begin_nested()
    result = block(connection)
    savepoint.rollback()
    return result
