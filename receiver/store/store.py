"""The store: the one object through which the receiver remembers.

Batches from the first day: `keep` puts down all webhooks that arrive together, `judge` takes many of them, `claim`
hands out many changes, `advance` records many outcomes, each in one transaction.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection, func, select

from receiver.core.plan import Placement
from receiver.store import migrations
from receiver.store.database.chunks import chunks
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
from receiver.store.database.records import Incoming, Installation, MailboxWork, Receipt, Trouble
from receiver.store.fairness import Rota
from receiver.store.intake import inbox, judge_batch, set_aside
from receiver.store.intake.append import Appender
from receiver.store.intake.group_commit import Grouped
from receiver.store.intake.inbox import Judged
from receiver.store.intake.set_aside import Group, Waiting, Wanted
from receiver.store.migrations import Standing
from receiver.store.place import batch_counter, integrity, recognition
from receiver.store.place.marker import UNWRITABLE, Mark, Marker
from receiver.store.tools import backup, erasure, recovery
from receiver.store.tools.backup import Watch
from receiver.store.work import leases, settling, writes
from receiver.store.work.wakeup import Wakeup
from receiver.store.work.writes import Written

T = TypeVar("T")
P = ParamSpec("P")

INTAKE_BATCH = 100
"""So many webhooks share a transaction: enough for one to cost little, few enough for none to wait long."""


def _ignored(_uid: str) -> None:
    pass


class Store:
    """Facts, placements and the journal, on SQLite or PostgreSQL. Safe to use from several threads."""

    def __init__(self, url: str, patience_s: float | None = None, marker: Marker | None = None) -> None:
        """Make it. Nothing is opened before it is needed, and no database is made but by `migrate`.

        Args:
            url: where.
            patience_s: so long a question may take; None: as long as it does.
            marker: says whose store belongs there, and how far it had counted; None: nobody knows yet.

        """
        self._engine = open_engine(url, patience_s)
        self._marker = marker or Marker()
        self._last_seen: str | None = None
        """The installation that was last found there."""
        self._appender = Appender(self._engine)
        self._judging, self._settling, self._claiming = Rota(), Rota(), leases.Rotas(Rota)
        self._intake = Grouped(self._append, INTAKE_BATCH, StoreUnavailable, lambda: write_lock(self._engine))

    def close(self) -> None:
        """Give the connections back."""
        self._appender.close()
        close_engine(self._engine)

    # Schema

    def migrate(self) -> Standing:
        """Bring an older schema up to date, once, whoever else tries at the same time; leave a newer one as it is.

        A database that is not there is made, unless an installation's is known to belong there.

        Raises:
            StoreVanished: that installation's is not there, or whether one is known cannot be told; nothing was made.
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
        self._write(lambda connection: recovery.take_installation(connection, expected, now))
        self._mark()
        return expected

    def _mark(self) -> None:
        """Have the marker follow the store, where it knows of none or is behind."""
        into_one_file(self._engine)  # whoever looks whose the file is sees no more of it
        with reading(self._engine) as connection:
            mark = batch_counter.marked(connection)
        self._last_seen = mark.installation
        self._marker.note(mark)

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

    def _expected(self) -> tuple[str | None, bool]:
        """Return the installation whose store belongs here, and whether that can be told."""
        try:
            return self._marker.expected(), True
        except MarkerUnusable:
            return None, False

    def marker_trouble(self) -> str | None:
        """Return the code of why the marker cannot be used; None: it can, or there is none."""
        return self._marker.trouble()

    def is_empty(self) -> bool:
        """Whether there is nothing in it yet, not even a schema of an older version's."""
        return recognition.is_yet_to_be_made(self._engine) or migrations.is_empty(self._engine)

    def check_soundness(self, patience_s: float | None = None) -> None:
        """Read all of a file, to find what is damaged where nobody has read yet.

        Args:
            patience_s: what was not read by then passes for sound; None: everything is read.

        Raises:
            StoreUnavailable: it is damaged, or cannot be read.

        """
        with reading(self._engine) as connection:
            integrity.check(connection, patience_s)

    def look_for_damage(self) -> None:
        """Do so for a second, every ten minutes; what was found is told until it is gone.

        Raises:
            StoreUnavailable: it is damaged, or cannot be read.

        """
        integrity.look(self._engine)

    def is_current(self) -> bool:
        """Whether the schema is exactly this version's own."""
        return self.standing() is Standing.CURRENT

    def revision(self) -> str | None:
        """Return the schema by its number; None: there is none."""
        return None if recognition.is_yet_to_be_made(self._engine) else migrations.revision(self._engine)

    def installation(self) -> Installation:
        """Return who we are."""
        with reading(self._engine) as connection:
            found = recovery.read_installation(connection)
        self._last_seen = found.id
        return found

    # Intake

    def keep(self, incoming: Incoming) -> None:
        """Put a webhook down to be judged; it is on disk when this returns.

        Raises:
            StoreUnavailable: it was not put down.

        """
        self._intake.submit([self._appender.prepared(incoming)])

    def _append(self, rows: Sequence[Any]) -> list[None]:
        self._appender.append(rows)
        return [None for _ in rows]

    def judge(self, now: datetime, limit: int = inbox.JUDGED_AT_ONCE) -> list[Judged]:
        """Judge the webhooks that were put down first; an empty list: none was left.

        Raises:
            StoreUnavailable: nothing was judged.

        """
        if self.is_judged():
            return []
        return self._write(lambda connection: inbox.judge(connection, now, limit, self._judging))

    def may_append(self) -> bool:
        """Whether this account of the database may put webhooks down."""
        with reading(self._engine) as connection:
            return inbox.may_append(connection)

    def may_judge(self) -> bool:
        """Whether this account of the database may do more than put webhooks down."""
        with reading(self._engine) as connection:
            return inbox.may_judge(connection)

    def judge_all(self, now: datetime) -> None:
        """Judge whatever waits, for those who must know the newest state of things."""
        while self.judge(now):
            pass

    def is_judged(self) -> bool:
        """Whether every webhook that could be judged was."""
        with reading(self._engine) as connection:
            return inbox.is_empty(connection)

    def judge_again(self) -> None:
        """Have the webhooks that could not be judged judged once more."""
        self._write(inbox.take_up)

    # What waits for somebody to decide

    def judge_out_of_scope(self, authorities: Mapping[str, set_aside.AuthorityOf], now: datetime) -> int:
        """Judge again what was out of scope, where its secrets are bound otherwise now; return how many that decided.

        Args:
            authorities: by source, what tells the authority of a signature.
            now: the moment.

        """
        return self._write(lambda connection: judge_batch.judge_out_of_scope(connection, authorities, now))

    def set_aside(self, now: datetime) -> list[Group]:
        """Return what waits for somebody to decide, in groups."""
        with reading(self._engine) as connection:
            return set_aside.groups(connection, now)

    def waiting(self, limit: int, after: int = 0, wanted: Wanted | None = None) -> list[Waiting]:
        """Return up to `limit` webhooks that wait for somebody to decide, from a number on."""
        with reading(self._engine) as connection:
            return set_aside.waiting(connection, limit, after, wanted)

    def count_waiting(self, wanted: Wanted) -> int:
        """Return how many webhooks wait for somebody to decide."""
        with reading(self._engine) as connection:
            return set_aside.count(connection, wanted)

    def release_waiting(self, ids: Collection[int], now: datetime) -> int:
        """Take in webhooks that waited, whatever set them aside; return how many there were."""
        return self._each_some(ids, lambda connection, some: judge_batch.release(connection, some, now))

    def drop_waiting(self, ids: Collection[int]) -> int:
        """Forget webhooks that waited: they change nothing, for good; return how many there were."""
        return self._each_some(ids, set_aside.drop)

    def _each_some(self, ids: Collection[int], block: Callable[[Connection, Sequence[int]], int]) -> int:
        """Run a block for some at a time, each in a transaction of its own: webhooks come in meanwhile."""
        done = 0
        for some in chunks(sorted(ids)):
            done += self._write(lambda connection, some=some: block(connection, some))  # type: ignore[misc]
        return done

    def accept(self, batch: Sequence[Incoming], now: datetime) -> list[Receipt]:
        """Judge news of our own making at once; every receipt is on disk when this returns.

        Raises:
            StoreUnavailable: nothing was taken in.

        """
        return self._write(lambda connection: judge_batch.take(connection, batch, now))

    def wakeup(self) -> Wakeup:
        """Return what sleeps until webhooks may have come in."""
        return Wakeup(self._engine)

    # Rules

    # The worker's side

    def now(self) -> datetime:
        """Return the database's clock, which all hosts share."""
        if self._engine.dialect.name == "sqlite":
            return datetime.now(UTC)
        with reading(self._engine) as connection:
            moment: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
            return moment.astimezone(UTC)

    def settle(
        self, decide: settling.Decide, now: datetime, limit: int = 200, spoilt: settling.Spoilt = _ignored
    ) -> int:
        """Make placements agree with facts for up to `limit` events; return how many there were.

        `spoilt` is called, where an exception can be logged, with the uid of each that is set aside.
        """
        return self._write(lambda connection: settling.settle(connection, decide, now, limit, self._settling, spoilt))

    def claim(
        self, calendar: str, now: datetime, limit: int, lease: timedelta, kinds: leases.Kinds = leases.ANY
    ) -> MailboxWork | None:
        """Lease the mailbox whose turn it is, with what is due in it; None: nothing is.

        Args:
            calendar: whose mailboxes.
            now: the moment.
            limit: so many changes at most.
            lease: how long.
            kinds: mailboxes that the server knows, or of which nobody was told so, in the order in which they go.

        Raises:
            StoreUnavailable: nothing was leased, or the marker could not follow: nothing may be sent.
            StoreBehind: the store is an older copy; see `hold_if_behind`.

        """
        before, expected = self._marker.read(), self._marker.expected()

        def block(connection: Connection) -> tuple[MailboxWork, Mark] | None:
            work = leases.claim(connection, calendar, now, limit, lease, self._claiming, kinds)
            return (work, batch_counter.advance(connection, expected, before)) if work else None

        claimed = self._write(block)
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
        written: Mapping[int, Written] | None = None,
    ) -> dict[int, Placement]:
        """Record changes to leased placements, and the writes that brought them about; return them as they are now.

        Raises:
            LeaseLost: nothing was recorded.
            StoreUnavailable: nothing was recorded.

        """

        def block(connection: Connection) -> dict[int, Placement]:
            advanced = leases.advance(connection, work, changes, now, lease)
            noted = [each for number, each in (written or {}).items() if number in advanced]
            writes.note(connection, work, noted)
            return advanced

        return self._write(block)

    def meet(self, work: MailboxWork, now: datetime, lease: timedelta) -> None:
        """Note that a leased mailbox holds nothing of other installations that stands in the way.

        Raises:
            LeaseLost: nothing was recorded.

        """
        self._write(lambda connection: leases.meet(connection, work, now, lease))

    def release(
        self,
        work: MailboxWork,
        trouble: Trouble | None = None,
        succeeded_at: datetime | None = None,
        written: Sequence[Written] = (),
    ) -> None:
        """Give a mailbox back; note the writes that were recorded with no placement."""

        def block(connection: Connection) -> None:
            leases.release(connection, work, trouble, succeeded_at)
            writes.note(connection, work, writes.still_known(connection, written))

        self._write(block)

    # How things go

    # Failures

    # Audits

    # Adoption and uninstallation

    def take_installation(self, name: str, now: datetime) -> bool:
        """Go on as an installation whose record was lost; return whether that may be.

        Raises:
            MarkerUnusable: it could not follow; nothing was changed.

        """
        if self._marker.trouble() == UNWRITABLE:
            raise MarkerUnusable(UNWRITABLE)

        def block(connection: Connection) -> Mark | None:
            taken = recovery.take_installation(connection, name, now)
            return batch_counter.marked(connection) if taken else None

        mark = self._write(block)
        if mark:
            into_one_file(self._engine)
            self._last_seen = name
            self._marker.replace(mark)
        return mark is not None

    def hold_if_behind(self, now: datetime) -> bool:
        """Whether the store is older than its marker; if so, have nothing written before the calendars were read.

        Raises:
            StoreUnavailable: it cannot be read or written.
            MarkerUnusable: that cannot be told.

        """
        mark = self._marker.read()  # before the store: what is marked was counted then
        with reading(self._engine) as connection:
            found = batch_counter.marked(connection)
        if mark is None or mark.installation != found.installation or mark.counter <= found.counter:
            return False
        return self._write(lambda connection: batch_counter.hold(connection, mark, now))

    def calendars_were_read(self) -> None:
        """Let writing begin, after the calendars of a restored record have been read."""
        self._write(recovery.calendars_were_read)
        with suppress(MarkerUnusable):  # it may lag behind; whether it can be used is said elsewhere
            self._mark()

    def begin_uninstalling(self, now: datetime) -> None:
        """Have nothing written any more."""

        def block(connection: Connection) -> Mark:
            recovery.begin_uninstalling(connection, now)
            return batch_counter.advance(connection, None, None)

        self._marker.note(self._write(block))

    # Who may look

    # Re-syncs

    # Housekeeping

    def back_up(self, path: Path, watch: Watch) -> dict[str, int]:
        """Write a copy of everything into a file; see `receiver.store.tools.backup.back_up`."""
        return backup.back_up(self._engine, path, watch)

    def move_to(self, target: "Store", watch: Watch) -> dict[str, int]:
        """Copy everything into an empty store; see `receiver.store.tools.backup.move`."""
        return backup.move(self._engine, target._engine, watch)  # noqa: SLF001  # another of our own kind

    def overwrite_freed(self) -> bool:
        """Have what was deleted leave the files too; False: to be tried again."""
        return erasure.overwrite_freed(self._engine)

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

        The function may run several times: another host may have changed the same rows. Each run but the last is
        rolled back.

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
        """Run a function as `write` does and roll it back; return what it would have returned."""
        return self.write(lambda connection: rehearsed(connection, lambda _: change(connection, *args, **kwargs)))

    def _write(self, block: Callable[[Connection], T]) -> T:
        return self.write(block)
