"""The store: the one object through which the receiver reads and writes the database.

`read` and `write` run functions of `receiver.store` in a transaction. Methods exist for what needs more than that:
state of this process (what is next, the batch that is being appended), the marker beside the database, or several
transactions in a fixed order.

A transaction covers a batch: `keep` appends all webhooks that arrive together, `judge` judges many of them, `claim`
hands out many changes, `advance` records many outcomes.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection, func, select

from receiver.core.plan import Placement
from receiver.store import installation, migrations, recognition
from receiver.store.database.engine import (
    CONFLICT_RETRIES,
    close_engine,
    into_one_file,
    open_engine,
    reading,
    rehearsed,
    write_lock,
    writing,
)
from receiver.store.database.errors import Conflict, MarkerUnusable, StoreUnavailable
from receiver.store.database.records import Incoming, Installation, MailboxWork, Trouble
from receiver.store.fairness import Rota
from receiver.store.intake import inbox
from receiver.store.intake.append import Appender
from receiver.store.intake.group_commit import Grouped
from receiver.store.intake.inbox import Judged
from receiver.store.migrations import Standing
from receiver.store.place import batch_counter, integrity
from receiver.store.place.marker import UNWRITABLE, Mark, Marker
from receiver.store.tools import backup, erasure
from receiver.store.tools.backup import Watch
from receiver.store.work import found_entries, leases, settling, write_history
from receiver.store.work.wakeup import Wakeup
from receiver.store.work.write_history import WriteRecord

T = TypeVar("T")
P = ParamSpec("P")

INTAKE_BATCH = 100
"""The most webhooks that share a transaction: enough for one to cost little, few enough for none to wait long."""


def _ignored(_uid: str) -> None:
    pass


class Store:
    """Facts, placements and the journal, on SQLite or PostgreSQL. Safe to use from several threads."""

    def __init__(self, url: str, timeout_s: float | None = None, marker: Marker | None = None) -> None:
        """Create it. Connections are opened when needed, and only `migrate` and `recover` create a database.

        Args:
            url: where.
            timeout_s: time limit of a query; None: no limit.
            marker: the marker of the installation and its counter; None: kept in this process only.

        """
        self._engine = open_engine(url, timeout_s)
        self._marker = marker or Marker()
        self._last_seen: str | None = None
        """The installation that was last found in the database."""
        self._appender = Appender(self._engine)
        self._judging, self._settling, self._claiming = Rota(), Rota(), leases.Rotas(Rota)
        self._intake = Grouped(self._append, INTAKE_BATCH, StoreUnavailable, lambda: write_lock(self._engine))

    def close(self) -> None:
        """Close all connections."""
        self._appender.close()
        close_engine(self._engine)

    # Transactions

    def read(self, query: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a function of `receiver.store` in a transaction that blocks no writer; return its result.

        Raises:
            StoreUnavailable: the database cannot be read now.

        """
        with reading(self._engine) as connection:
            return query(connection, *args, **kwargs)

    def write(self, change: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a function of `receiver.store` in a transaction that is on disk when this returns; return its result.

        The function may run several times: where another host changed the same rows, a run is rolled back and repeated.

        Raises:
            StoreUnavailable: the database cannot be written now; nothing was changed.

        """
        for _ in range(CONFLICT_RETRIES):
            try:
                with writing(self._engine) as connection:
                    return change(connection, *args, **kwargs)
            except Conflict:
                continue
        with writing(self._engine) as connection:
            return change(connection, *args, **kwargs)

    def rehearse(self, change: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a function as `write` does and roll it back; return what `write` would have returned."""
        return self.write(lambda connection: rehearsed(connection, lambda _: change(connection, *args, **kwargs)))

    def now(self) -> datetime:
        """Return the database's clock, which all hosts share."""
        if self._engine.dialect.name == "sqlite":
            return datetime.now(UTC)
        with reading(self._engine) as connection:
            moment: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
            return moment.astimezone(UTC)

    # The database and its schema

    def migrate(self) -> Standing:
        """Migrate an older schema, once, even if other processes try at the same time; leave a newer one unchanged.

        A missing database is created, unless the marker or the configuration names an installation.

        Raises:
            StoreVanished: that installation's database is missing, or the marker cannot be read; nothing was created.
            StoreUnavailable: it cannot be reached or written.

        """
        expected, is_known = self._expected()
        recognition.take_up(self._engine, self._last_seen)
        recognition.recognise(self._engine, expected)
        found = migrations.upgrade(self._engine, may_create=is_known and expected is None)
        if found.usable:
            with suppress(MarkerUnusable):  # then nothing is written into calendars, and webhooks are kept
                self._mark()
        return found

    def standing(self) -> Standing:
        """Return whether this version can use the schema. Switches to a file that was put back.

        Raises:
            StoreVanished: the database that is known is not there.
            StoreUnavailable: it cannot be read.

        """
        recognition.take_up(self._engine, self._last_seen)
        found = recognition.standing(self._engine, self._expected()[0])
        if found.usable and self._last_seen is None:
            self.installation()
        return found

    def is_current(self) -> bool:
        """Whether the schema is exactly this version's own."""
        return self.standing() is Standing.CURRENT

    def revision(self) -> str | None:
        """Return the schema by its number; None: there is none."""
        return None if recognition.is_yet_to_be_made(self._engine) else migrations.revision(self._engine)

    def is_empty(self) -> bool:
        """Whether there is nothing in it yet, not even the schema of an older version."""
        return recognition.is_yet_to_be_made(self._engine) or migrations.is_empty(self._engine)

    def installation(self) -> Installation:
        """Return which installation this is."""
        found = self.read(installation.read)
        self._last_seen = found.id
        return found

    def look_for_damage(self) -> None:
        """Check the file for damage for a second, every ten minutes; found damage is reported until it is repaired.

        Raises:
            StoreUnavailable: it is damaged, or cannot be read.

        """
        integrity.check_at_intervals(self._engine)

    def _expected(self) -> tuple[str | None, bool]:
        """Return the installation whose store belongs here, and whether the marker could be read."""
        try:
            return self._marker.expected(), True
        except MarkerUnusable:
            return None, False

    def _mark(self) -> None:
        """Advance the marker to the store's counter, if it is missing or behind."""
        into_one_file(self._engine)  # the check of a file's installation reads only that file
        mark = self.read(batch_counter.marked)
        self._last_seen = mark.installation
        self._marker.note(mark)

    # Intake

    def keep(self, incoming: Incoming) -> None:
        """Append a webhook to the inbox; it is on disk when this returns.

        Raises:
            StoreUnavailable: it was not appended.

        """
        self._intake.submit([self._appender.prepared(incoming)])

    def _append(self, rows: Sequence[Any]) -> list[None]:
        self._appender.append(rows)
        return [None for _ in rows]

    def judge(self, now: datetime, limit: int = inbox.JUDGED_AT_ONCE, *, waits: bool = True) -> list[Judged]:
        """Judge up to `limit` webhooks of the inbox that are next; an empty list: none was left.

        Args:
            now: the moment.
            limit: the maximum number.
            waits: whether to wait while another host judges; if not, the list is then empty too.

        Raises:
            StoreUnavailable: nothing was judged.

        """
        if self.read(inbox.is_empty):  # which takes no lock
            return []
        return self.write(inbox.judge, now, limit, self._judging, waits=waits)

    def judge_all(self, now: datetime) -> None:
        """Judge the whole inbox, for a caller that must know the newest state."""
        while self.judge(now):
            pass

    def wakeup(self) -> Wakeup:
        """Return an object that sleeps until webhooks may have come in."""
        return Wakeup(self._engine)

    # Work

    def settle(
        self, decide: settling.Decide, now: datetime, limit: int = 200, spoilt: settling.Spoilt = _ignored
    ) -> int:
        """Make placements agree with facts for up to `limit` events; return how many there were.

        `spoilt` is called in an `except` block with the uid of each event that is set aside.
        """
        return self.write(settling.settle, decide, now, limit, self._settling, spoilt)

    def claim(
        self, calendar: str, now: datetime, limit: int, lease: timedelta, kinds: leases.Kinds = leases.ANY
    ) -> MailboxWork | None:
        """Lease the mailbox that is next, with its due placements; None: nothing is due.

        Args:
            calendar: the calendar server's name.
            now: the moment.
            limit: the maximum number of changes.
            lease: how long.
            kinds: the kinds of mailboxes, in order: known to the server, or unknown.

        Raises:
            StoreUnavailable: nothing was leased, or the marker could not be written: nothing may be sent.
            StoreBehind: the store is an older copy; see `hold_if_behind`.

        """
        before, expected = self._marker.read(), self._marker.expected()

        def change(connection: Connection) -> tuple[MailboxWork, Mark] | None:
            work = leases.claim(connection, calendar, now, limit, lease, self._claiming, kinds)
            return (work, batch_counter.advance(connection, expected, before)) if work else None

        claimed = self.write(change)
        if claimed is None:
            return None
        work, mark = claimed
        self._marker.note(mark)
        return work

    def advance(
        self,
        work: MailboxWork,
        changes: Mapping[int, leases.Advance],
        now: datetime,
        lease: timedelta,
        written: Mapping[int, WriteRecord] | None = None,
    ) -> dict[int, Placement]:
        """Record changes to leased placements, and the writes that caused them; return the changed placements.

        Raises:
            LeaseLost: nothing was recorded.
            StoreUnavailable: nothing was recorded.

        """

        def change(connection: Connection) -> dict[int, Placement]:
            advanced = leases.advance(connection, work, changes, now, lease)
            noted = [each for number, each in (written or {}).items() if number in advanced]
            write_history.record(connection, work, noted)
            return advanced

        return self.write(change)

    def release(
        self,
        work: MailboxWork,
        trouble: Trouble | None = None,
        succeeded_at: datetime | None = None,
        written: Sequence[WriteRecord] = (),
    ) -> None:
        """Give a mailbox back; record the writes that belong to no placement."""

        def change(connection: Connection) -> None:
            leases.release(connection, work, trouble, succeeded_at)
            write_history.record(connection, work, write_history.of_known_events(connection, written))

        self.write(change)

    # The marker, and what stops all writing into calendars

    def marker_trouble(self) -> str | None:
        """Return the code of why the marker cannot be used; None: it can, or there is none."""
        return self._marker.trouble()

    def hold_if_behind(self, now: datetime) -> bool:
        """Return whether the store is older than its marker; if so, forbid writing until calendars were read.

        Raises:
            StoreUnavailable: it cannot be read or written.
            MarkerUnusable: the marker cannot be read.

        """
        mark = self._marker.read()  # before the store, whose counter is at least as high then
        found = self.read(batch_counter.marked)
        if mark is None or mark.installation != found.installation or mark.counter <= found.counter:
            return False
        return self.write(batch_counter.hold, mark, now)

    def recover(self, now: datetime) -> str:
        """Create a new database for the installation whose database is lost; return the installation's id.

        Nothing is written into calendars before they have been read.

        Raises:
            LookupError: neither marker nor configuration names an installation.
            StoreUnavailable: there is a database already, or none can be created.

        """
        expected = self._marker.expected()
        if expected is None:
            raise LookupError
        recognition.make_anew(self._engine)
        self.write(found_entries.take_installation, expected, now)
        self._mark()
        return expected

    def take_installation(self, name: str, now: datetime) -> bool:
        """Take the identity of an installation whose record was lost; return whether that is allowed.

        Raises:
            MarkerUnusable: it could not be written; nothing was changed.

        """
        if self._marker.trouble() == UNWRITABLE:
            raise MarkerUnusable(UNWRITABLE)

        def change(connection: Connection) -> Mark | None:
            taken = found_entries.take_installation(connection, name, now)
            return batch_counter.marked(connection) if taken else None

        mark = self.write(change)
        if mark:
            into_one_file(self._engine)
            self._last_seen = name
            self._marker.replace(mark)
        return mark is not None

    def calendars_were_read(self) -> None:
        """Allow writing after the calendars of a restored record have been read."""
        self.write(installation.calendars_were_read)
        with suppress(MarkerUnusable):  # it may be behind; `marker_trouble` reports it
            self._mark()

    def begin_uninstalling(self, now: datetime) -> None:
        """Stop all writing into calendars."""

        def change(connection: Connection) -> Mark:
            installation.begin_uninstalling(connection, now)
            return batch_counter.advance(connection, None, None)

        self._marker.note(self.write(change))

    # Copies and files

    def back_up(self, path: Path, watch: Watch) -> dict[str, int]:
        """Write a copy of everything into a file; see `receiver.store.tools.backup.back_up`."""
        return backup.back_up(self._engine, path, watch)

    def move_to(self, target: "Store", watch: Watch) -> dict[str, int]:
        """Copy everything into an empty store; see `receiver.store.tools.backup.move`."""
        return backup.move(self._engine, target._engine, watch)  # noqa: SLF001  # the same class

    def overwrite_freed(self) -> bool:
        """Overwrite deleted data in the files too; False: to be tried again."""
        return erasure.overwrite_freed(self._engine)
