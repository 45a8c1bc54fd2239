"""A database seen from beside the product: over a connection of the test's own, and at the statements that are sent."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, NullPool, create_engine, event, select

from receiver.core.plan import Placement
from receiver.store import Store
from receiver.store.database.tables import events, mailboxes, placements
from receiver.store.work.placements import placement_of


@contextmanager
def database(url: str) -> Iterator[Connection]:
    """Yield a transaction on a connection of its own; it is committed when the block ends."""
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        yield connection


def execute(url: str, *statements: str) -> None:
    """Execute SQL texts as somebody with a database client would, and commit."""
    with database(url) as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def engine_of(store: Store) -> Engine:
    """Return a store's engine: to hold a transaction of the product's open, and to listen to one store of several."""
    return store._engine


@contextmanager
def statements(about: str = "", thread: str = "") -> Iterator[list[str]]:
    """Collect what this process sends to databases during the block; only what holds a word, or comes from a thread."""
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if about in statement and thread in {"", threading.current_thread().name}:
            sent.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def placements_in(url: str) -> list[tuple[str, str, Placement]]:
    """Return all that the store remembers of mailboxes: address, the event's uid, the placement."""
    rows = (
        select(placements, events.c.uid, mailboxes.c.address)
        .join(events, events.c.id == placements.c.event_id)
        .join(mailboxes, mailboxes.c.id == placements.c.mailbox_id)
    )
    with database(url) as connection:
        return [(row["address"], row["uid"], placement_of(row)) for row in connection.execute(rows).mappings()]
