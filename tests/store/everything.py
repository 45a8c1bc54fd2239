"""A store with rows in every table and values in every column."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from sqlalchemy import Boolean, Column, Integer, LargeBinary, String, Table, delete, insert, select

from receiver.store import Store
from receiver.store.database.engine import reading, writing
from receiver.store.database.tables import Moment, metadata
from tests.lab.database import engine_of
from tests.makers import NOW

ROWS = 5


def fill(store: Store) -> None:
    """Write rows whose every value tells its column and its row; the first mailbox is another address of the last."""
    with writing(engine_of(store)) as connection:
        for table in metadata.sorted_tables:
            connection.execute(delete(table))
        for table in metadata.sorted_tables:
            count = 1 if table.name == "installation" else ROWS
            rows = [
                {column.name: _value(table, column, row) for column in table.columns} for row in range(1, count + 1)
            ]
            for row in reversed(rows):  # the last mailbox first: the first one names it
                connection.execute(insert(table).values(row))


def _value(table: Table, column: Column[Any], row: int) -> Any:
    if column.foreign_keys:
        return _named(table, column, row)
    match column.type:
        case Moment():
            return None if column.nullable and row == 2 else NOW + timedelta(seconds=row, microseconds=row)
        case Boolean():
            return row % 2 == 0
        case LargeBinary():
            return bytes([row, 0, 255])
        case String():
            if column.nullable and row == 2:
                return None
            return f"{row}é«{column.name}»"[: column.type.length or 40]
        case Integer():
            return row * 1000 if column.primary_key else row + 2**30
    raise AssertionError(f"no value for {column!r}")


def _named(table: Table, column: Column[Any], row: int) -> int | None:
    [key] = column.foreign_keys
    if key.column.table is table:
        return ROWS * 1000 if row == 1 else None
    return row * 1000


def rows(store: Store) -> dict[str, list[tuple[Any, ...]]]:
    """Return every row of every table, by table."""
    with reading(engine_of(store)) as connection:
        return {table.name: list(_rows(connection, table)) for table in metadata.sorted_tables}


def _rows(connection: Any, table: Table) -> Iterator[tuple[Any, ...]]:
    for row in connection.execute(select(table).order_by(*table.primary_key.columns)):
        yield tuple(row)
