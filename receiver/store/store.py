"""The store: the one object through which the receiver remembers.

Batches from the first day: `accept` takes many webhooks, `claim` hands out many changes, `advance` records many
outcomes, each in one transaction.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from sqlalchemy import Connection, delete, exists, func, insert, select, update

from receiver.core.audit import EventStanding, Recorded
from receiver.core.mailboxes import Mailbox
from receiver.core.plan import Placement
from receiver.core.ruleset import Ruleset
from receiver.core.servers import Server
from receiver.store import (
    agents,
    audit,
    identity,
    intake,
    leases,
    migrations,
    rulesets,
    servers,
    settling,
    sight,
    tallies,
)
from receiver.store.engine import CONFLICT_RETRIES, Conflict, open_engine, reading, writing
from receiver.store.identity import Neighbour
from receiver.store.records import ComingAgent, Incoming, Installation, MailboxWork, Receipt, Trouble
from receiver.store.rulesets import InForce
from receiver.store.sight import Sight
from receiver.store.tables import deliveries, events, heartbeats, installation, mailboxes, placements, roles
from receiver.store.tallies import Tally

T = TypeVar("T")


class Store:
    """Facts, placements and the journal, on SQLite or PostgreSQL. Safe to use from several threads."""

    def __init__(self, url: str) -> None:
        self._engine = open_engine(url)

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()

    # Schema

    def migrate(self) -> None:
        """Bring the schema up to date, once, whoever else tries at the same time; name the installation."""
        migrations.upgrade(self._engine)

    def is_current(self) -> bool:
        """Whether the schema is the one this version expects."""
        return migrations.is_current(self._engine)

    def installation(self) -> Installation:
        """Return who we are."""
        with reading(self._engine) as connection:
            row = connection.execute(select(installation)).one()
            return Installation(row.id, row.digest_key)

    # Intake

    def accept(self, batch: Sequence[Incoming], now: datetime) -> list[Receipt]:
        """Take webhooks in; every receipt is on disk when this returns.

        Raises:
            StoreUnavailable: nothing was taken in.

        """
        return self._write(lambda connection: [intake.take(connection, incoming, now) for incoming in batch])

    def tally(self, counts: Mapping[Tally, int], figures: Mapping[str, int], now: datetime) -> None:
        """Add to the counts of the hour; write figures down in place of those before."""

        def block(connection: Connection) -> None:
            tallies.add(connection, counts, now)
            tallies.note(connection, figures, now)

        self._write(block)

    def refused(self, since: datetime) -> dict[tuple[str, str], int]:
        """Return how many requests were refused since the hour of a moment, by (source, reason)."""
        with reading(self._engine) as connection:
            found = tallies.since(connection, since, "refused")
        return {(tally.name, tally.outcome): count for tally, count in found.items()}

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
            return rulesets.held(connection)

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
        """Whether some event's placements may not agree with its facts."""
        with reading(self._engine) as connection:
            return (
                connection.execute(select(events.c.id).where(events.c.unsettled_at.is_not(None)).limit(1)).first()
                is not None
            )

    def settle(self, decide: settling.Decide, now: datetime, limit: int = 200) -> int:
        """Make placements agree with facts for up to `limit` events; return how many there were."""
        return self._write(lambda connection: settling.settle(connection, decide, now, limit))

    def has_work(self, calendar: str, now: datetime) -> bool:
        """Whether `claim` would find something."""
        with reading(self._engine) as connection:
            return leases.has_work(connection, calendar, now)

    def count_due(self, now: datetime) -> int:
        """Return how many changes wait to be written."""
        with reading(self._engine) as connection:
            due = select(func.count()).select_from(placements).where(placements.c.due_at <= now)
            count: int = connection.execute(due).scalar_one()
            return count

    def claim(self, calendar: str, now: datetime, limit: int, lease: timedelta) -> MailboxWork | None:
        """Lease one mailbox with what is due in it; None: nothing is."""
        return self._write(lambda connection: leases.claim(connection, calendar, now, limit, lease))

    def advance(
        self, work: MailboxWork, changes: Mapping[int, leases.Advance], now: datetime, lease: timedelta
    ) -> dict[int, Placement]:
        """Record changes to leased placements; return them as they are now.

        Raises:
            LeaseLost: nothing was recorded.
            StoreUnavailable: nothing was recorded.

        """
        return self._write(lambda connection: leases.advance(connection, work, changes, now, lease))

    def identify(self, work: MailboxWork, primary: str, now: datetime) -> bool:
        """Note what the server calls a leased mailbox; return whether that is another name."""
        return self._write(lambda connection: identity.identify(connection, work, primary, now))

    def neighbours(self, work: MailboxWork) -> list[Neighbour]:
        """Return the other mailboxes of the server that hold something of an event in this work."""
        with reading(self._engine) as connection:
            return identity.neighbours(connection, work)

    def merge(self, neighbour: Neighbour, work: MailboxWork, now: datetime) -> bool:
        """Make one mailbox of a neighbour and the leased one; return whether nobody was writing into it."""

        def block(connection: Connection) -> bool:
            if identity.is_leased(connection, neighbour.mailbox_id, now):
                return False
            identity.merge(connection, neighbour.mailbox_id, work.mailbox_id, now)
            return True

        return self._write(block)

    def release(self, work: MailboxWork, trouble: Trouble | None = None, succeeded_at: datetime | None = None) -> None:
        """Give a mailbox back."""
        self._write(lambda connection: leases.release(connection, work, trouble, succeeded_at))

    def servers(self) -> list[Server]:
        """Return every calendar server that a worker has met; a name that is configured no more stays."""
        with reading(self._engine) as connection:
            return servers.read_all(connection)

    def server(self, name: str) -> Server | None:
        """Return one server; None: no worker has met it."""
        with reading(self._engine) as connection:
            return servers.read(connection, name)

    def change_server(self, name: str, change: Callable[[Server], Server]) -> Server:
        """Change a server as it stands now; return what it has become."""
        return self._write(lambda connection: servers.change(connection, name, change))

    def claim_probe(self, name: str, probe: str, now: datetime, lease: timedelta) -> bool:
        """Let one caller of all hosts alone ask something of a server; return whether it is this one."""
        return self._write(lambda connection: servers.claim_probe(connection, name, probe, now, lease))

    def resettle(self, event_ids: Sequence[int], now: datetime) -> None:
        """Have the wishes of these events worked out again."""
        outdated = update(events).where(events.c.id.in_(event_ids)).values(unsettled_at=now)
        self._write(lambda connection: connection.execute(outdated))

    # How things go

    def sight(self, sources: Iterable[str], calendars_down: Iterable[str], now: datetime) -> Sight:
        """Return the numbers of the moment; see `receiver.store.sight.look`."""
        with reading(self._engine) as connection:
            return sight.look(connection, sources, calendars_down, now)

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
            return identity.aliases(connection)

    def repair(self, mailbox: Mailbox, repairs: Mapping[Placement, Placement], now: datetime) -> int | None:
        """Replace placements that are as they were judged; return how many. None: a worker has the mailbox."""
        return self._write(lambda connection: audit.repair(connection, mailbox, repairs, now))

    # Housekeeping

    def beat(self, name: str, now: datetime) -> None:
        """Say that a process is alive and can write."""
        self._write(lambda connection: _beat(connection, name, now))

    def last_beat(self, prefix: str) -> datetime | None:
        """Return when a process whose name begins so was last heard of."""
        with reading(self._engine) as connection:
            return sight.last_beat(connection, prefix)

    def purge(self, now: datetime, tombstone_days: int, journal_days: int) -> int:
        """Drop old tombstones and journal rows; return how many. What is not certain anywhere stays."""
        return self._write(lambda connection: _purge(connection, now, tombstone_days, journal_days))

    def _write(self, block: Callable[[Connection], T]) -> T:
        for _ in range(CONFLICT_RETRIES):
            try:
                with writing(self._engine) as connection:
                    return block(connection)
            except Conflict:
                continue
        with writing(self._engine) as connection:
            return block(connection)


def _beat(connection: Connection, name: str, now: datetime) -> None:
    known = connection.execute(update(heartbeats).where(heartbeats.c.name == name).values(beat_at=now))
    if not known.rowcount:
        connection.execute(insert(heartbeats).values(name=name, beat_at=now))


def _purge(connection: Connection, now: datetime, tombstone_days: int, journal_days: int) -> int:
    placed = exists().where(placements.c.event_id == events.c.id)
    old = events.c.destroyed_at < now - timedelta(days=tombstone_days)
    gone = connection.execute(delete(events).where(old, ~placed)).rowcount
    read = deliveries.c.received_at < now - timedelta(days=journal_days)
    stale = heartbeats.c.beat_at < now - timedelta(days=1)
    connection.execute(delete(heartbeats).where(stale))
    tallies.drop_old(connection, now)
    connection.execute(delete(roles).where(roles.c.gone, roles.c.state_at < now - timedelta(days=tombstone_days)))
    return gone + connection.execute(delete(deliveries).where(read)).rowcount
