"""The history of writes into calendars: a row for each write with its outcome, and counts."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select

from receiver.store import counters
from receiver.store.counters import Tally
from receiver.store.database.engine import chunks
from receiver.store.database.records import MailboxWork
from receiver.store.database.tables import events, writes

DONE = "done"
"""Outcome of a write that the server confirmed."""


@dataclass(frozen=True, slots=True)
class WriteRecord:
    """One write that was sent, and its outcome."""

    event_id: int
    verb: str
    outcome: str
    """`DONE`, or the code of the failure."""
    written_at: datetime
    """When the outcome was known."""


def record(connection: Connection, work: MailboxWork, written: Sequence[WriteRecord]) -> None:
    """Record writes into a leased mailbox, and count them. Their events must exist.

    To be called last in a transaction, as all workers of a calendar lock the rows of the counts.
    """
    if not written:
        return
    connection.execute(_INSERT, [_row(work.mailbox_id, each) for each in written])
    counts = Counter(Tally("write", work.mailbox.calendar, each.verb, each.outcome) for each in written)
    counters.add(connection, counts, max(each.written_at for each in written))


_INSERT = insert(writes)  # built once, as SQLAlchemy takes long for it


def _row(mailbox_id: int, each: WriteRecord) -> dict[str, object]:
    return {
        "event_id": each.event_id,
        "mailbox_id": mailbox_id,
        "verb": each.verb,
        "outcome": each.outcome,
        "written_at": each.written_at,
    }


def of_known_events(connection: Connection, written: Sequence[WriteRecord]) -> list[WriteRecord]:
    """Return the writes whose event still has a row."""
    if not written:
        return []
    named = chunks(sorted({each.event_id for each in written}))
    known = {
        number for chunk in named for number in connection.scalars(select(events.c.id).where(events.c.id.in_(chunk)))
    }
    return [each for each in written if each.event_id in known]
