"""The installation's own row: its name, and whether anything may be written into calendars."""

from datetime import datetime

from sqlalchemy import Connection, select, update

from receiver.store.database.records import Installation
from receiver.store.database.tables import events, installation
from receiver.store.place import batch_counter


def read(connection: Connection) -> Installation:
    """Return which installation this is, and whether it may write."""
    row = connection.execute(select(installation)).one()
    return Installation(row.id, row.digest_key, row.must_adopt, row.uninstalled_at, row.counter)


def calendars_were_read(connection: Connection) -> None:
    """Allow writing into calendars."""
    batch_counter.go_far_ahead(connection)
    connection.execute(update(installation).values(must_adopt=False))


def begin_uninstalling(connection: Connection, now: datetime) -> None:
    """Stop all writing into calendars; a repeated call keeps the first moment."""
    here = installation.c.uninstalled_at.is_(None)
    connection.execute(update(installation).where(here).values(uninstalled_at=now))


def undo_uninstalling(connection: Connection, now: datetime) -> None:
    """Allow writing again; every live event is settled again."""
    connection.execute(update(installation).values(uninstalled_at=None))
    connection.execute(update(events).where(events.c.facts.is_not(None)).values(unsettled_at=now))
