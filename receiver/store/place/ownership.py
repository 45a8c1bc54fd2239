"""Whether a database is ours, empty, or another program's. Nothing is written into another program's."""

import re

from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, text

from receiver.store.database.causes import Cause, Refusal
from receiver.store.database.engine import OURS_BEYOND_DOUBT
from receiver.store.database.errors import StoreUnavailable
from receiver.store.database.tables import metadata

_VERSIONS = "alembic_version"
"""Many programs have a table of this name."""
_MARKS = {"id", "digest_key"}
"""Columns of `installation`, which every schema of ours has."""
_NUMBER = re.compile(r"[0-9]{4}", re.ASCII)

_INSTALLATION = {
    "sqlite": text("SELECT name FROM pragma_table_info('installation')"),
    "postgresql": text(
        "SELECT attname FROM pg_attribute "
        "WHERE attrelid = to_regclass('installation') AND attnum > 0 AND NOT attisdropped"
    ),
}
_VISIBLE = {
    "sqlite": text(
        "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite~_%' ESCAPE '~'"
    ),
    # The schemas in which we would create our tables; tables of extensions do not count.
    "postgresql": text(
        "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p', 'f', 'v', 'm') AND relnamespace IN ("
        "SELECT oid FROM pg_namespace WHERE nspname = ANY (current_schemas(false))) AND NOT EXISTS ("
        "SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid AND deptype = 'e')"
    ),
}

_USABLE = text(
    "SELECT bool_and(found IS NOT NULL), coalesce(bool_and("
    "has_table_privilege(found, 'SELECT') AND has_table_privilege(found, 'INSERT') AND "
    "has_table_privilege(found, 'UPDATE') AND has_table_privilege(found, 'DELETE')), false) "
    "FROM unnest(CAST(:names AS text[])) AS name, to_regclass(name) AS found"
)


def check(connection: Connection) -> str | None:
    """Check that a database is ours or empty; return the number of its schema, None: it has none.

    Raises:
        StoreUnavailable: it is another program's, or some of our tables are missing.

    """
    columns = set(connection.scalars(_INSTALLATION[connection.dialect.name]))
    revisions = _revisions(connection)
    numbered = all(_NUMBER.fullmatch(each) for each in revisions)
    if columns >= _MARKS:
        if len(revisions) == 1 and numbered:
            return revisions[0]
        cause = Cause.INCOMPLETE if numbered else Cause.FOREIGN
    else:
        there = tables(connection)
        if not there and not revisions:
            return None
        ours = there >= OURS_BEYOND_DOUBT or (not there and numbered)
        cause = Cause.INCOMPLETE if ours else Cause.FOREIGN
    raise StoreUnavailable(cause, Refusal(cause))


def check_tables(connection: Connection) -> None:
    """Check that each of our tables is there, and that our account may use it.

    Raises:
        StoreUnavailable: one is missing, or a right to it.

    """
    names = sorted(metadata.tables)
    if connection.dialect.name == "sqlite":
        cause = None if tables(connection).issuperset(names) else Cause.INCOMPLETE
    else:
        are_there, are_usable = connection.execute(_USABLE, {"names": names}).one()
        cause = None if are_usable else Cause.RIGHTS_MISSING
        cause = cause if are_there else Cause.INCOMPLETE
    if cause is not None:
        raise StoreUnavailable(cause, Refusal(cause))


def refuse_other_encodings(connection: Connection) -> None:
    """Refuse an encoding that cannot hold every text. An existing store is still used; `check` reports it.

    Raises:
        StoreUnavailable: the database has such an encoding.

    """
    if connection.dialect.name == "postgresql" and connection.scalar(text("SHOW server_encoding")) != "UTF8":
        raise StoreUnavailable(Cause.WRONG_ENCODING, Refusal(Cause.WRONG_ENCODING))


def tables(connection: Connection) -> set[str]:
    """Return the tables and views in our schemas, without the one that holds the schema's number."""
    return set(connection.scalars(_VISIBLE[connection.dialect.name])) - {_VERSIONS}


def _revisions(connection: Connection) -> tuple[str, ...]:
    connection.execution_options(compiled_cache=None)  # as `migrations` says
    return MigrationContext.configure(connection).get_current_heads()
