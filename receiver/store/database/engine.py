"""Opens a database of either kind so that committed data is never lost."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, func, select
from sqlalchemy.engine import ExceptionContext, make_url
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from receiver.store.database import files
from receiver.store.database.causes import Cause, Refusal
from receiver.store.database.errors import Conflict, StoreUnavailable
from receiver.store.database.presence import Presence
from receiver.store.database.refusals import is_read_only, refusal_of
from receiver.store.database.sqlite_lock import SUFFIX, WriteLock

T = TypeVar("T")
V = TypeVar("V")

QUERY_TIMEOUT_S = 3.0
"""Time limit of a query that a request waits for. With a new connection it stays well within an emitter's 10 s."""
BUSY_TIMEOUT_MS = 4_000  # for our own threads, then again for other processes; the emitter's limit is 10 s
_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "secure_delete=ON",  # what was erased is not left in the file; Debian's SQLite does so anyway
    f"busy_timeout={BUSY_TIMEOUT_MS}",
)
CONFLICT_RETRIES = 5
_LOCK, _PRESENCE = "rdv_write_lock", "rdv_presence"
OURS_BEYOND_DOUBT = {"events", "placements", "mailboxes"}
"""No other program's database has all of these tables."""
_MAY_NOT_WRITE = "rdv_may_not_write"
CONNECTIONS = 20  # opened when needed; with the same number as overflow, more than a process has threads


def unavailable(error: BaseException, engine: Engine | None = None) -> StoreUnavailable:
    """Turn an error of the driver, the pool or the system into a `StoreUnavailable`."""
    orig = getattr(error, "orig", None) or error
    kind = "NoConnection" if isinstance(error, PoolTimeout) else type(orig).__name__
    return StoreUnavailable(kind, refusal_of(error, file_of(engine) if engine is not None else None))


def file_of(engine: Engine) -> Path | None:
    """Return the database's file; None: PostgreSQL."""
    return Path(engine.url.database or "") if engine.dialect.name == "sqlite" else None


_CONFLICT_STATES = {"40001", "40P01"}  # serialization failure, deadlock
_LIMIT_EXCEEDED = "54"  # class of states: a statement that is too long, too deep, too complex
_SQLITE_ERROR = 1  # the statement is wrong, or has too many values


def is_of_the_database(error: Exception) -> bool:
    """Whether the database itself failed, independent of the statement: not reached, locked, full, damaged.

    The same holds if a table, a column or a right is missing. Otherwise the statement or its values failed: they will
    fail again, and others will not.
    """
    if not isinstance(error, DBAPIError):
        return False
    if refusal_of(error).cause in {Cause.RIGHTS_MISSING, Cause.INCOMPLETE}:
        return True
    if isinstance(error, (DataError, IntegrityError, ProgrammingError)):
        return False
    own = getattr(error.orig, "sqlite_errorcode", None) == _SQLITE_ERROR
    return not own and not (getattr(error.orig, "sqlstate", None) or "").startswith(_LIMIT_EXCEEDED)


def open_engine(url: str, timeout_s: float | None = None) -> Engine:
    """Return an engine whose write transactions are on disk when they return. It creates no file.

    Args:
        url: the database.
        timeout_s: time limit of a query in PostgreSQL; None: no limit. SQLite has limits of its own.

    """
    if make_url(url).get_backend_name() == "sqlite":
        named = Path(str(make_url(url).database))
        presence = Presence(files.followed(named), named)
        url = make_url(url).set(database=str(presence.path)).render_as_string(hide_password=False)
        options = {_LOCK: WriteLock(Path(f"{presence.path}{SUFFIX}")), _PRESENCE: presence}
        engine = create_engine(url, pool_size=CONNECTIONS, max_overflow=CONNECTIONS, execution_options=options)
        event.listen(engine, "do_connect", _look_first)
        event.listen(engine, "do_connect", presence.connect)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "connect", presence.note_opened)
        event.listen(engine, "connect", partial(_note_rights, Path(make_url(url).database or "")))
        event.listen(engine, "checkin", _drop_read_only)
        event.listen(engine, "handle_error", _drop_refused)
        event.listen(engine, "begin", _begin_sqlite)
        # Many rows in one statement: around each execution Python's driver releases the GIL and waits for it again,
        # while it holds the write lock.
        engine.dialect.use_insertmanyvalues_wo_returning = True
        return engine
    # PostgreSQL's driver need not be installed for SQLite.
    from receiver.store.database import postgresql, postgresql_refusal  # noqa: PLC0415

    engine = create_engine(
        url,
        connect_args=postgresql.connection_arguments(make_url(url)),
        pool_pre_ping=True,
        pool_size=CONNECTIONS,
        max_overflow=CONNECTIONS,
        isolation_level="READ COMMITTED",
    )
    # This replaces the dialect's method, so that listeners for new connections are still called.
    engine.dialect.connect = postgresql_refusal.Explained(postgresql.connecting(timeout_s))  # type: ignore[method-assign,assignment]
    event.listen(engine, "connect", postgresql.limiting(timeout_s))
    event.listen(engine, "handle_error", _drop_refused)
    return engine


def own_connection(engine: Engine) -> Any:
    """Return a driver connection outside the pool, in autocommit mode. The caller must close it.

    Raises:
        PoolTimeout: too many are in use.
        Error: an error of the driver; the database cannot be reached.

    """
    pooled = engine.raw_connection()
    connection: Any = pooled.driver_connection
    engine.dialect.set_isolation_level(connection, "AUTOCOMMIT")
    pooled.detach()
    return connection


_OF_DURABILITY = ("fsync", "full_page_writes", "synchronous_commit")


def unsafe_settings(connection: Connection) -> tuple[str, ...]:
    """Return the server's settings under which a power cut may lose committed data."""
    if connection.dialect.name == "sqlite":
        return ()  # we set them for each connection
    values = ((name, connection.scalar(select(func.current_setting(name)))) for name in _OF_DURABILITY)
    return tuple(name for name, value in values if value == "off")


def into_one_file(engine: Engine) -> None:
    """Move committed data from SQLite's log into its file, as far as no reader needs older pages."""
    if engine.dialect.name == "sqlite":
        with engine.connect() as connection, suppress(sqlite3.OperationalError):  # another connection prevents it
            connection.connection.driver_connection.execute("PRAGMA wal_checkpoint(FULL)")  # type: ignore[union-attr]


def close_engine(engine: Engine) -> None:
    """Close all connections and the lock file.

    The last process that closes an SQLite file moves the whole log into it and removes the log. If two closed at the
    same time, each would see the other as still open. So they close one after the other.
    """
    lock: WriteLock | None = engine.get_execution_options().get(_LOCK)
    if lock is None:
        engine.dispose()
        return
    is_alone = lock.is_made and lock.acquire(BUSY_TIMEOUT_MS / 1000)
    try:
        engine.dispose()
    finally:
        if is_alone:
            lock.release()
        lock.close()


def _look_first(_dialect: object, _record: object, arguments: list[Any], _options: object) -> None:
    """Refuse what is not a file, and an emptied file, whose log SQLite would delete."""
    path = Path(arguments[0])
    if (found := files.not_a_file(path) or files.lost_content(path)) is not None:
        raise StoreUnavailable(found.cause, found)
    files.restore_modes(path)


def _note_rights(path: Path, _connection: object, record: Any) -> None:
    """Note whether a connection's files were read-only when it was opened: then it can never write."""
    record.info[_MAY_NOT_WRITE] = files.fault(path) is not None


def _drop_read_only(_connection: object, record: Any) -> None:
    """Discard a read-only connection: after a repair of the file a new one can write."""
    if record.info.get(_MAY_NOT_WRITE):
        record.invalidate()


def _drop_refused(context: ExceptionContext) -> None:
    """Discard all connections if one could not write because the database is read-only."""
    if is_read_only(context.original_exception):
        if context.execution_context is not None:  # otherwise the open cursor keeps the connection and its files open
            context.execution_context.cursor.close()
        context.is_disconnect = True


def presence_of(engine: Engine) -> Presence | None:
    """Return the check of whether SQLite's file is still there; None: PostgreSQL."""
    presence: Presence | None = engine.get_execution_options().get(_PRESENCE)
    return presence


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # `_begin_sqlite` begins transactions, not the driver
    _refuse_foreign(connection)  # before the first write: the journal mode is stored in the file
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _refuse_foreign(connection: Any) -> None:
    """Raise if there are tables, and none is ours; see `receiver.store.place.ownership`."""
    columns = {column for (column,) in connection.execute("SELECT name FROM pragma_table_info('installation')")}
    if "digest_key" in columns:
        return
    visible = "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite~_%' ESCAPE '~'"
    names = {name for (name,) in connection.execute(visible)}
    if names and not names >= OURS_BEYOND_DOUBT:
        raise StoreUnavailable(Cause.FOREIGN, Refusal(Cause.FOREIGN))


def _begin_sqlite(connection: Connection) -> None:
    """Take the write lock at the beginning: SQLite may refuse it later in a transaction."""
    reads = connection.get_execution_options().get("rdv_read_only", False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


@contextmanager
def write_lock(engine: Engine) -> Iterator[None]:
    """Hold the right to write. For SQLite one thread of all processes has it; for PostgreSQL there is no limit.

    Raises:
        StoreUnavailable: others wrote for too long, or the file has vanished; no lock file is created then.

    """
    lock: WriteLock | None = engine.get_execution_options().get(_LOCK)
    if lock is None:
        yield
        return
    if presence := presence_of(engine):
        presence.confirm()
    if not lock.acquire(BUSY_TIMEOUT_MS / 1000):
        raise StoreUnavailable("Busy", Refusal(Cause.BUSY))
    try:
        yield
    finally:
        lock.release()


@contextmanager
def reading(engine: Engine, *, snapshot: bool = False) -> Iterator[Connection]:
    """Yield a read transaction that blocks no writer; `snapshot`: in PostgreSQL all its queries see one moment.

    Raises:
        StoreUnavailable: the database cannot be read now.

    """
    try:
        with engine.connect() as connection:
            _confirm(engine, connection)
            connection.execution_options(rdv_read_only=True)
            if snapshot and engine.dialect.name != "sqlite":  # whose transactions are snapshots anyway
                connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                yield connection
    except (DBAPIError, PoolTimeout) as error:
        raise unavailable(error, engine) from None


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
                presence.confirm_log(opened)
                presence.note_log()
    except IntegrityError:
        raise Conflict from None
    except OperationalError as error:
        if getattr(error.orig, "sqlstate", None) in _CONFLICT_STATES:
            raise Conflict from None
        raise unavailable(error, engine) from None
    except (DBAPIError, PoolTimeout) as error:
        raise unavailable(error, engine) from None


def _confirm(engine: Engine, connection: Connection) -> Any:
    """Check that a connection's file is still the one at the path; return the driver's connection."""
    opened = connection.connection.driver_connection
    if presence := presence_of(engine):
        presence.confirm(opened)
    return opened


def rehearsed(connection: Connection, block: Callable[[Connection], T]) -> T:
    """Run a block, roll back what it changed, and return its result."""
    savepoint = connection.begin_nested()
    result = block(connection)
    savepoint.rollback()
    return result


VALUES_AT_ONCE = 500
"""Values in one statement, within the limits of both databases."""


def chunks(values: Sequence[V]) -> Iterator[Sequence[V]]:
    """Yield a list in parts that are short enough for one statement, in order."""
    for start in range(0, len(values), VALUES_AT_ONCE):
        yield values[start : start + VALUES_AT_ONCE]
