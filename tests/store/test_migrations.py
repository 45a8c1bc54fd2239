"""The schema: one history for both databases, safe to run from several processes at once."""

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, create_engine, select, text, update

from receiver.store import Standing, Store, StoreUnavailable, migrations
from receiver.store.database.causes import Cause
from receiver.store.database.tables import events, installation, metadata
from tests.databases import new_database, sqlalchemy_url
from tests.installation.versions import MIGRATION

LAST_RELEASE = 4
"""The schema of the release before: its programs go on beside ours."""


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


@pytest.mark.parametrize(
    ("ahead", "oldest", "expected"),
    [
        (0, None, Standing.CURRENT),
        (-1, None, Standing.NOT_CURRENT),
        (1, 0, Standing.NEWER),
        (7, -1, Standing.NEWER),
        (1, 1, Standing.TOO_NEW),
        (1, None, Standing.TOO_NEW),
    ],
)
def test_a_newer_schema_says_itself_which_programs_may_use_it(
    store: Store, store_url: str, ahead: int, oldest: int | None, expected: Standing
) -> None:
    """Counted from our own; one that says nothing is nobody's but its own."""
    ours = int(migrations.head())
    oldest_schema = None if oldest is None else ours + oldest
    declare(store_url, f"{ours + ahead:04}", oldest_schema)
    assert (store.standing(), store.is_current()) == (expected, ahead == 0)


@pytest.mark.parametrize("oldest", [1, None])
def test_a_newer_schema_is_left_as_it_is(store: Store, store_url: str, oldest: int | None) -> None:
    declare(store_url, "9999", oldest)
    named = store.installation()
    assert store.migrate() is (Standing.TOO_NEW if oldest is None else Standing.NEWER)
    assert (store.revision(), store.installation()) == ("9999", named)


def test_what_a_migration_says_of_older_programs_stands_in_the_database(store: Store, store_url: str) -> None:
    engine = create_engine(store_url)
    with engine.connect() as connection:
        assert connection.scalar(select(installation.c.oldest_schema)) == LAST_RELEASE
    engine.dispose()


def declare(url: str, revision: str, oldest: int | None) -> None:
    """Have the database say that it is of another version."""
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})
        connection.execute(update(installation).values(oldest_schema=oldest))
    engine.dispose()


def test_a_schema_from_before_the_first_release_is_refused_and_left_as_it_is(store: Store, store_url: str) -> None:
    declare(store_url, "0005", None)
    assert store.standing() is Standing.NOT_CURRENT
    with pytest.raises(StoreUnavailable) as refused:
        store.migrate()
    assert (str(refused.value), refused.value.refusal.cause) == ("store_too_old", Cause.TOO_OLD)
    assert store.revision() == "0005"


@pytest.fixture
def next_migration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """Have the program under test know one migration more, which changes `events` and `inbox`."""
    ours = Path(migrations.__file__).parent
    theirs = shutil.copytree(ours, tmp_path / "migrations", ignore=shutil.ignore_patterns("__pycache__"))
    before = migrations.head()
    revision = f"{int(before) + 1:04}"
    script = MIGRATION.format(revision=revision, before=before, oldest=int(before))
    (theirs / "versions" / f"{revision}_next.py").write_text(script, "utf-8")

    def know() -> None:
        config = Config()
        config.set_main_option("script_location", str(theirs))
        monkeypatch.setattr(migrations, "_config", lambda: config)
        migrations._newest.cache_clear()

    yield know
    monkeypatch.undo()
    migrations._newest.cache_clear()


def test_a_migration_that_waits_for_a_reader_lets_others_by(
    postgres: str, next_migration: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A table that is to change is barred to all who come after: webhooks would wait as long as a backup reads."""
    monkeypatch.setattr(migrations, "_TABLE_WAIT", "100ms")
    url = sqlalchemy_url(new_database(postgres))
    engine, store = create_engine(url), Store(url)
    store.migrate()
    next_migration()
    assert not store.is_current()
    migrating = threading.Thread(target=store.migrate)
    with engine.connect() as reader:
        reader.execute(select(events.c.id))
        migrating.start()
        wait_for_a_lock(engine, migrating)
        with engine.connect() as other:  # behind the migration, which gives way
            other.execute(text("SET statement_timeout = '20s'"))
            assert other.execute(select(events.c.id)).all() == []
        assert migrating.is_alive()
    migrating.join()
    assert store.is_current()
    store.close()
    engine.dispose()


def wait_for_a_lock(engine: Engine, migrating: threading.Thread) -> None:
    waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    with engine.connect() as connection:
        while not connection.scalar(waiting):
            assert migrating.is_alive()
            connection.rollback()
            time.sleep(0.01)


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
