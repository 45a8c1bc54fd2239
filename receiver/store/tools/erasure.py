"""Erases one agent from the record, for requests under data protection law."""

from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Engine,
    Select,
    Table,
    and_,
    delete,
    exists,
    func,
    or_,
    select,
    text,
    update,
)

from receiver.core.addresses import spellings
from receiver.core.facts import EventKind, Model
from receiver.core.mailboxes import Mailbox, MailboxMap, has_left
from receiver.core.plan import Placement
from receiver.core.ruleset import read_ruleset
from receiver.store.database.engine import chunks
from receiver.store.database.tables import (
    adopted,
    agent_words,
    agents,
    event_agents,
    events,
    mailboxes,
    placements,
    roles,
    set_aside,
    tokens,
    writes,
)
from receiver.store.database.tables import inbox as waiting
from receiver.store.database.tables import rulesets as ruleset_rows
from receiver.store.intake import inbox
from receiver.store.intake.judge_agents import is_of_unknown_agent
from receiver.store.work import mailbox_identity, rulesets
from receiver.store.work.placements import placement_of

PERSONAL = (
    waiting,
    set_aside,
    agents,
    agent_words,
    roles,
    event_agents,
    events,
    placements,
    mailboxes,
    adopted,
    writes,
    ruleset_rows,
)
"""Tables of which rows are erased."""

AGENDA = (Model.ABSENCE, Model.PLAGE_OUVERTURE)
"""Events that belong to one agent and are erased with the agent; an appointment also concerns other people."""


@dataclass(frozen=True, slots=True)
class Erased:
    """What was erased of one agent, and what was not."""

    counts: Mapping[str, int] = field(default_factory=dict)
    """Rows, by table."""
    removals: int = 0
    """Entries that the worker must remove or look up before their mailbox can be erased."""
    busy: bool = False
    """Nothing was erased: a worker is writing into a mailbox of the agent at this moment."""
    active: bool = False
    """As far as we know, the agent still works on the platform."""
    mapped: bool = False
    """A mapping that is in force, or waits for a confirmation, names the agent."""
    shared: bool = False
    """A mailbox of the agent stays, because another agent has it too."""


def erase(connection: Connection, email: str, mapping: MailboxMap, now: datetime, *, with_entries: bool) -> Erased:
    """Erase the record of one agent. Runs inside a write transaction. A second run finds nothing.

    Args:
        connection: the transaction.
        email: the agent's, in lower case; or the address of a mailbox that was the agent's.
        mapping: the mapping in force, which gives the agent's mailbox.
        now: the moment.
        with_entries: whether the worker removes the entries from the calendar first; if not, they stay there, without a
            record.

    """
    inbox.judge_all(connection, now)  # waiting webhooks may concern the agent too
    subject = _Subject(connection, email, mapping, now)
    if subject.is_busy():
        return Erased(busy=True)
    active = subject.is_active()
    counts: Counter[str] = Counter(inbox=sum(inbox.drop(connection, each) for each in spellings(email)))
    if not with_entries:
        counts["placements"] += subject.drop_placements()
    counts["events"] += subject.drop_agenda(purged=not with_entries)
    counts["event_agents"] += subject.drop_links()
    counts["roles"] += _rows(connection, roles, subject.is_theirs(roles))
    counts["agents"] += _rows(connection, agents, subject.is_theirs(agents))
    counts["agent_words"] += _rows(connection, agent_words, is_of_unknown_agent())
    counts["set_aside"] += subject.drop_set_aside()
    counts["rulesets"] += subject.drop_rulesets()
    counts["tokens"] += subject.drop_labels()
    counts += subject.drop_mailboxes()
    return Erased(counts, subject.removals(), False, active, subject.is_mapped(), bool(subject.shared))


class _Subject:
    """The agent, and what is found of the agent."""

    def __init__(self, connection: Connection, email: str, mapping: MailboxMap, now: datetime) -> None:
        self._connection, self._email, self._mapping, self._now = connection, email, mapping, now
        self._spellings = spellings(email)
        self._known = connection.execute(select(agents).where(self._is_named()).with_for_update()).all()
        self._aliases = mailbox_identity.aliases(connection)
        self.shared, self.own = self._mailboxes()

    def is_active(self) -> bool:
        return any(not has_left(row.email) and row.roles_gone_at is None for row in self._known)

    def is_theirs(self, table: Table) -> ColumnElement[bool]:
        """Match rows with a platform and an ident that are the agent's. To be used before those are deleted."""
        if table is agents:
            return self._is_named()
        same = agents.c.platform == table.c.platform, agents.c.ident == table.c.ident
        return exists().where(*same, self._is_named())

    def _is_named(self) -> ColumnElement[bool]:
        """Match rows of agents with the e-mail. There may be thousands, so the statement does not list them."""
        same_agent = agent_words.c.platform == agents.c.platform, agent_words.c.ident == agents.c.ident
        columns = agents.c.email, agents.c.former_email
        words = agent_words.c.email, agent_words.c.former_email
        return or_(
            *(func.lower(func.coalesce(column, "")).in_(self._spellings) for column in columns),
            exists().where(*same_agent, or_(*(func.lower(column).in_(self._spellings) for column in words))),
        )

    def is_busy(self) -> bool:
        """Whether a call may be running, whose outcome needs the record."""
        return any(mailbox_identity.is_leased(self._connection, number, self._now) for number in sorted(self.own))

    def is_mapped(self) -> bool:
        newest = select(func.max(ruleset_rows.c.id)).where(ruleset_rows.c.adopted_at.is_not(None)).scalar_subquery()
        standing = select(ruleset_rows.c.id).where(self._names_them(), ruleset_rows.c.id >= newest)
        return self._connection.execute(standing.limit(1)).first() is not None

    # Mailboxes

    def _mailboxes(self) -> tuple[frozenset[int], frozenset[int]]:
        """Return the rows of the agent's mailboxes with all their addresses: those shared with others, and the rest."""
        places, others = self._places(), self._places_of_others()
        homes = {self._home(place) for place in others}
        shared: set[int] = set()
        own: set[int] = set()
        for row in self._connection.execute(select(mailboxes)):
            place = Mailbox(row.calendar, row.address)
            home = self._home(place)
            if {place, home} & places or not self._spellings.isdisjoint({row.address, (row.identity or "").lower()}):
                # An alias of a colleague's mailbox may belong to the agent only.
                of_others = place in others or (place == home and home in homes)
                (shared if of_others else own).add(row.id)
        return frozenset(shared), frozenset(own)

    def _places(self) -> set[Mailbox]:
        """Return the mailboxes of the agent by this mapping or a former one."""
        rows = self._connection.scalars(select(ruleset_rows.c.content).where(self._names_them()))
        mappings = [self._mapping, *(read_ruleset(text).mailboxes for text in rows)]
        named = {place for mapping in mappings if isinstance(place := mapping.locate(self._email), Mailbox)}
        return named | {self._home(place) for place in named}

    def _places_of_others(self) -> set[Mailbox]:
        others = self._connection.execute(select(agents.c.email, agents.c.former_email).where(~self.is_theirs(agents)))
        return self._located(email for row in others for email in row)

    def _located(self, emails: Iterable[str | None]) -> set[Mailbox]:
        places = (self._mapping.locate(email) for email in emails)
        return {place for place in places if isinstance(place, Mailbox)}

    def _home(self, place: Mailbox) -> Mailbox:
        """Return the mailbox that an address is an alias of, or the address itself."""
        return self._aliases.get(place, place)

    def _names_them(self) -> ColumnElement[bool]:
        text = func.lower(ruleset_rows.c.content)
        return or_(*(text.contains(f'"{each}"', autoescape=True) for each in sorted(self._spellings)))

    # What is erased

    def drop_placements(self) -> int:
        """Drop placements and leave the entries; in a shared mailbox, needed or doubtful placements stay."""
        dropped = _rows_of(self._connection, placements, placements.c.mailbox_id, self.own)
        theirs = select(placements, events.c.uid).join(events, events.c.id == placements.c.event_id)
        theirs = theirs.where(placements.c.event_id.in_(self._events()))
        held = [
            row
            for chunk in chunks(sorted(self.shared))
            for row in self._connection.execute(theirs.where(placements.c.mailbox_id.in_(chunk))).mappings()
        ]
        needed = self._needed_by_others()
        gone = [row["id"] for row in held if row["event_id"] not in needed and _is_certain(placement_of(row))]
        return dropped + _rows_of(self._connection, placements, placements.c.id, gone)

    def _needed_by_others(self) -> set[int]:
        """Return the events that have another agent with the same mailbox."""
        places = self._places()
        colleagues = self._connection.execute(
            select(event_agents.c.event_id, agents.c.email, agents.c.former_email)
            .join(events, events.c.id == event_agents.c.event_id)
            .join(agents, (agents.c.ident == event_agents.c.ident) & (agents.c.platform == events.c.platform))
            .where(event_agents.c.event_id.in_(self._events()), ~self.is_theirs(agents))
        )
        located = ((row.event_id, self._located([row.email, row.former_email])) for row in colleagues)
        return {event_id for event_id, found in located if {self._home(place) for place in found} & places}

    def drop_agenda(self, *, purged: bool) -> int:
        """Drop absences and plages. One that still has an entry becomes a tombstone until the entry is removed."""
        agenda = and_(events.c.id.in_(self._events()), events.c.model.in_(AGENDA))
        placed = exists().where(placements.c.event_id == events.c.id)
        tombstone = {
            "facts": None,
            "ends_at": None,
            "kind": EventKind.DESTROYED,
            "purged": purged,
            "destroyed_at": self._now,
            "changed_at": self._now,
            "unsettled_at": self._now,
            "unmapped": 0,
            "failure": None,
        }
        kept = self._connection.execute(
            update(events).where(agenda, placed, events.c.facts.is_not(None)).values(tombstone)
        ).rowcount
        return kept + _rows(self._connection, events, and_(agenda, ~placed))

    def drop_links(self) -> int:
        """Remove the agent from appointments, and mark these to be settled again."""
        theirs = events.c.id.in_(self._events()), events.c.facts.is_not(None)
        self._connection.execute(update(events).where(*theirs).values(unsettled_at=self._now))
        return _rows(self._connection, event_agents, self._is_link())

    def _events(self) -> Select[tuple[int]]:
        return select(event_agents.c.event_id).where(self._is_link())

    def _is_link(self) -> ColumnElement[bool]:
        """Whether an event lists the agent."""
        linked = events.alias("linked")
        theirs = and_(linked.c.id == event_agents.c.event_id, linked.c.platform == agents.c.platform)
        there = exists().where(theirs, agents.c.ident == event_agents.c.ident, self._is_named())
        return and_(event_agents.c.ident.in_(select(agents.c.ident).where(self._is_named())), there)

    def drop_rulesets(self) -> int:
        """Drop former rulesets that name the agent."""
        newest = rulesets.newest_id(self._connection) or 0
        return _rows(self._connection, ruleset_rows, and_(self._names_them(), ruleset_rows.c.id < newest))

    def drop_set_aside(self) -> int:
        """Drop webhooks that wait for a decision and name the agent."""
        return _rows(self._connection, set_aside, self._contains(set_aside.c.news))

    def drop_labels(self) -> int:
        """Remove the agent's address from the labels of tokens; the tokens stay valid."""
        named = self._contains(tokens.c.label)
        return self._connection.execute(update(tokens).where(named).values(label="")).rowcount

    def _contains(self, column: Column[str]) -> ColumnElement[bool]:
        return or_(*(func.lower(column).contains(each, autoescape=True) for each in sorted(self._spellings)))

    def drop_mailboxes(self) -> Counter[str]:
        """Drop the agent's mailboxes without placements, each with all its addresses."""
        counts: Counter[str] = Counter()
        placed = exists().where(placements.c.mailbox_id == mailboxes.c.id)
        own = sorted(self.own)
        # Aliases first: they refer to their mailbox.
        for each in (mailboxes.c.same_as.is_not(None), mailboxes.c.same_as.is_(None)):
            named = mailboxes.alias("named")
            empty = select(mailboxes.c.id).where(~placed, each, ~exists().where(named.c.same_as == mailboxes.c.id))
            numbers = [
                number
                for chunk in chunks(own)
                for number in self._connection.scalars(empty.where(mailboxes.c.id.in_(chunk)))
            ]
            for name, table in (("writes", writes), ("adopted", adopted)):
                counts[name] += _rows_of(self._connection, table, table.c.mailbox_id, numbers)
            counts["mailboxes"] += _rows_of(self._connection, mailboxes, mailboxes.c.id, numbers)
        return counts

    def removals(self) -> int:
        """Count the placements that are left in the agent's own mailboxes."""
        held = select(func.count()).select_from(placements)
        return sum(
            self._connection.execute(held.where(placements.c.mailbox_id.in_(chunk))).scalar_one()
            for chunk in chunks(sorted(self.own))
        )


def _is_certain(placement: Placement) -> bool:
    return not placement.in_doubt and placement.desired is not None


def _rows(connection: Connection, table: Table, condition: ColumnElement[bool]) -> int:
    return connection.execute(delete(table).where(condition)).rowcount


def _rows_of(connection: Connection, table: Table, column: ColumnElement[int], values: Iterable[int]) -> int:
    return sum(_rows(connection, table, column.in_(chunk)) for chunk in chunks(sorted(values)))


def overwrite_freed(engine: Engine) -> bool:
    """Overwrite deleted data in the files too; False: a reader prevented it, to be tried again.

    SQLite overwrites what it frees (`secure_delete`), but its write-ahead log keeps older pages until it is emptied.
    PostgreSQL reuses the space of deleted rows after a VACUUM.
    """
    if engine.dialect.name == "sqlite":
        with closing(engine.raw_connection()) as raw:
            busy, *_ = raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            return bool(busy == 0)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"VACUUM {', '.join(table.name for table in PERSONAL)}"))
    return True
