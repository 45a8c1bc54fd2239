"""Counts the batches of work in the store, so that a store that is older than its marker is detected.

Each batch is counted before anything is sent to a calendar: in the transaction that claims it, then in the marker.
"""

from datetime import datetime

from sqlalchemy import Connection, delete, select, update

from receiver.store import counters
from receiver.store.database.errors import ANOTHER, EMPTIED, StoreBehind, StoreVanished
from receiver.store.database.tables import figures, installation
from receiver.store.place.marker import Mark

BEHIND = "store_behind"
"""Name of the figure for the moment since when the store is known to be an older copy."""
LEAP = 1_000_000_000
"""After calendars were read back, the counter grows by this, beyond the marker of every host."""


def identity(connection: Connection) -> str | None:
    """Return the installation's id; None: the store has none."""
    name: str | None = connection.scalar(select(installation.c.id))
    return name


def marked(connection: Connection) -> Mark:
    """Return the marker that belongs to the store in its present state.

    Raises:
        StoreVanished: it has no installation.

    """
    row = connection.execute(select(installation.c.id, installation.c.counter)).first()
    if row is None:
        raise StoreVanished(EMPTIED)
    return Mark(row.id, row.counter)


def advance(connection: Connection, expected: str | None, before: Mark | None) -> Mark:
    """Count one batch. To be called last in a transaction, as all workers lock this row.

    Args:
        connection: a write transaction.
        expected: the installation whose store it must be; None: unknown.
        before: the marker before the transaction began.

    Raises:
        StoreVanished: it is another installation's store.
        StoreBehind: its counter is behind its marker.

    """
    connection.execute(update(installation).values(counter=installation.c.counter + 1))
    mark = marked(connection)
    if expected is not None and mark.installation != expected:
        raise StoreVanished(ANOTHER)
    if before is not None and before.installation == mark.installation and mark.counter <= before.counter:
        raise StoreBehind(BEHIND)
    return mark


def hold(connection: Connection, mark: Mark, now: datetime) -> bool:
    """If the store's counter is behind a marker, forbid writing until calendars were read; return whether it is.

    Args:
        connection: a write transaction.
        mark: the marker, read before the store.
        now: the moment.

    """
    row = connection.execute(select(installation.c.id, installation.c.counter, installation.c.must_adopt)).one()
    if row.id != mark.installation or row.counter >= mark.counter:
        return False
    connection.execute(update(installation).values(counter=mark.counter, must_adopt=True))
    if not row.must_adopt:  # a copy by `backup` is marked already
        counters.note(connection, {BEHIND: 1}, now)
    return True


def go_far_ahead(connection: Connection) -> None:
    """Raise the counter beyond every marker: the store knows what the calendars hold."""
    connection.execute(delete(figures).where(figures.c.name == BEHIND))
    must = installation.c.must_adopt
    connection.execute(update(installation).where(must).values(counter=installation.c.counter + LEAP))
