"""The schema: one history for both databases, safe to run from several processes at once."""

import threading
import time
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, create_engine, select, text, update

from receiver.store import Standing, Store, StoreUnavailable, migrations
from receiver.store.database.tables import installation, mailboxes, metadata
from receiver.store.reports import overview
from tests.databases import new_database, sqlalchemy_url

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


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_mailboxes_that_were_written_into_before_anybody_asked_count_as_met(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """What is only wished for was never written."""
    if kind == "sqlite":
        url = f"sqlite:///{tmp_path / 'store.db'}"
    else:
        url = sqlalchemy_url(new_database(request.getfixturevalue("postgres")))
    engine, store = create_engine(url), Store(url)
    with engine.begin() as connection:
        config = migrations._config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0004")
    marks = {
        "wished": {},
        "applied": {"applied": "'d'"},
        "in doubt": {"look_up_at": "CURRENT_TIMESTAMP"},
        "to be looked up again": {"recheck_at": "CURRENT_TIMESTAMP"},
    }
    with engine.begin() as connection:
        connection.execute(text(_EVENT))
        for number, (address, columns) in enumerate(marks.items(), 1):
            connection.execute(text(_MAILBOX), {"number": number, "address": address})
            names, values = "".join(f", {each}" for each in columns), "".join(f", {each}" for each in columns.values())
            connection.execute(text(_PLACEMENT.format(names=names, values=values)), {"number": number})
        connection.execute(text(_MAILBOX), {"number": 8, "address": "never used"})
        connection.execute(text(_MAILBOX), {"number": 9, "address": "emptied since"})
        connection.execute(text("UPDATE mailboxes SET succeeded_at = CURRENT_TIMESTAMP WHERE id = 9"))
    store.migrate()
    with engine.connect() as connection:
        met = {row.address: row.met_at is not None for row in connection.execute(select(mailboxes))}
    assert met == {address: address != "wished" for address in marks} | {"never used": False, "emptied since": True}
    assert [each.address for each in store.read(overview.mailbox_page, "", 9, failing=False)]
    store.close()
    engine.dispose()


_EVENT = """
    INSERT INTO events (id, uid, platform, model, emitter, source, kind, state_at, purged, ambiguous, delivery,
        changed_at, unmapped)
    VALUES (1, 'Rdv/1@p', 'p', 'Rdv', 'rdv_service_public', 'mds', 'created', CURRENT_TIMESTAMP, false, false, 'x',
        CURRENT_TIMESTAMP, 0)
"""
_MAILBOX = "INSERT INTO mailboxes (id, calendar, address, attempts) VALUES (:number, 'exchange', :address, 0)"
_PLACEMENT = """
    INSERT INTO placements (event_id, mailbox_id, desired, open_creates, attempts, not_before, gave_up, declined{names})
    VALUES (1, :number, 'd', 0, 0, CURRENT_TIMESTAMP, false, false{values})
"""


def test_a_migration_that_waits_for_a_reader_lets_others_by(postgres: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A table that is to change is barred to all who come after: webhooks would wait as long as a backup reads."""
    monkeypatch.setattr(migrations, "_TABLE_WAIT", "100ms")
    url = sqlalchemy_url(new_database(postgres))
    engine, store = create_engine(url), Store(url)
    with engine.begin() as connection:
        config = migrations._config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")
    migrating = threading.Thread(target=store.migrate)
    with engine.connect() as reader:
        reader.execute(select(installation.c.id))
        migrating.start()
        wait_for_a_lock(engine, migrating)
        with engine.connect() as other:  # behind the migration, which gives way
            other.execute(text("SET statement_timeout = '20s'"))
            assert other.execute(select(installation.c.id)).all() == []
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
