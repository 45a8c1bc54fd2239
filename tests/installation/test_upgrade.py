"""An upgrade keeps what the store holds, and leaves the previous program what it needs to be gone back to.

The fixture is the store of the first release: a written entry in two mailboxes, a write without an answer, one that
waits, an absence, a tombstone. It is never made anew: it is what installations have.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlalchemy import Connection, Engine, Integer, MetaData, Table, create_engine, inspect, select, text

from receiver.store import Store
from receiver.store.intake import judge_batch
from receiver.store.migrations import _config
from tests.databases import new_database, postgres_cluster, sqlalchemy_url
from tests.makers import NOW, a_delivery, incoming

DUMP = Path(__file__).parent / "fixtures/schema-0001.sql"
REVISION = "alembic_version"

Rows = dict[str, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    with postgres_cluster() as address:
        yield address


@pytest.fixture
def first_release(tmp_path: Path) -> str:
    """A SQLite store as the first release left it."""
    path = tmp_path / "store.db"
    connection = sqlite3.connect(path)
    connection.executescript(DUMP.read_text("utf-8"))
    connection.close()
    return f"sqlite:///{path}"


@pytest.fixture(params=["sqlite", "postgresql"])
def old_url(request: pytest.FixtureRequest, first_release: str) -> str:
    """The address of a store of the first release; PostgreSQL's gets the same rows."""
    if request.param == "sqlite":
        return first_release
    url = sqlalchemy_url(new_database(request.getfixturevalue("cluster")))
    copied(first_release, url)
    return url


def copied(source: str, target: str) -> None:
    """Make the first schema in an empty database and put the fixture's rows into it."""
    old, new = create_engine(source), create_engine(target)
    with new.begin() as connection:
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    tables = reflected(new)
    with old.connect() as reading, new.begin() as writing:
        for table in tables.sorted_tables:
            if table.name != REVISION:
                writing.execute(table.insert(), [dict(row) for row in reading.execute(select(table)).mappings()])
        for table in tables.sorted_tables:
            numbered(writing, table)
    old.dispose()
    new.dispose()


def numbered(connection: Connection, table: Table) -> None:
    """Let a table's own numbers go on after the rows that were brought."""
    if "id" in table.c and isinstance(table.c.id.type, Integer):
        sequence = f"pg_get_serial_sequence('{table.name}', 'id')"
        connection.execute(text(f"SELECT setval({sequence}, (SELECT max(id) FROM {table.name}))"))


def reflected(engine: Engine) -> MetaData:
    found = MetaData()
    found.reflect(engine)
    return found


def rows_of(url: str, columns: dict[str, set[str]] | None = None) -> Rows:
    """Return all rows by table, in the columns named (all, if none are)."""
    engine = create_engine(url)
    with engine.connect() as connection:
        held = {
            table.name: sorted(
                (
                    {name: value for name, value in row.items() if columns is None or name in columns[table.name]}
                    for row in connection.execute(select(table)).mappings()
                ),
                key=repr,
            )
            for table in reflected(engine).sorted_tables
            if table.name != REVISION and (columns is None or table.name in columns)
        }
    engine.dispose()
    return held


def columns_of(url: str) -> dict[str, dict[str, bool]]:
    """Return whether each column may stay unsaid in a new row, by table."""
    engine = create_engine(url)
    inspector = inspect(engine)
    found = {
        table: {
            column["name"]: bool(column["nullable"] or column["default"] is not None)
            for column in inspector.get_columns(table)
        }
        for table in inspector.get_table_names()
    }
    engine.dispose()
    return found


@contextmanager
def migrated(url: str) -> Iterator[Store]:
    """The store, brought up to this release."""
    with closing(Store(url)) as store:
        store.migrate()
        yield store


def test_an_upgrade_keeps_every_row_and_every_value(old_url: str) -> None:
    before = rows_of(old_url)
    columns = {table: set(names) for table, names in columns_of(old_url).items()}
    with migrated(old_url) as store:
        assert store.is_current()
    assert rows_of(old_url, columns) == before
    assert all(before.values()), "the fixture has something in every table"


def test_the_installation_stays_the_same_one(old_url: str) -> None:
    """Another name, and the receiver would not know its own entries any more."""
    before = rows_of(old_url)["installation"]
    with migrated(old_url) as store:
        named = store.installation()
    assert [(row["id"], row["digest_key"]) for row in before] == [(named.id, named.digest_key)]


def test_work_goes_on_where_it_was(old_url: str) -> None:
    """What waited is handed out, what had no answer is looked up, what was written is not written again."""
    later = NOW + timedelta(hours=1)
    with migrated(old_url) as store:
        work = store.claim("exchange", later, 100, timedelta(seconds=60))
        assert work is not None
        assert store.claim("exchange", later, 100, timedelta(seconds=60)) is None
        open_now = {(item.placement.desired, item.placement.attempted is not None) for item in work.items}
        assert open_now == {("d2", True), ("d3", False)}
        changed = incoming(a_delivery(30, motif="changed"), body=b"of this release")
        [receipt] = store.write(judge_batch.take, [replace(changed, id="f" * 32)], NOW)
        assert receipt.verdict.value == "accepted"


def test_the_previous_program_finds_all_it_reads_and_may_write_rows_without_the_new_columns(old_url: str) -> None:
    """What going back takes: old tables and columns stand, and no new column of theirs must be filled."""
    before = columns_of(old_url)
    with migrated(old_url):
        pass
    after = columns_of(old_url)
    for table, columns in before.items():
        assert set(columns) <= set(after[table]), table
        new = {name for name in after[table] if name not in columns}
        assert {name for name in new if not after[table][name]} == set(), table
        assert {name for name in columns if columns[name] and not after[table][name]} == set(), table


def test_rows_as_the_first_release_writes_them_are_taken_after_the_upgrade(old_url: str) -> None:
    """The columns it knows, and no others."""
    before = rows_of(old_url)
    with migrated(old_url):
        pass
    engine = create_engine(old_url)
    table = reflected(engine).tables["heartbeats"]
    events = reflected(engine).tables["events"]
    with engine.begin() as connection:
        connection.execute(table.insert(), {**before["heartbeats"][0], "name": "worker.old"})
        connection.execute(
            events.insert(), {**before["events"][0], "id": 99, "uid": "new", "wire_id": 99, "uuid": "new"}
        )
    engine.dispose()
