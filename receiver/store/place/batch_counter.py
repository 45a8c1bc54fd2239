"""Counts the batches of work in the store, so that a store that is older than its marker is detected.

Whatever is sent to a calendar is counted before: in the transaction that claims it, then in the marker.
"""

from datetime import datetime

from sqlalchemy import Connection, delete, select, update

from receiver.store import counters
from receiver.store.database.errors import ANOTHER, EMPTIED, StoreBehind, StoreVanished
from receiver.store.database.tables import figures, installation
from receiver.store.place.marker import Mark

BEHIND = "store_behind"
"""Name of the figure that says since when the store is known to be an older copy."""
LEAP = 1_000_000_000
"""The counter grows by this after calendars were read back, beyond the marker of every host: none needs a message."""


def identity(connection: Connection) -> str | None:
    """Return the installation's name; None: the store names none."""
    name: str | None = connection.scalar(select(installation.c.id))
    return name


def marked(connection: Connection) -> Mark:
    """Return what a marker would say of the store as it is.

    Raises:
        StoreVanished: it names no installation.

    """
    row = connection.execute(select(installation.c.id, installation.c.counter)).first()
    if row is None:
        raise StoreVanished(EMPTIED)
    return Mark(row.id, row.counter)


def advance(connection: Connection, expected: str | None, before: Mark | None) -> Mark:
    """Count one batch; to be called last in a transaction, as all workers meet at this row.

    Args:
        connection: a write transaction.
        expected: the installation whose store it must be; None: nobody knows.
        before: what the marker said before the transaction began.

    Raises:
        StoreVanished: it is another installation's store.
        StoreBehind: it has counted less than its marker.

    """
    connection.execute(update(installation).values(counter=installation.c.counter + 1))
    mark = marked(connection)
    if expected is not None and mark.installation != expected:
        raise StoreVanished(ANOTHER)
    if before is not None and before.installation == mark.installation and mark.counter <= before.counter:
        raise StoreBehind(BEHIND)
    return mark


def hold(connection: Connection, mark: Mark, now: datetime) -> bool:
    """Have nothing written before calendars were read, if the store has counted less than a marker; return whether.

    Args:
        connection: a write transaction.
        mark: what the marker said before the store was looked at.
        now: the moment.

    """
    row = connection.execute(select(installation.c.id, installation.c.counter, installation.c.must_adopt)).one()
    if row.id != mark.installation or row.counter >= mark.counter:
        return False
    connection.execute(update(installation).values(counter=mark.counter, must_adopt=True))
    if not row.must_adopt:  # a copy by `backup` says itself what it is
        counters.note(connection, {BEHIND: 1}, now)
    return True


def go_far_ahead(connection: Connection) -> None:
    """Raise the counter beyond every marker: the store knows what the calendars hold."""
    connection.execute(delete(figures).where(figures.c.name == BEHIND))
    must = installation.c.must_adopt
    connection.execute(update(installation).where(must).values(counter=installation.c.counter + LEAP))
