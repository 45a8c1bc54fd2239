"""Picks what is next of what waits, so that a flood of one source or organisation delays the others little.

Of each batch every source that has something waiting gets an equal share, and within it some of its organisations, the
next ones each time; what a share leaves goes to what has waited longest. Within an organisation of a source the order
stays. Each question is answered by an index that begins with source and organisation, however much waits.
"""

import random
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, RowMapping, Select, Table, bindparam, select

ORGANISATIONS_AT_ONCE = 10
"""So many of a source have their turn in one batch: each costs two questions."""
NONE = 0
"""Stands for no organisation: the emitter counts from 1."""


class Rota:
    """Which source, and which organisation of each, had the last turn, in the memory of one process."""

    def __init__(self) -> None:
        self.last: dict[str, int] = {}
        self.source = ""


class Line:
    """Rows of a table that wait, in their order. Its statements are written once."""

    def __init__(self, table: Table, waits: ColumnElement[bool], order: Column[Any]) -> None:
        source, organisation = table.c.source, table.c.organisation
        self.oldest = (
            select(table).where(waits).order_by(order).limit(bindparam("limit")).with_for_update(skip_locked=True)
        )
        beyond = select(table.c.id).where(waits).order_by(order).offset(bindparam("limit")).limit(1)
        sources = select(source).where(waits).limit(1)
        ends = sources.order_by(source), sources.order_by(source.desc())
        self.ends = select(*(each.scalar_subquery() for each in (beyond, *ends)))
        self.next_source = select(source).where(waits, source > bindparam("after")).order_by(source).limit(1)
        theirs = source == bindparam("source")
        organisations = select(organisation).where(waits, theirs).order_by(organisation).limit(1)
        nones = select(table.c.id).where(waits, theirs, organisation.is_(None)).limit(1)
        following = (
            organisations.where(organisation > bindparam("after")),
            nones,
            organisations.where(organisation > NONE),
        )
        self.following = select(*(each.scalar_subquery() for each in following))
        self.of_none = self.oldest.where(theirs, organisation.is_(None))
        self.of_organisation = self.oldest.where(theirs, organisation == bindparam("organisation"))


def pick(connection: Connection, line: Line, rota: Rota, limit: int) -> list[RowMapping]:
    """Lock and return up to `limit` rows, equal shares first. Rows that another transaction holds are left out."""
    beyond, first, last = connection.execute(line.ends, {"limit": limit}).one()
    if beyond is None:
        return _rows(connection, line.oldest, limit)
    sources = [first] if first == last else list(_sources(connection, line))
    random.shuffle(sources)  # of more than a batch has rows for, each has its turn
    share = max(limit // max(len(sources), 1), 1)
    picked = {row["id"]: row for source in sources for row in _share(connection, line, rota, source, share)}
    if len(picked) < limit:
        for row in _rows(connection, line.oldest, limit):
            picked.setdefault(row["id"], row)
    return list(picked.values())[:limit]


def _sources(connection: Connection, line: Line) -> Iterator[str]:
    source: str | None = ""
    while (source := connection.scalar(line.next_source, {"after": source})) is not None:
        yield source


def _share(connection: Connection, line: Line, rota: Rota, source: str, share: int) -> list[RowMapping]:
    """Return the share of a source, equally of those organisations whose turn it is."""
    found: list[RowMapping] = []
    turns = _turns(connection, line, source, rota.last.get(source, NONE), min(share, ORGANISATIONS_AT_ONCE))
    for nth, organisation in enumerate(turns):
        rest = share - len(found)
        each = -(-rest // (len(turns) - nth))
        query = line.of_organisation if organisation != NONE else line.of_none
        named = {"organisation": organisation} if organisation != NONE else {}
        found += _rows(connection, query, each, source=source, **named)
        rota.last[source] = organisation
    return found


def _turns(connection: Connection, line: Line, source: str, last: int, most: int) -> list[int]:
    """Return the next organisations of a source that have something waiting, each once."""
    found: list[int] = []
    at: int | None = last
    while len(found) < most:
        at = _next(connection, line, source, at or NONE)
        if at is None or at in found:
            break
        found.append(at)
    return found


def _next(connection: Connection, line: Line, source: str, after: int) -> int | None:
    following, none, first = connection.execute(line.following, {"source": source, "after": after}).one()
    if following is not None:
        return int(following)
    return NONE if none is not None else first


def _rows(connection: Connection, query: Select[Any], limit: int, **named: object) -> list[RowMapping]:
    return list(connection.execute(query, {**named, "limit": limit}).mappings())
