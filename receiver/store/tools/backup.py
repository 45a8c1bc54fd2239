"""Copies the whole store: into an SQLite file while the service runs, or into the other kind of database."""

import os
import secrets
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, Select, Table, delete, func, insert, inspect, select, text

from receiver.store import migrations
from receiver.store.database.engine import close_engine, open_engine, reading, writing
from receiver.store.database.tables import RowId, installation, metadata

CHUNK = 2_000
"""Rows, or pages of SQLite, that are copied in one step."""

Watch = Callable[[int], AbstractContextManager[Callable[[], None]]]
"""Called with the number of steps; yields a function to call after each step, which shows the progress."""


class CopyFailed(Exception):
    """No copy was made, or an incomplete one was deleted. Carries a code."""


def back_up(engine: Engine, path: Path, watch: Watch) -> dict[str, int]:
    """Write the store's content at one moment into a file, completely or not at all; return the number of rows by
    table.

    Writers are not blocked. The copy is marked: a service that starts from it must read the calendars first.

    Raises:
        CopyFailed: ``in_use``, ``unwritable``, ``damaged``, ``newer``, ``differs``; what was at the path is unchanged.
        StoreUnavailable: the store cannot be read completely.

    """
    with _part(path) as part:
        counts = _copy_pages(engine, part, watch) if _is_sqlite(engine) else _copy_rows(engine, part, watch)
        _finish(part, counts)
    return counts


def move(source: Engine, target: Engine, watch: Watch) -> dict[str, int]:
    """Copy everything, including the state of id sequences, into an empty database; return the number of rows by table.

    Raises:
        CopyFailed: ``newer``, ``occupied``, ``not_current``, ``differs``; nothing was copied.
        StoreUnavailable: one of the two cannot be used; nothing was copied.

    """
    if not migrations.is_current(source):
        raise CopyFailed("newer")  # columns and tables of a newer program would not be copied
    migrations.make_file(target)
    _check_free(target)
    migrations.upgrade(target)
    with reading(source, snapshot=True) as old, writing(target) as new:
        counts = counts_of(old)
        with watch(_steps(counts)) as done:
            _copy(old, new, done)
        if counts_of(new) != counts:
            raise CopyFailed("differs")
    return counts


# One file of SQLite's


@contextmanager
def _part(path: Path) -> Iterator[Path]:
    """Yield the name of a new empty file beside the path. It replaces the path if the block succeeds."""
    if Path(f"{path}-wal").exists():  # SQLite would read it as part of our file
        raise CopyFailed("in_use")
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        part.touch(0o600, exist_ok=False)
        yield part
        _sync(part)
        part.replace(path)
        _sync(path.parent)
    except (OSError, sqlite3.OperationalError):
        raise CopyFailed("unwritable") from None
    except sqlite3.DatabaseError:
        raise CopyFailed("damaged") from None
    finally:
        _remove(part)


def _remove(part: Path) -> None:
    """Remove an incomplete copy, with the lock and log files beside it."""
    if part.parent.is_dir():
        for left in part.parent.iterdir():
            if left.name.startswith(part.name):
                left.unlink()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _copy_pages(engine: Engine, part: Path, watch: Watch) -> dict[str, int]:
    """Copy with SQLite's backup API. The open transaction fixes the moment: later writes are not in it."""
    with reading(engine) as connection:
        counts = counts_of(connection)
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        source = connection.connection.driver_connection
        if not isinstance(source, sqlite3.Connection):
            raise TypeError("the driver of SQLite is Python's")
        with watch(-(-pages // CHUNK)) as done, _flushing(part) as flush, closing(sqlite3.connect(part)) as target:

            def step(*_: int) -> None:
                flush()
                done()

            source.backup(target, pages=CHUNK, progress=step)
    return counts


@contextmanager
def _flushing(part: Path) -> Iterator[Callable[[], None]]:
    """Yield a function that flushes written data to disk: flushed only at the end, it would delay all commits.

    This file is closed after SQLite's connection: closing it earlier would release SQLite's locks.
    """
    descriptor = os.open(part, os.O_RDONLY)
    try:
        yield lambda: os.fdatasync(descriptor)
    finally:
        os.close(descriptor)


def _copy_rows(engine: Engine, part: Path, watch: Watch) -> dict[str, int]:
    copy = open_engine(URL.create("sqlite", database=str(part)).render_as_string())
    try:
        return move(engine, copy, watch)
    finally:
        close_engine(copy)


def _finish(part: Path, counts: dict[str, int]) -> None:
    """Check that the copy is undamaged and complete, mark it as a copy, and make it a single file."""
    with closing(sqlite3.connect(part, isolation_level=None)) as copy:
        copy.execute("PRAGMA journal_mode=DELETE")
        copy.execute("UPDATE installation SET must_adopt = 1")
        if copy.execute("PRAGMA integrity_check").fetchall() != [("ok",)]:
            raise CopyFailed("damaged")
        if copy.execute("PRAGMA foreign_key_check").fetchone() is not None:
            raise CopyFailed("damaged")
        held = {name: copy.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in counts}  # noqa: S608
        if held != counts:
            raise CopyFailed("differs")


# Row by row


def _check_free(engine: Engine) -> None:
    """Raise unless the database is empty or just migrated, with an installation and nothing else."""
    with reading(engine) as connection:
        there = set(inspect(connection).get_table_names())
    if not there & {table.name for table in metadata.sorted_tables}:
        return
    if not migrations.is_current(engine):
        raise CopyFailed("not_current")
    with reading(engine) as connection:
        if any(count for name, count in counts_of(connection).items() if name != installation.name):
            raise CopyFailed("occupied")


def counts_of(connection: Connection) -> dict[str, int]:
    """Return how many rows each table has."""
    tables = metadata.sorted_tables
    return {table.name: connection.execute(select(func.count()).select_from(table)).scalar_one() for table in tables}


def _steps(counts: dict[str, int]) -> int:
    return sum(-(-count // CHUNK) for count in counts.values())


def _copy(source: Connection, target: Connection, done: Callable[[], None]) -> None:
    target.execute(delete(installation))  # the one that the migration made
    for table in metadata.sorted_tables:
        rows = source.execute(_ordered(table), execution_options={"yield_per": CHUNK}).mappings()
        for chunk in rows.partitions():
            target.execute(insert(table), [dict(row) for row in chunk])
            done()
        if _is_numbered(table):
            _go_on_counting(source, target, table)


def _ordered(table: Table) -> Select[tuple[object, ...]]:
    """Select all rows; those that other rows of the table refer to come first."""
    named = [key.parent for key in table.foreign_keys if key.column.table is table]
    return select(table).order_by(*(column.is_not(None) for column in named), *table.primary_key.columns)


def _is_numbered(table: Table) -> bool:
    keys = list(table.primary_key.columns)
    return len(keys) == 1 and keys[0].type is RowId


def _go_on_counting(source: Connection, target: Connection, table: Table) -> None:
    """Let the target continue with ids that the source never used."""
    last = _last_number(source, table)
    if not last:
        return
    if target.dialect.name != "sqlite":
        numbered = text("SELECT setval(pg_get_serial_sequence(:name, 'id'), :last)")
        target.execute(numbered, {"name": table.name, "last": last})
    elif table.dialect_options["sqlite"]["autoincrement"]:
        target.execute(text("DELETE FROM sqlite_sequence WHERE name = :name"), {"name": table.name})
        counter = text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :last)")
        target.execute(counter, {"name": table.name, "last": last})


def _last_number(connection: Connection, table: Table) -> int:
    highest = connection.scalar(select(func.max(table.c.id))) or 0
    if connection.dialect.name != "sqlite":
        sequence = connection.scalar(text("SELECT pg_get_serial_sequence(:name, 'id')"), {"name": table.name})
        last = connection.scalar(text(f"SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM {sequence}"))  # noqa: S608
    elif table.dialect_options["sqlite"]["autoincrement"]:
        last = connection.scalar(text("SELECT seq FROM sqlite_sequence WHERE name = :name"), {"name": table.name})
    else:
        last = None
    return max(highest, last or 0)


def _is_sqlite(engine: Engine) -> bool:
    return engine.dialect.name == "sqlite"
