"""Picks the rows to work on next, so that a flood of one source or organisation delays the others little.

Each source with waiting rows gets an equal share of a batch. Within the share, some of its organisations get equal
parts, the next ones in each batch. What a share does not use goes to the rows that have waited longest. The order
within an organisation of a source stays. Every query uses an index that begins with source and organisation, so its
cost does not depend on how many rows wait.
"""

import random
from typing import Any

from sqlalchemy import (
    CTE,
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    RowMapping,
    Select,
    String,
    Table,
    bindparam,
    literal,
    select,
    union_all,
)

ORGANISATIONS_AT_ONCE = 10
"""The most organisations of a source in one batch: each costs a query."""
NONE = 0
"""Stands for no organisation: the emitter's ids begin at 1."""
AFTER, OF_NONE, FROM_FIRST = range(3)
"""The order of a source's organisations: those after the last one, rows without organisation, then the first ones."""


class Rota:
    """Which source, and which organisation of each source, had the last turn. Kept in the memory of one process."""

    def __init__(self) -> None:
        self.last: dict[str, int] = {}
        self.source = ""


class WaitingRows:
    """The waiting rows of a table, in their order. The statements are compiled once."""

    def __init__(self, table: Table, waits: ColumnElement[bool], order: Column[Any]) -> None:
        source, organisation = table.c.source, table.c.organisation
        self.oldest = (
            select(table)
            .where(waits)
            .order_by(order)
            .limit(bindparam("limit"))
            .with_for_update(skip_locked=True, key_share=True)
        )
        beyond = select(table.c.id).where(waits).order_by(order).offset(bindparam("limit")).limit(1)
        sources = _walk("sources", select(source).where(waits), source, literal("", String))
        self.sources = select(sources.c.value, beyond.scalar_subquery()).where(sources.c.value.is_not(None))
        theirs = source == bindparam("source")
        of_theirs = select(organisation).where(waits, theirs)
        following = _walk("following", of_theirs, organisation, bindparam("after", type_=BigInteger))
        from_first = _walk("from_first", of_theirs, organisation, literal(NONE, BigInteger))
        none = select(table.c.id).where(waits, theirs, organisation.is_(None)).limit(1).scalar_subquery()
        parts = [_some(following, AFTER), select(literal(OF_NONE), literal(NONE)).where(none.is_not(None))]
        self.organisations = union_all(*parts, _some(from_first, FROM_FIRST))
        self.of_none = self.oldest.where(theirs, organisation.is_(None))
        self.of_organisation = self.oldest.where(theirs, organisation == bindparam("organisation"))


def _some(walk: CTE, part: int) -> Select[Any]:
    some = select(walk.c.value).where(walk.c.value.is_not(None)).limit(bindparam("most")).subquery()
    return select(literal(part), some.c.value)


def _walk(name: str, rows: Select[Any], column: Column[Any], after: ColumnElement[Any]) -> CTE:
    """Return the distinct values of a column after a given one, in order, by skipping along the index.

    The last row is NULL. A database computes only the rows that are read.
    """
    following = rows.order_by(column).limit(1)
    first = select(following.where(column > after).scalar_subquery().label("value"))
    walk = first.cte(name, recursive=True)
    return walk.union_all(
        select(following.where(column > walk.c.value).scalar_subquery()).where(walk.c.value.is_not(None))
    )


def pick(connection: Connection, waiting: WaitingRows, rota: Rota, limit: int) -> list[RowMapping]:
    """Lock and return up to `limit` rows, equal shares first. Rows locked by another transaction are left out."""
    found = connection.execute(waiting.sources, {"limit": limit}).all()
    if not found:
        return []
    if found[0][1] is None:  # no more rows wait than `limit`
        return _rows(connection, waiting.oldest, limit)
    sources = [source for source, _ in found]
    random.shuffle(sources)  # if there are more sources than rows in a batch, each gets a chance
    share = max(limit // max(len(sources), 1), 1)
    picked = {row["id"]: row for source in sources for row in _share(connection, waiting, rota, source, share)}
    if len(picked) < limit:
        for row in _rows(connection, waiting.oldest, limit):
            picked.setdefault(row["id"], row)
    return list(picked.values())[:limit]


def _share(connection: Connection, waiting: WaitingRows, rota: Rota, source: str, share: int) -> list[RowMapping]:
    """Return the rows of a source's share, in equal parts from the organisations that are next."""
    found: list[RowMapping] = []
    turns = _turns(connection, waiting, source, rota.last.get(source, NONE), min(share, ORGANISATIONS_AT_ONCE))
    for nth, organisation in enumerate(turns):
        rest = share - len(found)
        each = -(-rest // (len(turns) - nth))
        query = waiting.of_organisation if organisation != NONE else waiting.of_none
        named = {"organisation": organisation} if organisation != NONE else {}
        found += _rows(connection, query, each, source=source, **named)
        rota.last[source] = organisation
    return found


def _turns(connection: Connection, waiting: WaitingRows, source: str, last: int, most: int) -> list[int]:
    """Return the next organisations of a source that have waiting rows, each once."""
    found = connection.execute(waiting.organisations, {"source": source, "after": last, "most": most}).all()
    in_turn = dict.fromkeys(organisation for _, organisation in sorted(found))
    return list(in_turn)[:most]


def _rows(connection: Connection, query: Select[Any], limit: int, **named: object) -> list[RowMapping]:
    return list(connection.execute(query, {**named, "limit": limit}).mappings())
