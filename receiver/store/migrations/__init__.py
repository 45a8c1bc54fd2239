"""Schema migrations, run once, under a lock, by an explicit step. Expand first, contract a release later.

A migration names the oldest schema whose programs work with its result (`oldest_schema`), and the database stores that.
So old and new programs can run side by side for a release, and an old program detects when it is too old.
"""

import fcntl
import secrets
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, insert, select, text, update

from receiver.store.database import files, presence
from receiver.store.database.causes import Cause, Refusal
from receiver.store.database.engine import presence_of, reading, unavailable, writing
from receiver.store.database.errors import EMPTIED, Conflict, StoreUnavailable, StoreVanished
from receiver.store.database.sqlite_lock import MIGRATION_SUFFIX, make_private
from receiver.store.database.tables import installation
from receiver.store.place import integrity, ownership

_ADVISORY_LOCK = 7_367_113  # any number, but the same in every version
_TABLE_WAIT = "2s"
"""A change to a table waits for its readers, and later queries, webhooks too, wait behind it. So it gives up soon, and
is retried until the readers (a backup, a slow page) are done."""
_TRIES = 20
_PAUSE_S = 1.0


class Standing(StrEnum):
    """Whether this program can use a database, by the schema."""

    CURRENT = "current"
    NEWER = "newer"
    """A newer program migrated it, and this one can still work with it."""
    NOT_CURRENT = "store_not_current"
    """It was never migrated, or an older program migrated it."""
    TOO_NEW = "store_too_new"
    """A newer program migrated it, and this one would read or write it wrongly."""

    @property
    def usable(self) -> bool:
        """Whether this program may read and write."""
        return self in {Standing.CURRENT, Standing.NEWER}


def upgrade(engine: Engine, *, may_create: bool = True) -> Standing:
    """Migrate an older schema to this version's, and create the installation; leave a newer schema unchanged.

    Args:
        engine: the database.
        may_create: whether a missing or empty database is to be created.

    Raises:
        StoreUnavailable: the database cannot be reached or written, is damaged, is another program's, is older than the
            first schema, or lacks a table or a right.
        StoreVanished: it is missing or empty and should not be; nothing was created.

    """
    for _ in range(_TRIES):
        try:
            return _upgrade(engine, may_create)
        except StoreUnavailable as error:
            if not isinstance(error, Conflict) and str(error) != "LockNotAvailable":
                raise
            time.sleep(_PAUSE_S)
    return _upgrade(engine, may_create)


def _upgrade(engine: Engine, may_create: bool) -> Standing:
    file = presence_of(engine)
    if file is not None and not file.is_missing():
        standing(engine)  # no lock file is created beside another program's database
    with _alone(engine, may_create) as connection:
        if _standing(connection) is Standing.NOT_CURRENT:
            found = _revision(connection)
            if not may_create and found is None:
                raise StoreVanished(EMPTIED)
            if found is not None and int(found) < _first():
                raise StoreUnavailable(Cause.TOO_OLD, Refusal(Cause.TOO_OLD))
            integrity.check(connection)
            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            _name_installation(connection)
            connection.execute(update(installation).values(oldest_schema=_oldest()))
        found_now = _standing(connection)
        if found_now.usable:
            integrity.check_tables(connection)
        return found_now


def standing(engine: Engine) -> Standing:
    """Return whether this program can use the database.

    Raises:
        StoreUnavailable: the database cannot be read, or is another program's.

    """
    with reading(engine) as connection:
        return _standing(connection)


def is_empty(engine: Engine) -> bool:
    """Whether the database has no table, ours or another program's."""
    with reading(engine) as connection:
        return not ownership.tables(connection)


def is_current(engine: Engine) -> bool:
    """Whether the database has exactly this version's schema, so that a copy of our tables is complete."""
    return standing(engine) is Standing.CURRENT


def revision(engine: Engine) -> str | None:
    """Return the number of the database's schema; None: it was never migrated."""
    with reading(engine) as connection:
        return _revision(connection)


def _standing(connection: Connection) -> Standing:
    found, ours = int(ownership.check(connection) or 0), int(head())
    if found == ours:
        return Standing.CURRENT
    if found == 0:
        ownership.refuse_other_encodings(connection)
    if found < ours:
        return Standing.NOT_CURRENT
    oldest = connection.scalar(select(installation.c.oldest_schema))
    return Standing.NEWER if oldest is not None and oldest <= ours else Standing.TOO_NEW


def _revision(connection: Connection) -> str | None:
    # Alembic makes a new statement each time, which would fill the cache of compiled statements without a hit.
    connection.execution_options(compiled_cache=None)
    return MigrationContext.configure(connection).get_current_revision()


def head() -> str:
    """Return the number of this version's schema."""
    return _newest()[0]


def _oldest() -> int:
    """Return the oldest schema whose programs work with ours."""
    return _newest()[1]


@cache
def _first() -> int:
    """Return the oldest schema that can be migrated."""
    return int(ScriptDirectory.from_config(_config()).get_base() or 0)


@cache
def _newest() -> tuple[str, int]:
    """Return the last migration's number and its `oldest_schema`; the scripts of a running program do not change."""
    scripts = ScriptDirectory.from_config(_config())
    script = scripts.get_revision(scripts.get_current_head() or "")
    return script.revision, script.module.oldest_schema


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    return config


@contextmanager
def _alone(engine: Engine, may_create: bool) -> Iterator[Connection]:
    """Yield a transaction while no other process migrates; the migration is atomic."""
    if file := presence_of(engine):
        if not may_create or file.was_there:
            file.confirm()
        with _lock_file(engine, file, may_create), writing(engine) as connection:
            yield connection
        return
    with writing(engine) as connection:
        connection.execute(text("SET LOCAL lock_timeout = 0"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
        connection.execute(text(f"SET LOCAL lock_timeout = '{_TABLE_WAIT}'"))
        yield connection


@contextmanager
def _lock_file(engine: Engine, file: presence.Presence, may_create: bool) -> Iterator[None]:
    try:
        path = Path(f"{file.path}{MIGRATION_SUFFIX}")
        if found := files.not_a_file(path):  # opening a pipe would block
            raise StoreUnavailable(found.cause, found)
        with suppress(FileExistsError):
            make_private(path)
        with path.open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if may_create:
                make_file(engine)
            yield
    except OSError as error:
        raise unavailable(error, engine) from None


def make_file(engine: Engine) -> None:
    """Create the empty file of a new database, if the database is a file.

    Raises:
        StoreUnavailable: it cannot be created.

    """
    file = presence_of(engine)
    if file is None or file.was_there:
        return
    try:
        presence.make(file.path)
    except OSError as error:
        raise StoreUnavailable(type(error).__name__) from None


def _name_installation(connection: Connection) -> None:
    if connection.execute(select(installation.c.id)).first() is None:
        named = {"id": str(uuid.uuid4()), "digest_key": secrets.token_bytes(32)}
        new = named | {"created_at": datetime.now(UTC), "must_adopt": False}
        connection.execute(insert(installation).values(new))
