"""What our account may do in the database. A web host's may be one that only appends."""

from sqlalchemy import Connection, text

_MAY_JUDGE = text("SELECT has_table_privilege('inbox', 'DELETE') AND has_table_privilege('events', 'SELECT')")
_MAY_APPEND = text("SELECT has_table_privilege('inbox', 'INSERT')")


def may_append(connection: Connection) -> bool:
    """Whether webhooks may be put down. Asked, as below."""
    return connection.dialect.name == "sqlite" or bool(connection.scalar(_MAY_APPEND))


def may_judge(connection: Connection) -> bool:
    """Whether more is allowed than to put webhooks down. Asked, not tried: a refusal would fill the server's log."""
    return connection.dialect.name == "sqlite" or bool(connection.scalar(_MAY_JUDGE))
