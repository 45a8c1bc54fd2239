"""Notes agents and mailboxes that nothing refers to any more, and drops them after a time.

References to an agent are events that list the agent, and a role in an organisation, unless the agent has left the
platform. References to a mailbox are placements, writes, entries read back, and its aliases.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    and_,
    bindparam,
    delete,
    exists,
    func,
    literal,
    or_,
    select,
    tuple_,
    update,
)

from receiver.core.mailboxes import LEFT
from receiver.store.database.tables import adopted, agents, event_agents, events, mailboxes, placements, roles, writes

AT_ONCE = 500
"""Rows that are read in one transaction."""

# A nested subquery, not a join: SQLite would begin with all events of the platform, for each agent.
_OF_THE_PLATFORM = exists().where(events.c.id == event_agents.c.event_id, events.c.platform == agents.c.platform)
_LISTED = exists().where(event_agents.c.ident == agents.c.ident, _OF_THE_PLATFORM.correlate(event_agents, agents))
_HAS_LEFT = func.coalesce(agents.c.email, "").contains(LEFT, autoescape=True)
_HAS_A_PLACE = exists().where(roles.c.platform == agents.c.platform, roles.c.ident == agents.c.ident, ~roles.c.gone)


def _refers(table: Table) -> ColumnElement[bool]:
    """Match mailboxes that a table refers to. With a limit, as PostgreSQL would otherwise read the whole table."""
    first = select(literal(1)).where(table.c.mailbox_id == mailboxes.c.id).limit(1)
    return first.correlate(mailboxes).scalar_subquery().is_not(None)


_home = mailboxes.alias("home")
_HOLDS = or_(
    *(_refers(table) for table in (placements, writes, adopted)),
    # An alias is kept as long as its mailbox: otherwise events would go there under two addresses.
    exists().where(_home.c.id == mailboxes.c.same_as, _home.c.unused_since.is_(None)),
)
_named = mailboxes.alias("named")
_IS_USED: dict[Table, ColumnElement[bool]] = {
    agents: or_(_LISTED, and_(_HAS_A_PLACE, ~_HAS_LEFT)),
    mailboxes: _HOLDS,
}
Key = tuple[Any, ...]


class Round:
    """The position of one process in its round through all agents and mailboxes."""

    def __init__(self) -> None:
        self.table, self.after = agents, ("", "")  # type: tuple[Table, Key]

    def go_on(self, key: Key | None) -> bool:
        """Continue after a row, or with the next table; return whether the round continues."""
        if key is not None:
            self.after = key
            return True
        ends = self.table is mailboxes
        self.table, self.after = (agents, ("", "")) if ends else (mailboxes, (0,))
        return not ends


def seen(connection: Connection, table: Table, after: Key) -> tuple[list[tuple[Key, bool]], Key | None]:
    """Return rows with a wrong note, with whether they are used, and where to continue; None: that was all."""
    key = list(table.primary_key.columns)
    here = tuple_(*key) > tuple_(*after) if len(key) > 1 else key[0] > after[0]
    used = _IS_USED[table].label("used")
    rows = connection.execute(select(*key, table.c.unused_since, used).where(here).order_by(*key).limit(AT_ONCE)).all()
    wrong = [(tuple(row[:-2]), bool(row.used)) for row in rows if bool(row.used) == (row.unused_since is not None)]
    return wrong, tuple(rows[-1][:-2]) if len(rows) == AT_ONCE else None


def note(connection: Connection, table: Table, wrong: Sequence[tuple[Key, bool]], now: datetime) -> None:
    """Note since when rows are unused, or that they are used again."""
    key = list(table.primary_key.columns)
    this = and_(*(column == bindparam(f"key_{column.name}") for column in key))
    statement = update(table).where(this).values(unused_since=bindparam("since"))
    rows = [
        {f"key_{column.name}": value for column, value in zip(key, values, strict=True)}
        | {"since": None if used else now}
        for values, used in wrong
    ]
    if rows:
        connection.execute(statement, rows)


def drop(connection: Connection, now: datetime, forgotten: datetime) -> Counter[str]:
    """Drop some of what has been unused since before a moment; return how many rows, by table."""
    counts: Counter[str] = Counter()
    for table in (agents, mailboxes):
        counts += _drop(connection, table, now, forgotten)
    return counts


def _drop(connection: Connection, table: Table, now: datetime, forgotten: datetime) -> Counter[str]:
    key = list(table.primary_key.columns)
    old = select(*key).where(_is_old(table, now, forgotten)).order_by(*key).limit(AT_ONCE)
    # Lock first, then check: a transaction that adds a reference waits for this lock, or is seen.
    rows = [tuple(row) for row in connection.execute(old.with_for_update(skip_locked=True))]
    if not rows:
        return Counter()
    these = tuple_(*key).in_(rows) if len(key) > 1 else key[0].in_([row[0] for row in rows])
    used = connection.execute(select(*key).where(these, _IS_USED[table])).all()
    note(connection, table, [(tuple(row), True) for row in used], now)
    going = sorted(set(rows) - {tuple(row) for row in used})
    counts: Counter[str] = Counter()
    if going:
        these = tuple_(*key).in_(going) if len(key) > 1 else key[0].in_([row[0] for row in going])
        if table is agents:
            theirs = tuple_(roles.c.platform, roles.c.ident).in_(going)
            counts[roles.name] += connection.execute(delete(roles).where(theirs)).rowcount
        counts[table.name] += connection.execute(delete(table).where(these)).rowcount
    return counts


def count(connection: Connection, now: datetime, forgotten: datetime) -> dict[str, int]:
    """Return how many rows have been unused since before a moment, by table."""
    return {
        table.name: connection.execute(
            select(func.count()).select_from(table).where(_is_old(table, now, forgotten), ~_IS_USED[table])
        ).scalar_one()
        for table in (agents, mailboxes)
    }


def _is_old(table: Table, now: datetime, forgotten: datetime) -> ColumnElement[bool]:
    if table is agents:
        return and_(agents.c.unused_since < forgotten, agents.c.state_at < forgotten)
    free = or_(mailboxes.c.leased_until.is_(None), mailboxes.c.leased_until <= now)
    return and_(mailboxes.c.unused_since < forgotten, free, ~exists().where(_named.c.same_as == mailboxes.c.id))
