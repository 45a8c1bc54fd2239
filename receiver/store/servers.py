"""Calendar servers as rows: what every worker process knows of them, and who may probe one in trouble."""

from collections.abc import Callable
from dataclasses import asdict, fields
from datetime import datetime, timedelta

from sqlalchemy import Connection, RowMapping, insert, or_, select, update

from receiver.core.servers import Server, introduced
from receiver.store import failing
from receiver.store.failing import Chosen
from receiver.store.tables import servers

Change = Callable[[Server], Server]

_COLUMNS = tuple(servers.c[field.name] for field in fields(Server))


def read(connection: Connection, name: str) -> Server | None:
    """Return a server; None: no worker has met it."""
    row = connection.execute(select(*_COLUMNS).where(servers.c.name == name)).mappings().first()
    return _server(row) if row else None


def read_all(connection: Connection) -> list[Server]:
    """Return every server that a worker has met, by name."""
    return [_server(row) for row in connection.execute(select(*_COLUMNS).order_by(servers.c.name)).mappings()]


def change(connection: Connection, name: str, change_it: Change) -> Server:
    """Change a server as it stands now, making its row if need be; return it."""
    mine = servers.c.name == name
    row = connection.execute(select(*_COLUMNS).where(mine).with_for_update()).mappings().first()
    before = _server(row) if row else Server(name)
    after = change_it(before)
    if row is None:
        connection.execute(insert(servers).values(asdict(after)))
    elif after != before:
        connection.execute(update(servers).where(mine).values(asdict(after)))
    return after


def introduce(connection: Connection, name: str, credentials: str, now: datetime) -> Server:
    """Note what a process that starts will use; its mailboxes, too, are tried at once where that is something else."""
    before = read(connection, name)
    if before is not None and before.credentials != credentials:
        failing.retry_mailboxes(connection, Chosen(calendar=name))
    return change(connection, name, lambda server: introduced(server, credentials, now))


def claim_probe(connection: Connection, name: str, probe: str, now: datetime, lease: timedelta) -> bool:
    """Let one caller alone ask something of a server; return whether it is this one."""
    free = or_(servers.c.probe_until.is_(None), servers.c.probe_until <= now)
    open_again = or_(servers.c.blocked_until.is_(None), servers.c.blocked_until <= now)
    claimed = connection.execute(
        update(servers).where(servers.c.name == name, free, open_again).values(probe=probe, probe_until=now + lease)
    )
    return claimed.rowcount == 1


def _server(row: RowMapping) -> Server:
    return Server(**row)
