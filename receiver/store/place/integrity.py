"""Checks an SQLite file for damage in pages that nobody has read yet: SQLite reports only the pages it reads."""

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
_LOOK_S = 1.0
_AGAIN_S = 600.0
_AGAIN_IF_DAMAGED_S = 30.0
_known: dict[str, tuple[float, Refusal | None]] = {}
"""What this process saw last of a file, and until when that is good."""


def look(engine: Engine) -> None:
    """Read for a second now and then, and remember the result for callers that ask every few seconds.

    Tables and rights are looked at each time, unless our account is one that only appends.

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
                check(connection, _LOOK_S)
            refusal = None
        except StoreUnavailable as error:
            if error.refusal.cause is not Cause.CORRUPT:
                raise
            refusal = error.refusal
        _known[file] = time.monotonic() + (_AGAIN_IF_DAMAGED_S if refusal else _AGAIN_S), refusal
    if refusal is not None:
        raise StoreUnavailable(refusal.cause, refusal)


def check_tables(connection: Connection) -> None:
    """See that all tables are there and may be used; of an account that only appends, nothing is asked.

    Raises:
        StoreUnavailable: a table is missing, or a right to one.

    """
    if rights.may_judge(connection):
        ownership.check_tables(connection)


def check(connection: Connection, timeout_s: float | None = None) -> None:
    """Read the whole file; nothing of PostgreSQL's, which keeps its own house.

    Args:
        connection: within a transaction.
        timeout_s: what was not read by then passes for sound; None: everything is read.

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
