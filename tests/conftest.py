"""Fixtures that every part shares."""

import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from mock_exchange import MockExchange
from receiver.store import Store
from tests.databases import new_database, postgres_cluster, sqlalchemy_url
from tests.tiers import is_slow

TESTS = Path(__file__).parent
"""Of this copy of the tree: mutants are tried in a copy within another."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is not in the quick tier."""
    for item in items:
        if is_slow(item.path.relative_to(TESTS)):
            item.add_marker(pytest.mark.slow)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say each reason for skipping once, with the number of tests that it concerns."""
    reasons = Counter(report.longrepr[2] for report in terminalreporter.stats.get("skipped", []))
    for reason, count in reasons.most_common():
        terminalreporter.write_line(f"{count:4} {reason}")


@pytest.fixture(scope="session")
def started_mocks() -> Iterator[list[MockExchange]]:
    """The mock servers of this process that nobody has looked at since they stopped."""
    started: list[MockExchange] = []
    MockExchange.watchers.append(started.append)
    yield started
    MockExchange.watchers.remove(started.append)
    assert [complaint for mock in started for complaint in mock.complaints] == []


@pytest.fixture(autouse=True)
def no_complaints(started_mocks: list[MockExchange]) -> Iterator[None]:
    """Fail the test in which a message was not what Microsoft's schemas say, or a mock server failed.

    A test that sends such a message on purpose has its server forget the complaint.
    """
    yield
    found = [complaint for mock in started_mocks for complaint in mock.complaints]
    started_mocks[:] = [mock for mock in started_mocks if mock.running]
    for mock in started_mocks:
        mock.forget_complaints()  # one test is blamed, and no other
    assert found == []


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """A PostgreSQL cluster of this test process."""
    with postgres_cluster() as url:
        yield url


@pytest.fixture(scope="session")
def migrated_postgres(postgres: str) -> str:
    """Name of a database with the current schema, to make copies of."""
    address = new_database(postgres)
    store = Store(sqlalchemy_url(address))
    store.migrate()
    store.close()
    return address.rpartition("/")[2]


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the current schema, to make copies of."""
    path = tmp_path_factory.mktemp("migrated") / "store.db"
    store = Store(f"sqlite:///{path}")
    store.migrate()
    store.close()
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Address of a fresh, migrated database of each kind."""
    if request.param == "sqlite":
        copy = tmp_path / "store.db"
        shutil.copy(request.getfixturevalue("migrated_sqlite"), copy)
        return f"sqlite:///{copy}"
    cluster, template = request.getfixturevalue("postgres"), request.getfixturevalue("migrated_postgres")
    return sqlalchemy_url(new_database(cluster, template))


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    """An open store of each kind."""
    opened = Store(store_url)
    yield opened
    opened.close()
