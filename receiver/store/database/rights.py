"""What our account may do in the database. A web host's may be one that only appends."""

from sqlalchemy import Connection, text

_MAY_JUDGE = text("SELECT has_table_privilege('inbox', 'DELETE') AND has_table_privilege('events', 'SELECT')")
_MAY_APPEND = text("SELECT has_table_privilege('inbox', 'INSERT')")
_LIMIT = text("SET LOCAL lock_timeout = '2s'")  # shorter than a statement may take: who asks is told what is wrong
_LOCK = text("LOCK TABLE inbox IN ROW EXCLUSIVE MODE")
"""As an INSERT does; it holds up nobody else who inserts."""


def may_append(connection: Connection) -> bool:
    """Whether webhooks may be put down. Asked, as below.

    Raises:
        DBAPIError: the table is locked by somebody else.

    """
    if connection.dialect.name == "sqlite":
        return True
    if not connection.scalar(_MAY_APPEND):
        return False
    connection.execute(_LIMIT)
    connection.execute(_LOCK)
    return True


def only_appends(connection: Connection) -> bool:
    """Whether the account is that of a host which only takes webhooks in (deploy/postgresql/serve.sql)."""
    return not may_judge(connection) and may_append(connection)


def may_judge(connection: Connection) -> bool:
    """Whether more is allowed than to put webhooks down. Asked, not tried: a refusal would fill the server's log."""
    return connection.dialect.name == "sqlite" or bool(connection.scalar(_MAY_JUDGE))
