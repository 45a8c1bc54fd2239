"""The store: the one object through which the receiver remembers.

`read` and `write` run functions of `receiver.store` in a transaction. Methods exist for what needs more than that:
state of this process (whose turn it is, the batch that is being appended), the marker beside the database, or several
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
"""Webhooks that share a transaction: enough for one to cost little, few enough for none to wait long."""


def _ignored(_uid: str) -> None:
    pass


class Store:
    """Facts, placements and the journal, on SQLite or PostgreSQL. Safe to use from several threads."""

    def __init__(self, url: str, timeout_s: float | None = None, marker: Marker | None = None) -> None:
        """Make it. Nothing is opened before it is needed, and only `migrate` and `recover` make a database.

        Args:
            url: where.
            timeout_s: time limit of a query; None: no limit.
            marker: says which installation's store belongs there, and how far it had counted; None: nobody knows yet.

        """
        self._engine = open_engine(url, timeout_s)
        self._marker = marker or Marker()
        self._last_seen: str | None = None
        """The installation that was last found there."""
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
        """Bring an older schema up to date, once, whoever else tries at the same time; leave a newer one as it is.

        A database that is not there is made, unless an installation is known whose database belongs there.

        Raises:
            StoreVanished: that installation's database is not there, or it cannot be told whether one is known;
                nothing was made.
            StoreUnavailable: it cannot be reached or written.

        """
        expected, is_known = self._expected()
        recognition.take_up(self._engine, self._last_seen)
        recognition.recognise(self._engine, expected)
        found = migrations.upgrade(self._engine, may_create=is_known and expected is None)
        if found.usable:
            with suppress(MarkerUnusable):  # nothing is written into calendars then, and webhooks are kept
                self._mark()
        return found

    def standing(self) -> Standing:
        """Return whether this version can use the schema. A file that was put back is taken up.

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
        """Read the file for damage for a second, every ten minutes; damage that was found is reported until it is gone.

        Raises:
            StoreUnavailable: it is damaged, or cannot be read.

        """
        integrity.look(self._engine)

    def _expected(self) -> tuple[str | None, bool]:
        """Return the installation whose store belongs here, and whether that can be told."""
        try:
            return self._marker.expected(), True
        except MarkerUnusable:
            return None, False

    def _mark(self) -> None:
        """Have the marker follow the store, where it knows of none or is behind."""
        into_one_file(self._engine)  # a program that only looks whose file it is reads that one file
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
        """Judge up to `limit` webhooks of the inbox, those whose turn it is; an empty list: none was left.

        Args:
            now: the moment.
            limit: so many at most.
            waits: whether to wait while another host judges; where not, the list is empty then too.

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
        """Return what sleeps until webhooks may have come in."""
        return Wakeup(self._engine)

    # Work

    def settle(
        self, decide: settling.Decide, now: datetime, limit: int = 200, spoilt: settling.Spoilt = _ignored
    ) -> int:
        """Make placements agree with facts for up to `limit` events; return how many there were.

        `spoilt` is called, where an exception can be logged, with the uid of each that is set aside.
        """
        return self.write(settling.settle, decide, now, limit, self._settling, spoilt)

    def claim(
        self, calendar: str, now: datetime, limit: int, lease: timedelta, kinds: leases.Kinds = leases.ANY
    ) -> MailboxWork | None:
        """Lease the mailbox whose turn it is, with what is due in it; None: nothing is.

        Args:
            calendar: the calendar server's name.
            now: the moment.
            limit: so many changes at most.
            lease: how long.
            kinds: which mailboxes, in this order: those that the server knows, those of which that is unknown.

        Raises:
            StoreUnavailable: nothing was leased, or the marker could not follow: nothing may be sent.
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
        """Record changes to leased placements, and the writes that brought them about; return them as they are now.

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
        """Give a mailbox back; note the writes that were recorded with no placement."""

        def change(connection: Connection) -> None:
            leases.release(connection, work, trouble, succeeded_at)
            write_history.record(connection, work, write_history.of_known_events(connection, written))

        self.write(change)

    # The marker, and what stops all writing into calendars

    def marker_trouble(self) -> str | None:
        """Return the code of why the marker cannot be used; None: it can, or there is none."""
        return self._marker.trouble()

    def hold_if_behind(self, now: datetime) -> bool:
        """Return whether the store is older than its marker; if so, nothing is written before calendars were read.

        Raises:
            StoreUnavailable: it cannot be read or written.
            MarkerUnusable: that cannot be told.

        """
        mark = self._marker.read()  # before the store: what is marked was counted then
        found = self.read(batch_counter.marked)
        if mark is None or mark.installation != found.installation or mark.counter <= found.counter:
            return False
        return self.write(batch_counter.hold, mark, now)

    def recover(self, now: datetime) -> str:
        """Make a new database for the installation whose own is lost; return its name.

        Nothing is written into calendars before they have been read.

        Raises:
            LookupError: no installation is known, by marker or configuration.
            StoreUnavailable: there is a database already, or none can be made.

        """
        expected = self._marker.expected()
        if expected is None:
            raise LookupError
        recognition.make_anew(self._engine)
        self.write(found_entries.take_installation, expected, now)
        self._mark()
        return expected

    def take_installation(self, name: str, now: datetime) -> bool:
        """Go on as an installation whose record was lost; return whether that is allowed.

        Raises:
            MarkerUnusable: it could not follow; nothing was changed.

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
        """Let writing begin, after the calendars of a restored record have been read."""
        self.write(installation.calendars_were_read)
        with suppress(MarkerUnusable):  # it may lag behind; whether it can be used is said elsewhere
            self._mark()

    def begin_uninstalling(self, now: datetime) -> None:
        """Have nothing written any more."""

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
        """Have what was deleted leave the files too; False: to be tried again."""
        return erasure.overwrite_freed(self._engine)
