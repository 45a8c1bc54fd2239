"""Appends webhooks to the inbox: one statement for all that wait, in a transaction of its own.

Everybody else's webhooks wait meanwhile. So it goes by the driver itself, over a connection that stays open: what
SQLAlchemy does around a statement (out of the pool and back, events, parameters) takes longer than the statement.
"""

from collections.abc import Sequence
from contextlib import suppress
from itertools import chain
from select import POLLIN, poll
from typing import Any, Protocol

from pydantic_core import to_json
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from receiver.store.database.engine import own_connection, presence_of, unavailable
from receiver.store.database.errors import StoreVanished
from receiver.store.database.records import Incoming
from receiver.store.database.tables import Moment
from receiver.store.intake import inbox
from receiver.store.work.wakeup import CHANNEL


class _Database(Protocol):
    """What the two databases do differently."""

    def prepared(self, row: inbox.Row) -> Any:
        """Return a row as the statement takes it."""
        ...

    def has_gone(self, connection: Any) -> bool:
        """Whether the server closed the connection since its last use."""
        ...

    def append(self, connection: Any, rows: Sequence[Any]) -> None:
        """Append rows."""
        ...


class Appender:
    """Appends to the inbox. `prepared` is for any thread, all else for one at a time."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._database: _Database = _Sqlite(engine) if engine.dialect.name == "sqlite" else _Postgresql()
        self._connection: Any = None
        """The driver's own; None: not opened yet, or lost."""

    def prepared(self, incoming: Incoming) -> Any:
        """Return a webhook as `append` takes it: done before others have to wait for it."""
        return self._database.prepared(inbox.row_of(incoming))

    def append(self, rows: Sequence[Any]) -> None:
        """Append webhooks; they are on disk when this returns.

        Raises:
            StoreUnavailable: they are not, or the database was lost before it said so.
            StoreVanished: they may be in a file that is gone.

        """
        try:
            self._database.append(self._opened(), rows)
        except StoreVanished:
            self.close()
            raise
        except (DBAPIError, PoolTimeout, UnicodeEncodeError, self._engine.dialect.loaded_dbapi.Error) as error:
            self.close()
            raise unavailable(error, self._engine) from None

    def _opened(self) -> Any:
        if self._connection is not None and self._database.has_gone(self._connection):
            self.close()
        if self._connection is None:
            self._connection = own_connection(self._engine)
        return self._connection

    def close(self) -> None:
        """Close the connection; another is opened when it is needed."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(self._engine.dialect.loaded_dbapi.Error):
                connection.close()


class _Sqlite:
    _INTO = (
        "INSERT INTO inbox (delivery, source, platform, emitter, digest, sort, news, organisation, received_at, "
        "authority, signed_by) VALUES "
    )
    _ROW = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    _AT = inbox.Row._fields.index("received_at")

    def __init__(self, engine: Engine) -> None:
        self._written: Any = Moment().bind_processor(engine.dialect)
        self._presence = presence_of(engine)

    def prepared(self, row: inbox.Row) -> Any:
        return (*row[: self._AT], self._written(row.received_at), *row[self._AT + 1 :])

    def has_gone(self, connection: Any) -> bool:
        try:
            if self._presence:
                self._presence.confirm(connection)
        except StoreVanished:
            return True
        return False

    def append(self, connection: Any, rows: Sequence[Any]) -> None:
        # Not row by row: between two of them Python's driver lets other threads run, and then waits for its turn.
        connection.execute(self._INTO + ", ".join([self._ROW] * len(rows)), list(chain.from_iterable(rows)))
        if self._presence:
            self._presence.confirm(connection)
            self._presence.confirm_log(connection)
            self._presence.note_log()


class _Postgresql:
    # The rows come as one document, in a statement whose text is the same for any number of them: planned once, heard
    # of once. Texts go as such: told their length, it would cut those that are too long and not refuse them.
    _APPEND_AND_NOTIFY = """\
WITH appended AS (
    INSERT INTO inbox (delivery, source, platform, emitter, digest, sort, news, organisation, received_at,
        authority, signed_by)
    SELECT delivery, source, platform, emitter, decode(digest, 'hex'), sort, news, organisation, received_at,
        authority, signed_by
    FROM json_to_recordset(%s) AS brought(
        delivery text, source text, platform text, emitter text, digest text, sort text, news text,
        organisation bigint, received_at timestamptz, authority text, signed_by text
    )
)
SELECT pg_notify(%s, '')"""

    def prepared(self, row: inbox.Row) -> Any:
        return to_json(row._asdict(), bytes_mode="hex").decode()

    def has_gone(self, connection: Any) -> bool:
        """Check whether the socket has data: unasked, a server sends nothing but the end of the connection."""
        awaited = poll()
        awaited.register(connection.fileno(), POLLIN)
        return bool(awaited.poll(0))

    def append(self, connection: Any, rows: Sequence[Any]) -> None:
        connection.execute(self._APPEND_AND_NOTIFY, [f"[{','.join(rows)}]", CHANNEL])
