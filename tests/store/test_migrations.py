"""The schema: one history for both databases, safe to run from several processes at once."""

import threading
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine

from receiver.store import Store, StoreUnavailable
from receiver.store.tables import metadata
from tests.databases import new_database, sqlalchemy_url


def test_migrations_lead_to_the_tables_that_the_code_uses(store_url: str) -> None:
    engine = create_engine(store_url)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_several_processes_may_migrate_at_once(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """`run` on two hosts, or a restart during an upgrade."""
    if kind == "sqlite":
        url = f"sqlite:///{tmp_path / 'store.db'}"
    else:
        url = sqlalchemy_url(new_database(request.getfixturevalue("postgres")))
    stores = [Store(url) for _ in range(4)]
    failures: list[BaseException] = []

    def migrate(store: Store) -> None:
        try:
            store.migrate()
        except BaseException as error:  # noqa: BLE001  # reported below, from the main thread
            failures.append(error)

    threads = [threading.Thread(target=migrate, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len({store.installation().id for store in stores}) == 1
    for store in stores:
        store.close()


def test_a_migrated_store_is_current_and_an_empty_one_is_not(store: Store, tmp_path: Path) -> None:
    empty = Store(f"sqlite:///{tmp_path / 'empty.db'}")
    assert store.is_current()
    assert not empty.is_current()
    empty.close()


def test_a_database_that_cannot_be_reached_is_said_so() -> None:
    store = Store("postgresql+psycopg://nobody@127.0.0.1:1/none")
    with pytest.raises(StoreUnavailable):
        store.migrate()
    store.close()


def test_a_folder_that_does_not_exist_is_said_so(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'missing' / 'store.db'}")
    with pytest.raises(StoreUnavailable):
        store.migrate()
    store.close()
