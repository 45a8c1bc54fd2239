"""Appends webhooks to the inbox: one statement for all waiting ones, in a transaction of its own.

All other webhooks wait meanwhile. So this uses the driver itself, over a connection that stays open: SQLAlchemy's work
around a statement (pool, events, parameters) takes longer than the statement.
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
    """The differences between the two databases."""

    def prepared(self, row: inbox.Row) -> Any:
        """Return a row as a parameter of the statement."""
        ...

    def has_gone(self, connection: Any) -> bool:
        """Whether the server closed the connection since its last use."""
        ...

    def append(self, connection: Any, rows: Sequence[Any]) -> None:
        """Append rows."""
        ...


class Appender:
    """Appends to the inbox. Any thread may call `prepared`; only one at a time may call the other methods."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._database: _Database = _Sqlite(engine) if engine.dialect.name == "sqlite" else _Postgresql()
        self._connection: Any = None
        """The driver's connection; None: not opened yet, or lost."""

    def prepared(self, incoming: Incoming) -> Any:
        """Return a webhook as `append` takes it. Called before the group commit, to keep that short."""
        return self._database.prepared(inbox.row_of(incoming))

    def append(self, rows: Sequence[Any]) -> None:
        """Append webhooks; they are on disk when this returns.

        Raises:
            StoreUnavailable: they are not, or the connection was lost before the confirmation.
            StoreVanished: they may be in a file that was removed.

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
        """Close the connection; another one is opened when needed."""
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
        # Not row by row: between two rows Python's driver releases the GIL and waits for it again.
        connection.execute(self._INTO + ", ".join([self._ROW] * len(rows)), list(chain.from_iterable(rows)))
        if self._presence:
            self._presence.confirm(connection)
            self._presence.confirm_log(connection)
            self._presence.note_log()


class _Postgresql:
    # The rows are one JSON document, so that the statement's text is the same for any number of rows and is prepared
    # once. Texts have no declared length: with one, PostgreSQL would cut texts that are too long instead of refusing
    # them.
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
        """Check whether the socket has data: without a query, a server only sends the end of the connection."""
        awaited = poll()
        awaited.register(connection.fileno(), POLLIN)
        return bool(awaited.poll(0))

    def append(self, connection: Any, rows: Sequence[Any]) -> None:
        connection.execute(self._APPEND_AND_NOTIFY, [f"[{','.join(rows)}]", CHANNEL])
