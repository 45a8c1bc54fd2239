"""Whether an SQLite file is damaged where nobody has read yet: SQLite itself tells only of the pages that it meets."""

import time
from typing import Any

from sqlalchemy import Connection

from receiver.store.causes import Cause, Refusal
from receiver.store.engine import StoreUnavailable, unavailable

_STEPS = 10_000
"""Of SQLite's machine, between two looks at the time."""


def check(connection: Connection, patience_s: float | None = None) -> None:
    """Read the whole file; nothing of PostgreSQL's, which keeps its own house.

    Args:
        connection: within a transaction.
        patience_s: what was not read by then passes for sound; None: everything is read.

    Raises:
        StoreUnavailable: a page is damaged.

    """
    if connection.dialect.name != "sqlite":
        return
    driver: Any = connection.connection.driver_connection
    deadline = None if patience_s is None else time.monotonic() + patience_s
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
