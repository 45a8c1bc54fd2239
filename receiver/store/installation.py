"""The installation's own row: its name, and whether anything may be written into calendars."""

from datetime import datetime

from sqlalchemy import Connection, select, update

from receiver.store import counters
from receiver.store.database.records import Installation
from receiver.store.database.tables import events, installation, placements
from receiver.store.place import batch_counter
from receiver.store.work.found_entries import TAKEN_OVER
from receiver.store.work.placements import may_be_there

"""Name of the figure that says that the record was lost once, and when a new one took the installation's name."""


def read(connection: Connection) -> Installation:
    """Return which installation this is, and whether it may write."""
    row = connection.execute(select(installation)).one()
    return Installation(row.id, row.digest_key, row.must_adopt, row.uninstalled_at, row.counter)


def take(connection: Connection, name: str, now: datetime) -> bool:
    """Take the name of an installation whose record was lost; return whether it could: no entry bears the present name.

    Nothing is written before the calendars have been read.
    """
    if connection.execute(select(placements.c.id).where(may_be_there()).limit(1)).first() is not None:
        return False
    connection.execute(update(installation).values(id=name, must_adopt=True, uninstalled_at=None))
    counters.note(connection, {TAKEN_OVER: 1}, now)
    connection.execute(update(events).values(unsettled_at=now))
    return True


def calendars_were_read(connection: Connection) -> None:
    """Allow writing into calendars."""
    batch_counter.go_far_ahead(connection)
    connection.execute(update(installation).values(must_adopt=False))


def begin_uninstalling(connection: Connection, now: datetime) -> None:
    """Stop all writing into calendars; a repeated call keeps the first moment."""
    here = installation.c.uninstalled_at.is_(None)
    connection.execute(update(installation).where(here).values(uninstalled_at=now))


def undo_uninstalling(connection: Connection, now: datetime) -> None:
    """Allow writing again; every live event is settled anew."""
    connection.execute(update(installation).values(uninstalled_at=None))
    connection.execute(update(events).where(events.c.facts.is_not(None)).values(unsettled_at=now))
