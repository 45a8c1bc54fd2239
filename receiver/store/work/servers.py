"""Calendar servers as rows: their state for all worker processes, and which process may probe one in trouble."""

from collections.abc import Callable
from dataclasses import asdict, fields
from datetime import datetime, timedelta

from sqlalchemy import Connection, RowMapping, and_, insert, or_, select, update

from receiver.core.backoff import LONGEST_PAUSE
from receiver.core.servers import ServerState, configured
from receiver.store.database.tables import mailboxes, servers
from receiver.store.work import leases

Change = Callable[[ServerState], ServerState]

_COLUMNS = tuple(servers.c[field.name] for field in fields(ServerState))


def find(connection: Connection, name: str) -> ServerState | None:
    """Return a server; None: no worker has used it yet."""
    row = connection.execute(select(*_COLUMNS).where(servers.c.name == name)).mappings().first()
    return _server(row) if row else None


def listed(connection: Connection) -> list[ServerState]:
    """Return every server that a worker has used, by name."""
    return [_server(row) for row in connection.execute(select(*_COLUMNS).order_by(servers.c.name)).mappings()]


def change(connection: Connection, name: str, change_it: Change) -> ServerState:
    """Change a server's present state, and create its row if needed; return it."""
    mine = servers.c.name == name
    row = connection.execute(select(*_COLUMNS).where(mine).with_for_update(key_share=True)).mappings().first()
    before = _server(row) if row else ServerState(name)
    after = change_it(before)
    if row is None:
        connection.execute(insert(servers).values(asdict(after)))
    elif after != before:
        connection.execute(update(servers).where(mine).values(asdict(after)))
    return after


def register(connection: Connection, name: str, credentials: str, now: datetime) -> ServerState:
    """Note the credentials of a process that starts. If they are new, the server's mailboxes are tried at once too."""
    before = find(connection, name)
    if before is not None and before.credentials != credentials:
        leases.end_waits(connection, and_(mailboxes.c.failure.is_not(None), mailboxes.c.calendar == name))
    return change(connection, name, lambda server: configured(server, credentials, now))


def claim_probe(connection: Connection, name: str, probe: str, now: datetime, lease: timedelta) -> bool:
    """Let a single caller probe a server; return whether it is this one."""
    until = servers.c.probe_until
    free = or_(until.is_(None), until <= now, until > now + LONGEST_PAUSE)
    blocked_until = servers.c.blocked_until
    open_again = or_(blocked_until.is_(None), blocked_until <= now, blocked_until > now + LONGEST_PAUSE)
    claimed = connection.execute(
        update(servers).where(servers.c.name == name, free, open_again).values(probe=probe, probe_until=now + lease)
    )
    return claimed.rowcount == 1


def _server(row: RowMapping) -> ServerState:
    return ServerState(**row)
