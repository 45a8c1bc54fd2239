"""Checks an SQLite file for damage in all pages: SQLite itself reports only damage in pages that it reads."""

import time
from typing import Any

from sqlalchemy import Connection, Engine

from receiver.store.database import rights
from receiver.store.database.causes import Cause, Refusal
from receiver.store.database.engine import reading, unavailable
from receiver.store.database.errors import StoreUnavailable
from receiver.store.place import ownership

_STEPS = 10_000
"""Steps of SQLite's virtual machine between two checks of the time limit."""
_CHECK_S = 1.0
_AGAIN_S = 600.0
_AGAIN_IF_DAMAGED_S = 30.0
_known: dict[str, tuple[float, Refusal | None]] = {}
"""The last result of this process for a file, and until when it is valid."""


def check_at_intervals(engine: Engine) -> None:
    """Check the file for a second at intervals, and keep the result for callers that ask every few seconds.

    Tables and rights are checked each time, unless our account may only append.

    Raises:
        StoreUnavailable: a page is damaged, a table or a right is missing, or the database cannot be read.

    """
    with reading(engine) as connection:
        check_tables(connection)
    if engine.dialect.name != "sqlite":
        return
    file = engine.url.database or ""
    good_until, refusal = _known.get(file, (0.0, None))
    if time.monotonic() >= good_until:
        try:
            with reading(engine) as connection:
                check(connection, _CHECK_S)
            refusal = None
        except StoreUnavailable as error:
            if error.refusal.cause is not Cause.CORRUPT:
                raise
            refusal = error.refusal
        _known[file] = time.monotonic() + (_AGAIN_IF_DAMAGED_S if refusal else _AGAIN_S), refusal
    if refusal is not None:
        raise StoreUnavailable(refusal.cause, refusal)


def check_tables(connection: Connection) -> None:
    """Check that all tables are there and may be used; for an account that only appends nothing is checked.

    Raises:
        StoreUnavailable: a table is missing, or a right to one.

    """
    if rights.may_judge(connection):
        ownership.check_tables(connection)


def check(connection: Connection, timeout_s: float | None = None) -> None:
    """Check the whole file. A PostgreSQL server checks its own files.

    Args:
        connection: within a transaction.
        timeout_s: pages that were not read by then count as sound; None: all are read.

    Raises:
        StoreUnavailable: a page is damaged.

    """
    if connection.dialect.name != "sqlite":
        return
    driver: Any = connection.connection.driver_connection
    deadline = None if timeout_s is None else time.monotonic() + timeout_s
    if deadline is not None:
        driver.set_progress_handler(lambda: time.monotonic() >= deadline, _STEPS)
    try:
        sound = driver.execute("PRAGMA quick_check(1)").fetchall() == [("ok",)]
    except driver.Error as error:
        if error.sqlite_errorname != "SQLITE_INTERRUPT":
            raise unavailable(error, connection.engine) from None
        sound = True
    finally:
        driver.set_progress_handler(None, 0)
    if not sound:
        raise StoreUnavailable(Cause.CORRUPT, Refusal(Cause.CORRUPT, connection.engine.url.database or ""))
