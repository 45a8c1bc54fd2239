"""Opens the database so that what was committed stays committed, whichever of the two kinds it is."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

BUSY_TIMEOUT_MS = 4_000  # for our own threads, then as long for other processes: the emitter's patience is 10 s
CONFLICT_RETRIES = 5
_TURNS = "rdv_turns"
CONNECTIONS = 20  # opened as they are needed; with as many in reserve, more than a process has threads


class StoreUnavailable(Exception):
    """The database cannot be reached, is locked for too long, or has no room. Nothing was changed."""


class Conflict(StoreUnavailable):
    """Two transactions met on the same rows; this one changed nothing."""


_CONFLICT_STATES = {"40001", "40P01"}  # serialization failure, deadlock


def open_engine(url: str) -> Engine:
    """Return an engine on which every write transaction is on disk when it returns."""
    if make_url(url).get_backend_name() == "sqlite":
        turns = {_TURNS: threading.Lock()}
        engine = create_engine(url, pool_size=CONNECTIONS, max_overflow=CONNECTIONS, execution_options=turns)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    return create_engine(
        url, pool_pre_ping=True, pool_size=CONNECTIONS, max_overflow=CONNECTIONS, isolation_level="READ COMMITTED"
    )


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # transactions begin where `_begin_sqlite` says, not where the driver guesses
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={BUSY_TIMEOUT_MS}"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    """Take the write lock at the start: a lock that is asked for midway can only be refused."""
    read_only = connection.get_execution_options().get("rdv_read_only", False)
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")


@contextmanager
def _turn(engine: Engine) -> Iterator[None]:
    """Let one thread of this process write at a time: SQLite would have the others sleep and try again, unfairly."""
    turns = engine.get_execution_options().get(_TURNS)
    if turns is None:
        yield
    elif turns.acquire(timeout=BUSY_TIMEOUT_MS / 1000):
        try:
            yield
        finally:
            turns.release()
    else:
        raise StoreUnavailable("Busy")


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Yield a consistent view that blocks no writer.

    Raises:
        StoreUnavailable: the database cannot be read now.

    """
    try:
        with engine.connect().execution_options(rdv_read_only=True) as connection, connection.begin():
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
        with _turn(engine), engine.begin() as connection:
            yield connection
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
