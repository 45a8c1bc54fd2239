"""Schema migrations, run once, under a lock, by an explicit step. Expand first, contract a release later."""

import fcntl
import secrets
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, insert, select, text
from sqlalchemy.exc import DBAPIError

from receiver.store.engine import StoreUnavailable, reading, writing
from receiver.store.tables import installation

_ADVISORY_LOCK = 7_367_113  # any number, as long as every version uses the same


def upgrade(engine: Engine) -> None:
    """Bring the schema to this version's, then make sure that the installation has its name.

    Raises:
        StoreUnavailable: the database cannot be reached or written.

    """
    with _alone(engine):
        try:
            with engine.begin() as connection:
                config = _config()
                config.attributes["connection"] = connection
                command.upgrade(config, "head")
        except DBAPIError as error:
            raise StoreUnavailable(type(error.orig).__name__) from None
        _name_installation(engine)


def is_current(engine: Engine) -> bool:
    """Whether the database is at this version's schema. A database that was never migrated is not."""
    return revision(engine) == _head()


@cache
def _head() -> str | None:
    """Return this version's schema; asked often, and the scripts of a running program do not change."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def revision(engine: Engine) -> str | None:
    """Return the database's schema by its number; None: it was never migrated."""
    with reading(engine) as connection:
        # Alembic makes a new statement each time, which would fill the cache of compiled ones and never be found there.
        connection.execution_options(compiled_cache=None)
        return MigrationContext.configure(connection).get_current_revision()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    return config


@contextmanager
def _alone(engine: Engine) -> Iterator[None]:
    """Let one process migrate at a time: a lock file beside SQLite's, an advisory lock in PostgreSQL."""
    if engine.dialect.name == "sqlite":
        with _lock_file(engine):
            yield
        return
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _ADVISORY_LOCK})
            yield
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _ADVISORY_LOCK})
    except DBAPIError as error:
        raise StoreUnavailable(type(error.orig).__name__) from None


@contextmanager
def _lock_file(engine: Engine) -> Iterator[None]:
    try:
        path = Path(f"{engine.url.database}.migrate.lock")
        path.touch(0o600)
        with path.open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
    except OSError as error:
        raise StoreUnavailable(type(error).__name__) from None


def _name_installation(engine: Engine) -> None:
    with writing(engine) as connection:
        if connection.execute(select(installation.c.id)).first() is None:
            named = {"id": str(uuid.uuid4()), "digest_key": secrets.token_bytes(32)}
            new = named | {"created_at": datetime.now(UTC), "must_adopt": False}
            connection.execute(insert(installation).values(new))
