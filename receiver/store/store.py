"""The store: the one object through which the receiver remembers.

Batches from the first day: `keep` puts down all webhooks that arrive together, `judge` takes many of them, `claim`
hands out many changes, `advance` records many outcomes, each in one transaction.
"""

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, func, select

from receiver.core.audit import EventStanding, Recorded
from receiver.core.facts import Delivery, Emitter, Model, RoleNews
from receiver.core.mailboxes import Mailbox, MailboxMap
from receiver.core.plan import Placement
from receiver.core.ruleset import Ruleset
from receiver.core.servers import Server
from receiver.store import counters, migrations, turns
from receiver.store.counters import Figure, Tally
from receiver.store.database import rights
from receiver.store.database.chunks import chunks
from receiver.store.database.engine import (
    CONFLICT_RETRIES,
    careless_settings,
    close_engine,
    into_one_file,
    open_engine,
    reading,
    rehearsed,
    write_lock,
    writing,
)
from receiver.store.database.errors import Conflict, MarkerUnusable, StoreUnavailable
from receiver.store.database.records import ComingAgent, Incoming, Installation, MailboxWork, Receipt, Trouble
from receiver.store.database.tables import mailboxes, placements
from receiver.store.fairness import Rota
from receiver.store.intake import agents, inbox, judge_batch, judge_events, set_aside
from receiver.store.intake.append import Appender
from receiver.store.intake.group_commit import Grouped
from receiver.store.intake.inbox import Judged
from receiver.store.intake.set_aside import Group, Waiting, Wanted
from receiver.store.migrations import Standing
from receiver.store.place import batch_counter, integrity, recognition
from receiver.store.place.marker import UNWRITABLE, Mark, Marker
from receiver.store.reports import activity, names, overview
from receiver.store.reports import event_history as history
from receiver.store.reports import status as sight
from receiver.store.reports.activity import HourCount, ModelCount, SeriesCount
from receiver.store.reports.event_history import EventHistory
from receiver.store.reports.names import ComingOrganisation
from receiver.store.reports.overview import FailureGroup, FailureScope, MailboxSight
from receiver.store.reports.status import Sight
from receiver.store.tools import audit, backup, erasure, recovery, resync, retention, tokens, unused
from receiver.store.tools import failures as failing
from receiver.store.tools.backup import Watch
from receiver.store.tools.erasure import Erased
from receiver.store.tools.failures import Chosen, Failing
from receiver.store.tools.resync import HeldEvent, Scope
from receiver.store.tools.tokens import TokenRecord
from receiver.store.work import dues, leases, mailbox_identity, rulesets, servers, settling, writes
from receiver.store.work.mailbox_identity import Neighbour
from receiver.store.work.rulesets import InForce
from receiver.store.work.wakeup import Wakeup
from receiver.store.work.writes import Written

T = TypeVar("T")

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
        self._round = unused.Round()
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

    def careless_settings(self) -> tuple[str, ...]:
        """Return the database's settings under which an acknowledged webhook may be lost with the power."""
        with reading(self._engine) as connection:
            return careless_settings(connection)

    def row_counts(self) -> dict[str, int]:
        """Return how many rows each table has."""
        with reading(self._engine) as connection:
            return backup.counts_of(connection)

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

    def judge(self, now: datetime, limit: int = inbox.JUDGED_AT_ONCE, *, waits: bool = True) -> list[Judged]:
        """Judge the webhooks that were put down first; an empty list: none was left.

        Args:
            now: the moment.
            limit: so many at most.
            waits: whether to wait while another host judges; where not, the list is empty then too.

        Raises:
            StoreUnavailable: nothing was judged.

        """
        if self.is_judged():
            return []
        return self._write(lambda connection: inbox.judge(connection, now, limit, self._judging, waits=waits))

    def may_append(self) -> bool:
        """Whether this account of the database may put webhooks down."""
        with reading(self._engine) as connection:
            return rights.may_append(connection)

    def may_judge(self) -> bool:
        """Whether this account of the database may do more than put webhooks down."""
        with reading(self._engine) as connection:
            return rights.may_judge(connection)

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
        return self._write(
            lambda connection: set_aside.judge_all(connection, judge_batch.decide(connection, now), authorities)
        )

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
        return self._each_some(
            ids, lambda connection, some: set_aside.release(connection, judge_batch.decide(connection, now), some, now)
        )

    def drop_waiting(self, ids: Collection[int]) -> int:
        """Forget webhooks that waited: they change nothing, for good; return how many there were."""
        return self._each_some(ids, set_aside.drop)

    def _each_some(self, ids: Collection[int], block: Callable[[Connection, Sequence[int]], int]) -> int:
        """Run a block for some at a time, each in a transaction of its own: webhooks come in meanwhile."""
        done = 0
        for some in chunks(sorted(ids)):
            done += self._write(lambda connection, some=some: block(connection, some))  # type: ignore[misc]
        return done

    def knows(self, platform: str, news: Delivery | RoleNews) -> bool:
        """Whether the event or the place that a webhook tells of is known, and not as gone.

        Raises:
            StoreUnavailable: it cannot be read, or not by this account.

        """
        with reading(self._engine) as connection:
            if isinstance(news, RoleNews):
                return agents.is_known_role(connection, platform, news)
            return judge_events.is_known(connection, platform, news)

    def accept(self, batch: Sequence[Incoming], now: datetime) -> list[Receipt]:
        """Judge news of our own making at once; every receipt is on disk when this returns.

        Raises:
            StoreUnavailable: nothing was taken in.

        """
        return self._write(lambda connection: judge_batch.take(connection, batch, now))

    def tally(self, counts: Mapping[Tally, int], figures: Mapping[str, int], now: datetime) -> None:
        """Add to the counts of the hour; write figures down in place of those before."""

        def block(connection: Connection) -> None:
            counters.add(connection, counts, now)
            counters.note(connection, figures, now)

        self._write(block)

    def refused(self, since: datetime) -> dict[tuple[str, str], int]:
        """Return how many requests were refused since the hour of a moment, by (source, reason)."""
        with reading(self._engine) as connection:
            found = counters.since(connection, since, "refused")
        return {(tally.name, tally.outcome): count for tally, count in found.items()}

    def refused_by_hour(self, since: datetime) -> dict[tuple[str, str], list[tuple[datetime, int]]]:
        """Return the requests refused since the hour of a moment, by (source, reason): the hours and how many."""
        with reading(self._engine) as connection:
            return counters.refused_by_hour(connection, since)

    def wakeup(self) -> Wakeup:
        """Return what sleeps until webhooks may have come in."""
        return Wakeup(self._engine)

    # Rules

    def ruleset(self) -> InForce | None:
        """Return the mapping and policies in force; None: none were ever adopted."""
        with reading(self._engine) as connection:
            return rulesets.in_force(connection)

    def ruleset_id(self) -> int | None:
        """Return the number of the ruleset in force, which tells cheaply whether it is another one."""
        with reading(self._engine) as connection:
            return rulesets.newest_id(connection)

    def adopt(self, ruleset: Ruleset, removals: int, now: datetime) -> None:
        """Put a ruleset in force."""
        self._write(lambda connection: rulesets.adopt(connection, ruleset, removals, now))

    def hold(self, ruleset: Ruleset, removals: int, now: datetime) -> None:
        """Note a ruleset that waits for a confirmation."""
        self._write(lambda connection: rulesets.hold(connection, ruleset, removals, now))

    def withdraw_held(self) -> None:
        """Forget a ruleset that waits for a confirmation."""
        self._write(rulesets.withdraw)

    def held_removals(self) -> int | None:
        """Return how many removals wait for a confirmation; None: nothing waits."""
        with reading(self._engine) as connection:
            waiting = rulesets.held(connection)
            return waiting.removals if waiting else None

    def preview(self, decide: settling.Decide, page: int = 500) -> Iterator[settling.Previewed]:
        """Yield what deciding anew would make of every live event. Changes nothing."""
        after: int | None = 0
        while after is not None:
            with reading(self._engine) as connection:
                previewed, after = settling.preview(connection, decide, after, page)
            yield from previewed

    def coming_agents(self, now: datetime) -> list[ComingAgent]:
        """Return every agent with an e-mail who has events to come, the busiest first."""
        with reading(self._engine) as connection:
            rows = connection.execute(agents.coming(now)).mappings()
            return [ComingAgent(row["platform"], row["ident"], row["email"], row["events"]) for row in rows]

    def mailboxes(self) -> list[Mailbox]:
        """Return every mailbox that entries go to; of several addresses of one, the one in use."""
        with reading(self._engine) as connection:
            named = select(mailboxes.c.calendar, mailboxes.c.address).where(mailboxes.c.same_as.is_(None))
            return [Mailbox(row.calendar, row.address) for row in connection.execute(named)]

    # The worker's side

    def now(self) -> datetime:
        """Return the database's clock, which all hosts share."""
        if self._engine.dialect.name == "sqlite":
            return datetime.now(UTC)
        with reading(self._engine) as connection:
            moment: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
            return moment.astimezone(UTC)

    def has_unsettled(self) -> bool:
        """Whether the placements of some event may not agree with its facts."""
        with reading(self._engine) as connection:
            return settling.has_unsettled(connection)

    def has_backlog(self, more_than: int) -> bool:
        """Whether more than so many webhooks wait to be judged, or events to be worked out, where those may be seen."""
        with reading(self._engine) as connection:
            if not rights.may_judge(connection):
                return inbox.size_by_number(connection, more_than + 1) > more_than
            waiting = inbox.size(connection, more_than + 1)
            return waiting > more_than or settling.has_unsettled(connection, more_than)

    def settle(
        self, decide: settling.Decide, now: datetime, limit: int = 200, spoilt: settling.Spoilt = _ignored
    ) -> int:
        """Make placements agree with facts for up to `limit` events; return how many there were.

        `spoilt` is called, where an exception can be logged, with the uid of each that is set aside.
        """
        return self._write(lambda connection: settling.settle(connection, decide, now, limit, self._settling, spoilt))

    def settle_again(self, now: datetime) -> int:
        """Have the events that were set aside settled once more; return how many."""
        return self._write(lambda connection: settling.settle_again(connection, now))

    def has_work(self, calendar: str, now: datetime, kinds: leases.Kinds = leases.ANY) -> bool:
        """Whether `claim` would find something; of a great many mailboxes, that it may."""
        with reading(self._engine) as connection:
            return leases.has_work(connection, calendar, now, kinds)

    def make_up_dues(self, now: datetime) -> None:
        """Put in what was not announced, or too late."""
        with reading(self._engine) as connection:
            lacks = dues.lacks_any(connection, now)
        if lacks:
            self._write(lambda connection: dues.make_up(connection, now))

    def count_due(self, now: datetime) -> int:
        """Return how many changes wait to be written."""
        with reading(self._engine) as connection:
            due = select(func.count()).select_from(placements).where(placements.c.due_at <= now)
            count: int = connection.execute(due).scalar_one()
            return count

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

    def identify(self, work: MailboxWork, primary: str, now: datetime) -> bool:
        """Note what the server calls a leased mailbox; return whether that is another name."""
        return self._write(lambda connection: mailbox_identity.identify(connection, work, primary, now))

    def meet(self, work: MailboxWork, now: datetime, lease: timedelta) -> None:
        """Note that a leased mailbox holds nothing of other installations that stands in the way.

        Raises:
            LeaseLost: nothing was recorded.

        """
        self._write(lambda connection: leases.meet(connection, work, now, lease))

    def neighbours(self, work: MailboxWork) -> list[Neighbour]:
        """Return the other mailboxes of the server that hold something of an event in this work."""
        with reading(self._engine) as connection:
            return mailbox_identity.neighbours(connection, work)

    def merge(self, neighbour: Neighbour, work: MailboxWork, now: datetime) -> bool:
        """Make one mailbox of a neighbour and the leased one; return whether nobody was writing into it."""

        def block(connection: Connection) -> bool:
            if mailbox_identity.is_leased(connection, neighbour.mailbox_id, now):
                return False
            mailbox_identity.merge(connection, neighbour.mailbox_id, work.mailbox_id, now)
            return True

        return self._write(block)

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

    def servers(self) -> list[Server]:
        """Return every calendar server that a worker has met; a name that is configured no more stays."""
        with reading(self._engine) as connection:
            return servers.read_all(connection)

    def server(self, name: str) -> Server | None:
        """Return one server; None: no worker has met it."""
        with reading(self._engine) as connection:
            return servers.read(connection, name)

    def introduce_server(self, name: str, credentials: str, now: datetime) -> Server:
        """Note what a process that starts will use of a server; where that changed, all of it is tried at once."""
        return self._write(lambda connection: servers.introduce(connection, name, credentials, now))

    def change_server(self, name: str, change: Callable[[Server], Server]) -> Server:
        """Change a server as it stands now; return what it has become."""
        return self._write(lambda connection: servers.change(connection, name, change))

    def claim_probe(self, name: str, probe: str, now: datetime, lease: timedelta) -> bool:
        """Let one caller of all hosts alone ask something of a server; return whether it is this one."""
        return self._write(lambda connection: servers.claim_probe(connection, name, probe, now, lease))

    def resettle(self, event_ids: Sequence[int], now: datetime) -> None:
        """Have the wishes of these events worked out again."""
        self._write(lambda connection: settling.unsettle(connection, event_ids, now))

    # How things go

    def sight(self, sources: Iterable[str], calendars_down: Iterable[str], now: datetime) -> Sight:
        """Return the numbers of the moment; see `receiver.store.reports.status.look`."""
        with reading(self._engine) as connection:
            return sight.look(connection, sources, calendars_down, now)

    def last_written(self, calendar: str) -> Mailbox | None:
        """Return the mailbox of a calendar that was last written into with success; None: none was."""
        with reading(self._engine) as connection:
            return sight.last_written(connection, calendar)

    def hours(self, since: datetime) -> list[HourCount]:
        """Return all counts from the hour of a moment on."""
        with reading(self._engine) as connection:
            return activity.hours(connection, since)

    def series(self, since: datetime) -> list[SeriesCount]:
        """Return what happened in each hour, from that of a moment on, as people count it."""
        with reading(self._engine) as connection:
            return activity.series(connection, since)

    def models(self, since: datetime, day_ago: datetime, now: datetime) -> list[ModelCount]:
        """Return what was kept of each model from each source, from the hour of a moment on."""
        with reading(self._engine) as connection:
            return activity.models(connection, since, day_ago, now)

    def counted_ever(self) -> dict[Tally, int]:
        """Return what was counted since the beginning."""
        with reading(self._engine) as connection:
            return counters.ever(connection)

    def figures(self) -> dict[str, Figure]:
        """Return every figure by name."""
        with reading(self._engine) as connection:
            return counters.figures_named(connection)

    def failures(self, now: datetime) -> list[FailureGroup]:
        """Return everything that fails, grouped by scope, calendar and code."""
        with reading(self._engine) as connection:
            return overview.failures(connection, now)

    def mailbox_page(self, after: str, limit: int, failing: bool) -> list[MailboxSight]:
        """Return about `limit` mailboxes by address, those behind `after`."""
        with reading(self._engine) as connection:
            return overview.mailbox_page(connection, after, limit, failing)

    def unmapped_agents(self, now: datetime, limit: int) -> list[ComingAgent]:
        """Return the busiest agents of events to come that an unmapped agent belongs to; see the mapping who is who."""
        with reading(self._engine) as connection:
            return overview.unmapped_agents(connection, now, limit)

    def history(self, wire_id: int, limit: int) -> list[EventHistory]:
        """Return the events that an emitter knows by a number, with the newest webhooks and writes of each."""
        with reading(self._engine) as connection:
            return history.history(connection, wire_id, limit)

    # Failures

    def failing(self, scope: FailureScope, chosen: Chosen, after: int, limit: int) -> tuple[list[Failing], int | None]:
        """Return up to `limit` of what fails, one by one, and where to go on; None: that was all."""
        with reading(self._engine) as connection:
            return failing.failing(connection, scope, chosen, after, limit)

    def meant_events(self, chosen: Chosen) -> list[str]:
        """Return the uids of the events that an operator may mean."""
        with reading(self._engine) as connection:
            return failing.meant_events(connection, chosen)

    def retry_mailboxes(self, chosen: Chosen) -> int:
        """Have mailboxes that wait tried at once; return how many."""
        return self._write(lambda connection: failing.retry_mailboxes(connection, chosen))

    def retry_entries(self, chosen: Chosen, now: datetime, after: int = 0) -> tuple[int, int | None]:
        """Have the next entries that fail tried at once; return how many, and where to go on."""
        return self._write(lambda connection: failing.retry_entries(connection, chosen, now, after))

    def retry_events(self, chosen: Chosen, now: datetime) -> int:
        """Have events that can be shown nowhere decided anew; return how many."""
        return self._write(lambda connection: failing.retry_events(connection, chosen, now))

    def retry_servers(self, chosen: Chosen, now: datetime) -> int:
        """Have servers that are left alone asked at once, unless their account was refused; return how many."""
        return self._write(lambda connection: servers.retry(connection, chosen, now))

    def shorten_waits(self, now: datetime) -> int:
        """Shorten waits that an earlier version granted, or a clock that was wrong; return how many were."""
        return self._write(
            lambda connection: servers.shorten_waits(connection, now) + failing.shorten_waits(connection, now)
        )

    def dismiss(self, chosen: Chosen, *, dry_run: bool = False) -> tuple[int, int]:
        """Neither try nor show what cannot be written, until it changes; return how many entries and events."""
        return self._write(lambda connection: failing.dismiss(connection, chosen), dry_run=dry_run)

    # Audits

    def recorded(self, mailbox: Mailbox) -> list[Recorded]:
        """Return every placement of a mailbox with its event's facts."""
        with reading(self._engine) as connection:
            return audit.recorded(connection, mailbox)

    def standings(self, uids: Collection[str]) -> dict[str, EventStanding]:
        """Return what is known of these events, by uid."""
        with reading(self._engine) as connection:
            return audit.standings(connection, uids)

    def aliases(self) -> Mapping[Mailbox, Mailbox]:
        """Return every address that is another one of a mailbox, with the one in use."""
        with reading(self._engine) as connection:
            return mailbox_identity.aliases(connection)

    def repair(self, mailbox: Mailbox, repairs: Mapping[Placement, Placement], now: datetime) -> int | None:
        """Replace placements that are as they were judged; return how many. None: a worker has the mailbox."""
        return self._write(lambda connection: audit.repair(connection, mailbox, repairs, now))

    # Adoption and uninstallation

    def claim_one(self, mailbox: Mailbox, now: datetime, lease: timedelta) -> MailboxWork | None:
        """Lease one mailbox, whatever is due in it; None: a worker has it."""
        return self._write(lambda connection: leases.claim_one(connection, mailbox, now, lease))

    def adopted_in(self, mailbox: Mailbox) -> set[str]:
        """Return the uids of a mailbox's entries that were read back and wait for a placement."""
        with reading(self._engine) as connection:
            return recovery.adopted_in(connection, mailbox)

    def finished(self, uids: Collection[str]) -> dict[str, bool]:
        """Return the events known among these, and whether each was destroyed and all that follows from it is done."""
        with reading(self._engine) as connection:
            return recovery.finished(connection, uids)

    def note_adopted(
        self,
        work: MailboxWork,
        items: Mapping[str, str],
        gone: Collection[str],
        now: datetime,
        found_at: datetime | None = None,
    ) -> None:
        """Keep what was found in a leased mailbox, by uid, and drop what is not there any more.

        Args:
            work: the mailbox.
            items: ids by uid.
            gone: uids.
            now: the moment.
            found_at: facts older than that wait, as the calendar may be the newer one; None: now.

        Raises:
            LeaseLost: nothing was changed.

        """
        self._write(lambda connection: recovery.note(connection, work, items, gone, found_at or now))
        self._write(lambda connection: recovery.unsettle(connection, work, now))

    def waiting_entries(self) -> list[tuple[Mailbox, str]]:
        """Return mailbox and uid of every entry that was read back and whose event is not known yet."""
        with reading(self._engine) as connection:
            return recovery.waiting(connection)

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

    def undo_uninstalling(self, now: datetime) -> None:
        """Have every entry written again."""
        self._write(lambda connection: recovery.undo_uninstalling(connection, now))

    def empty(self, work: MailboxWork, kept: Collection[int]) -> None:
        """Forget what was placed in a leased mailbox that holds nothing of ours any more, but for some placements.

        Raises:
            LeaseLost: nothing was changed.

        """
        self._write(lambda connection: recovery.empty(connection, work, kept))

    # Who may look

    def add_token(self, record: TokenRecord) -> None:
        """Note a token before it is handed out."""
        self._write(lambda connection: tokens.add(connection, record))

    def token(self, token_id: str) -> TokenRecord | None:
        """Return one token; None: it was never issued here."""
        with reading(self._engine) as connection:
            return tokens.read(connection, token_id)

    def tokens(self) -> list[TokenRecord]:
        """Return every token, the newest first."""
        with reading(self._engine) as connection:
            return tokens.read_all(connection)

    def revoke_token(self, token_id: str, now: datetime) -> None:
        """Have a token open nothing any more."""
        self._write(lambda connection: tokens.revoke(connection, token_id, now))

    # Names that the configuration may lack

    def lost_platforms(self, configured: Collection[str], now: datetime) -> dict[str, int]:
        """Return the platforms of events to come that are not configured, with how many events."""
        with reading(self._engine) as connection:
            return names.lost_platforms(connection, configured, now)

    def knows_platform(self, platform: str) -> bool:
        """Whether there is an event of a platform."""
        with reading(self._engine) as connection:
            return names.is_known_platform(connection, platform)

    def has_lost_events(
        self, configured: Collection[str], emitter: Emitter, organisations: Collection[int] | None, now: datetime
    ) -> bool:
        """Whether a platform that is not configured has events to come of an emitter; see `names.has_lost_events`."""
        with reading(self._engine) as connection:
            return names.has_lost_events(connection, configured, emitter, organisations, now)

    def lost_calendars(self, configured: Collection[str], now: datetime) -> dict[str, int]:
        """Return the calendars with entries of events that are not over and that are not configured, with counts."""
        with reading(self._engine) as connection:
            return names.lost_calendars(connection, configured, now)

    def lost_sources(self, configured: Collection[str], now: datetime) -> dict[str, int]:
        """Return the sources of events to come that are not configured, with how many events."""
        with reading(self._engine) as connection:
            return names.lost_sources(connection, configured, now)

    def coming_organisations(self, now: datetime) -> list[ComingOrganisation]:
        """Return the organisations of RDVs and plages to come."""
        with reading(self._engine) as connection:
            return names.coming_organisations(connection, now)

    # Re-syncs

    def told(self, source: str, since: datetime) -> dict[Model, int]:
        """Return how many events of each kind a source told of since a moment."""
        with reading(self._engine) as connection:
            return resync.told(connection, source, since)

    def count_live(self, scope: Scope) -> int:
        """Return how many events are in scope."""
        with reading(self._engine) as connection:
            return resync.live(connection, scope)

    def untold(self, scope: Scope, since: datetime) -> list[HeldEvent]:
        """Return the events in scope that nobody told of since a moment."""
        with reading(self._engine) as connection:
            return resync.untold(connection, scope, since)

    def witnesses(
        self, source: str, kinds: Collection[tuple[int | None, str | None]], since: datetime, each: int
    ) -> list[HeldEvent]:
        """Return a source's RDVs that were told of since a moment, so many of each (organisation, motif)."""
        with reading(self._engine) as connection:
            return resync.witnesses(connection, source, kinds, since, each)

    # Housekeeping

    def take_turn(self, task: str, every: timedelta, now: datetime) -> bool:
        """Whether a task is the caller's to do now; if so, nobody else's for so long."""
        return self._write(lambda connection: turns.take(connection, task, every, now))

    def set_turn_back(self, task: str, to: datetime) -> None:
        """Have a task count as last taken at an earlier moment, so that it is due sooner."""
        self._write(lambda connection: turns.set_back(connection, task, to))

    def beat(self, name: str, now: datetime) -> None:
        """Say that a process is alive and can write."""
        self._write(lambda connection: sight.beat(connection, name, now))

    def say_goodbye(self, name: str) -> None:
        """Note that a worker ended as it should."""
        self._write(lambda connection: sight.say_goodbye(connection, name))

    def beats(self) -> dict[str, datetime]:
        """Return when each process was last heard of, by name."""
        with reading(self._engine) as connection:
            return overview.beats(connection)

    def last_beat(self, prefix: str) -> datetime | None:
        """Return when a process whose name begins so was last heard of."""
        with reading(self._engine) as connection:
            return sight.last_beat(connection, prefix)

    def purge(self, now: datetime, tombstone_days: int, journal_days: int) -> int:
        """Drop old tombstones, journal rows and counts; return how many. What is not certain anywhere stays."""
        return sum(self.purge_rows(now, tombstone_days, journal_days).values())

    def purge_rows(self, now: datetime, tombstone_days: int, journal_days: int) -> dict[str, int]:
        """Purge, a few rows at a time, and let others write in between; return how many, by table."""
        dropped: Counter[str] = Counter()
        while some := self.purge_some(now, tombstone_days, journal_days):
            dropped += some
            time.sleep(retention.PAUSE_S)
        return dict(dropped)

    def purge_some(self, now: datetime, tombstone_days: int, journal_days: int) -> Counter[str]:
        """Drop some of what is old, in one short transaction; return how many, by table. Empty: none was left."""
        return +self._write(lambda connection: retention.drop_old(connection, now, tombstone_days, journal_days))

    def note_unused(self, now: datetime) -> bool:
        """Look at the next agents or mailboxes, whether anything refers to them; return whether the round goes on.

        What is noted so for long enough goes with `purge`.
        """
        table = self._round.table
        with reading(self._engine) as connection:
            wrong, last = unused.seen(connection, table, self._round.after)
        if wrong:
            self._write(lambda connection: unused.note(connection, table, wrong, now))
        return self._round.go_on(last)

    def count_old(self, now: datetime, tombstone_days: int, journal_days: int) -> dict[str, int]:
        """Return how many rows `purge` would drop, by table."""
        with reading(self._engine) as connection:
            return retention.count_old(connection, now, tombstone_days, journal_days)

    def erase(
        self, email: str, mapping: MailboxMap, now: datetime, *, with_entries: bool, dry_run: bool = False
    ) -> Erased:
        """Erase what is recorded of one agent, or rehearse it; see `receiver.store.tools.erasure.erase`."""

        def block(connection: Connection) -> Erased:
            return erasure.erase(connection, email, mapping, now, with_entries=with_entries)

        return self._write(block, dry_run=dry_run)

    def back_up(self, path: Path, watch: Watch) -> dict[str, int]:
        """Write a copy of everything into a file; see `receiver.store.tools.backup.back_up`."""
        return backup.back_up(self._engine, path, watch)

    def move_to(self, target: "Store", watch: Watch) -> dict[str, int]:
        """Copy everything into an empty store; see `receiver.store.tools.backup.move`."""
        return backup.move(self._engine, target._engine, watch)  # noqa: SLF001  # another of our own kind

    def overwrite_freed(self) -> bool:
        """Have what was deleted leave the files too; False: to be tried again."""
        return erasure.overwrite_freed(self._engine)

    def _write(self, block: Callable[[Connection], T], *, dry_run: bool = False) -> T:
        if dry_run:
            return self._write(lambda connection: rehearsed(connection, block))
        for _ in range(CONFLICT_RETRIES):
            try:
                with writing(self._engine) as connection:
                    return block(connection)
            except Conflict:
                continue
        with writing(self._engine) as connection:
            return block(connection)
