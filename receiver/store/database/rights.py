"""The rights of our account in the database. A web host's account may only append."""

from sqlalchemy import Connection, text

_MAY_JUDGE = text("SELECT has_table_privilege('inbox', 'DELETE') AND has_table_privilege('events', 'SELECT')")
_MAY_APPEND = text("SELECT has_table_privilege('inbox', 'INSERT')")
_LIMIT = text("SET LOCAL lock_timeout = '2s'")  # shorter than a statement may take: the caller gets this error
_LOCK = text("LOCK TABLE inbox IN ROW EXCLUSIVE MODE")
"""The lock of an INSERT; it does not block other inserts."""


def may_append(connection: Connection) -> bool:
    """Whether webhooks may be appended, as the database says.

    Raises:
        DBAPIError: another transaction has locked the table.

    """
    if connection.dialect.name == "sqlite":
        return True
    if not connection.scalar(_MAY_APPEND):
        return False
    connection.execute(_LIMIT)
    connection.execute(_LOCK)
    return True


def only_appends(connection: Connection) -> bool:
    """Whether the account may only append webhooks (deploy/postgresql/serve.sql)."""
    return not may_judge(connection) and may_append(connection)


def may_judge(connection: Connection) -> bool:
    """Whether more than appending is allowed. This asks the database: failed attempts would fill the server's log."""
    return connection.dialect.name == "sqlite" or bool(connection.scalar(_MAY_JUDGE))
