"""Limits removals from calendars: counts what each authority removed within the hour and the day."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from receiver.core.removal_limits import RemovalCounts, Span, begin_of
from receiver.core.scope import Authority, read_all
from receiver.store import counters
from receiver.store.database.tables import events, figures, losses, placements

Key = tuple[str, Authority]
"""Platform and authority."""


class Ledger:
    """The removals by the authorities of one batch. Removals that it allows count at once."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._connection = connection
        self._now = now
        self._known: dict[Key, list[RemovalCounts]] = {}
        self._unwritten: Counter[Key] = Counter()
        """The removals of this batch, which are still included when entries are counted."""
        self._changed: set[Key] = set()

    def may_remove(self, platform: str, authority: Authority, entries: int) -> bool:
        """Whether this number of entries may be removed; if so, they count from now on."""
        return self._may(platform, authority, entries, RemovalCounts.may_remove, RemovalCounts.with_removed)

    def may_cancel(self, platform: str, authority: Authority, entries: int) -> bool:
        """Whether this number of entries may be removed after a cancellation; if so, they count from now on."""
        return self._may(platform, authority, entries, RemovalCounts.may_cancel, RemovalCounts.with_cancelled)

    def _may(
        self,
        platform: str,
        authority: Authority,
        entries: int,
        allowed: Callable[[RemovalCounts, int], bool],
        noted: Callable[[RemovalCounts, int], RemovalCounts],
    ) -> bool:
        if entries == 0:
            return True
        key = platform, authority
        spans = self._known.get(key) or self._read(key)
        if any(each.needs_live(entries) for each in spans):
            spans = self._count(key, spans)
        self._known[key] = spans
        if not all(allowed(each, entries) for each in spans):
            return False
        self._known[key] = [noted(each, entries) for each in spans]
        self._unwritten[key] += entries
        self._changed.add(key)
        return True

    def _read(self, key: Key) -> list[RemovalCounts]:
        """Read and lock the present spans; create them if needed."""
        database = postgresql if self._connection.dialect.name == "postgresql" else sqlite
        found = []
        for span in Span:
            row = self._keys(key, span) | {"removed": 0, "cancelled": 0}
            self._connection.execute(database.insert(losses).values(row).on_conflict_do_nothing())
            kept = self._connection.execute(
                select(losses).where(self._is(key, span)).with_for_update(key_share=True)
            ).one()
            found.append(RemovalCounts(span, kept.removed, kept.cancelled, kept.live))
        return found

    def _count(self, key: Key, spans: list[RemovalCounts]) -> list[RemovalCounts]:
        """Count the coming entries at the beginning of a span: those that are left, and those removed since."""
        self._changed.add(key)
        return [each if each.live is not None else each.began_with(*self._left(key, each.span)) for each in spans]

    def _left(self, key: Key, span: Span) -> tuple[int, int]:
        """Return how many entries are left of those at the beginning of a span, and how many in all."""
        last = _last_before(self._connection, span, self._now)
        of_all = live(self._connection, *key, self._now)
        left = of_all if last is None else live(self._connection, *key, self._now, last)
        going = self._unwritten[key]
        return max(left - going, 0), max(of_all - going, 0)

    def write(self) -> None:
        """Write the counts."""
        for key in sorted(self._changed, key=lambda each: (each[0], each[1].text)):
            for each in self._known[key]:
                values = {"live": each.live, "removed": each.removed, "cancelled": each.cancelled}
                self._connection.execute(update(losses).where(self._is(key, each.span)).values(values))

    def _keys(self, key: Key, span: Span) -> dict[str, object]:
        platform, authority = key
        begin = begin_of(span, self._now)
        return {"authority_tag": authority.tag, "platform": platform, "span": span, "starts_at": begin}

    def _is(self, key: Key, span: Span) -> ColumnElement[bool]:
        return and_(*(losses.c[name] == value for name, value in self._keys(key, span).items()))


def mark(connection: Connection, now: datetime) -> None:
    """Note, before placements are added, the last placement at the beginning of the hour and the day."""
    begins = {_MARK + span: begin_of(span, now) for span in Span}
    known = connection.execute(select(figures.c.name, figures.c.taken_at).where(figures.c.name.in_(begins)))
    noted = {row.name: row.taken_at for row in known}
    stale = {name: begin for name, begin in begins.items() if noted.get(name) != begin}
    if not stale:
        return
    last: int = connection.scalar(select(func.max(placements.c.id))) or 0
    for name, begin in stale.items():
        counters.note(connection, {name: last}, begin)


_MARK = "placed/"


def _last_before(connection: Connection, span: Span, now: datetime) -> int | None:
    """Return the number of the last placement at the beginning of a span; None: all existed then."""
    mine = figures.c.name == _MARK + span, figures.c.taken_at == begin_of(span, now)
    last: int | None = connection.scalar(select(figures.c.value).where(*mine))
    return last


def live(connection: Connection, platform: str, authority: Authority, now: datetime, up_to: int | None = None) -> int:
    """Return how many coming entries an authority has, up to the placement of a number."""
    wanted = and_(events.c.platform == platform, events.c.ends_at >= now, placements.c.desired.is_not(None))
    if up_to is not None:
        wanted = and_(wanted, placements.c.id <= up_to)
    columns = events.c.organisation, events.c.tellers
    counted = (
        select(*columns, func.count())
        .join(placements, placements.c.event_id == events.c.id)
        .where(wanted)
        .group_by(*columns)
    )
    return sum(
        count
        for organisation, sent_under, count in connection.execute(counted)
        if authority.speaks_for(organisation, read_all(sent_under))
    )
