"""Two years of use: what pages, metrics and `status` ask is answered from indexes, in a fixed number of queries.

`RDV_EVENTS=1000000` fills as many; a tenth is enough for both planners to choose as they would then.
"""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Column, Index, Table, UniqueConstraint, event

from benchmarks.million import CALENDARS, SOURCES, Size, fill
from benchmarks.pages import PATHS, Reader, settings
from receiver.operations.status import status
from receiver.store import Store
from receiver.store.database.tables import agents, events, mailboxes, metadata, placements
from receiver.store.reports import event_history, overview
from receiver.store.reports import status as stored_status
from receiver.store.reports.status import COUNTED
from receiver.store.tools import unused
from tests.databases import new_database, sqlalchemy_url
from tests.lab.database import engine_of

pytestmark = pytest.mark.slow  # a large database

SIZE = Size(int(os.environ.get("RDV_EVENTS", "100000")))
BIG = "events|placements|deliveries|writes|event_agents"
MOST_QUERIES = 26  # two of them ask whether a table or a right is missing


@dataclass
class Filled:
    """A store after two years, and what is asked of it."""

    url: str
    store: Store
    reader: Reader = field(init=False)

    def __post_init__(self) -> None:
        self.reader = Reader(self.store)

    @contextmanager
    def asked(self) -> Iterator[list[tuple[str, Any]]]:
        """Collect every query with its values."""
        found: list[tuple[str, Any]] = []

        def note(_connection: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
            if statement != "BEGIN":
                found.append((statement, values))

        event.listen(engine_of(self.store), "before_cursor_execute", note)
        yield found
        event.remove(engine_of(self.store), "before_cursor_execute", note)

    def plan(self, statement: str, values: Any) -> list[str]:
        """How the database goes about a query, a step a line."""
        with engine_of(self.store).connect() as connection:
            if connection.dialect.name == "sqlite":
                return [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)]
            return [row[0] for row in connection.exec_driver_sql(f"EXPLAIN {statement}", values)]

    def whole_tables(self, queries: list[tuple[str, Any]]) -> list[str]:
        """Steps that read a big table, or the whole of one of its indexes."""
        steps = [step for statement, values in queries for step in self.plan(statement, values)]
        return [step for step in steps if re.search(rf"\bSCAN ({BIG})\b|Seq Scan on ({BIG})\b", step)]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def filled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    if request.param == "sqlite":
        copy = tmp_path_factory.mktemp("filled") / "store.db"
        shutil.copy(request.getfixturevalue("migrated_sqlite"), copy)
        url = f"sqlite:///{copy}"
    else:
        cluster, template = request.getfixturevalue("postgres"), request.getfixturevalue("migrated_postgres")
        url = sqlalchemy_url(new_database(cluster, template))
    fill(url, SIZE, datetime.now(UTC))
    store = Store(url)
    yield Filled(url, store)
    store.close()


@pytest.mark.parametrize("name", PATHS)
def test_a_page_is_answered_by_a_few_queries_from_indexes(filled: Filled, name: str) -> None:
    with filled.asked() as queries:
        filled.reader.get(PATHS[name])
    assert 0 < len(queries) <= MOST_QUERIES
    assert filled.whole_tables(queries) == []


def test_what_reads_a_whole_table_is_noticed(filled: Filled) -> None:
    assert filled.whole_tables([("SELECT id FROM events WHERE organisation = 1", ())])


def test_pages_find_what_the_fill_made(filled: Filled) -> None:
    """Else all of this would measure nothing."""
    failing = {
        (group.scope, group.code): group.count
        for group in filled.store.read(overview.failures, datetime.now(UTC))
        if group.calendar != "mairie"
    }
    assert failing["entry", "invalid_item"] == SIZE.placements // 200
    assert failing["event", "recurrence_not_holdable"] == SIZE.events // 1000
    [history] = filled.store.read(event_history.history, SIZE.events, 10)
    assert (len(history.deliveries), len(history.placements), len(history.writes)) == (1, 1, 1)
    assert len(filled.store.read(overview.mailbox_page, "", 50, failing=True)) == min(SIZE.mailboxes // 101, 50)
    assert filled.store.read(overview.unmapped_agents, datetime.now(UTC), 10)


@pytest.mark.parametrize("down", [(), CALENDARS[:1], CALENDARS], ids=["none", "one", "all"])
def test_what_waits_is_seen_in_an_outage_too(filled: Filled, down: tuple[str, ...]) -> None:
    """All that waits may wait for a server that does not answer: it is not walked through to find that out."""
    with filled.asked() as queries:
        seen = filled.store.read(stored_status.look, [*SOURCES, "silent"], down, datetime.now(UTC))
    assert filled.whole_tables(queries) == []
    assert (seen.oldest_due_at is None) == (down == CALENDARS)
    assert seen.due == min(SIZE.placements - SIZE.placements // 200, COUNTED)


def test_status_asks_nothing_but_what_indexes_answer(filled: Filled) -> None:
    with filled.asked() as queries:
        found = status(settings(), filled.store, datetime.now(UTC))
    assert found.sight is not None
    assert found.sight.last_webhook.keys() == set(SOURCES)
    assert filled.whole_tables(queries) == []


@pytest.mark.parametrize(("table", "after"), [(agents, ("", "")), (mailboxes, (0,))], ids=["agents", "mailboxes"])
def test_whether_agents_and_mailboxes_are_used_is_found_by_indexes(
    filled: Filled, table: Table, after: tuple[Any, ...]
) -> None:
    """It is asked of each of them every hour, in the thread that everything else waits for."""
    with filled.asked() as queries:
        wrong, more = filled.store.read(unused.seen, table, after)
    assert (wrong, more is not None) == ([], True)
    assert filled.whole_tables(queries) == []


def test_what_is_old_is_found_by_indexes(filled: Filled) -> None:
    now = datetime.now(UTC)
    with filled.asked() as queries:
        filled.store.write(unused.drop, now, now - timedelta(days=30))
    assert filled.whole_tables(queries) == []


@pytest.mark.parametrize("table", [agents, mailboxes, events, placements], ids=lambda table: table.name)
def test_a_row_that_goes_is_looked_for_in_indexes_of_those_that_refer_to_it(table: Table) -> None:
    """Databases check it for each row that is deleted; without an index they read the other table whole."""
    columns = [key.parent for each in metadata.sorted_tables for key in each.foreign_keys if key.column.table is table]
    assert [str(column) for column in columns if not _is_led(column)] == []


def _is_led(column: Column[Any]) -> bool:
    """Whether an index that holds every row begins with a column, or those rows that refer to something."""
    table = column.table
    assert isinstance(table, Table)
    whole = [index for index in table.indexes if _holds_all(index, column)]
    keys = [constraint for constraint in table.constraints if isinstance(constraint, UniqueConstraint)]
    return any(next(iter(each.columns)) is column for each in (*whole, *keys, table.primary_key))


def _holds_all(index: Index, column: Column[Any]) -> bool:
    where = index.dialect_options["sqlite"]["where"]
    return where is None or where.compare(column.is_not(None))
