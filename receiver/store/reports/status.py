"""The numbers of the moment, in a fixed number of queries."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, ScalarSelect, and_, func, select

from receiver.core.mailboxes import Mailbox
from receiver.store import heartbeats
from receiver.store.database import rights
from receiver.store.database.engine import chunks
from receiver.store.database.tables import deliveries, events, installation, mailboxes, placements
from receiver.store.intake import inbox, set_aside
from receiver.store.intake.set_aside import Group
from receiver.store.reports import overview
from receiver.store.reports.overview import FailureGroup, FailureScope
from receiver.store.work import rulesets, settling

COUNTED = 10_000
"""Limit to which waiting rows are counted."""
FIRST = 1_000
"""The number of oldest changes whose mailboxes are checked first."""


@dataclass(frozen=True, slots=True)
class Sight:
    """The numbers of one moment."""

    created_at: datetime
    """When the store was made."""
    worker_beat_at: datetime | None
    worker_deaths: int
    """Workers that ended within `heartbeats.DEATHS_WITHIN` without a goodbye."""
    worker_deaths_since: datetime | None
    """Last heartbeat of the first of them."""
    worker_deaths_moments: tuple[datetime, ...]
    """Last heartbeats of the `heartbeats.DEATHS_NAMED` that died last, the newest first."""
    due: int
    """Changes that wait to be written; `COUNTED`: this number or more."""
    unsettled: int
    """Webhooks to be judged, and events to be settled; `COUNTED`: this number or more."""
    oldest_due_at: datetime | None
    """Since when the oldest change waits, as webhook or entry, without those of troubles."""
    removals_held: int | None
    failures: tuple[FailureGroup, ...] = ()
    last_webhook: dict[str, datetime] = field(default_factory=dict)
    """By source: when the last one was kept."""
    removals_held_since: datetime | None = None
    installation: str = ""
    """The installation's id, which marks each entry."""
    must_adopt: bool = False
    uninstalled_at: datetime | None = None
    set_aside: tuple[Group, ...] = ()
    """Webhooks that wait for a decision."""
    unsettled_since: datetime | None = None
    """Since when the oldest unsettled event waits."""
    web_beat_at: datetime | None = None
    watch_beat_at: datetime | None = None
    retried: tuple[FailureGroup, ...] = ()
    """Entries that are refused and retried again and again."""

    @property
    def mailboxes(self) -> tuple[FailureGroup, ...]:
        """Mailboxes that fail."""
        return self._of(FailureScope.MAILBOX)

    @property
    def entries(self) -> tuple[FailureGroup, ...]:
        """Entries that are not retried."""
        return self._of(FailureScope.ENTRY)

    @property
    def events(self) -> tuple[FailureGroup, ...]:
        """Events that no calendar can show."""
        return self._of(FailureScope.EVENT)

    def _of(self, scope: FailureScope) -> tuple[FailureGroup, ...]:
        return tuple(group for group in self.failures if group.scope is scope)


def look(connection: Connection, sources: Iterable[str], calendars_down: Iterable[str], now: datetime) -> Sight:
    """Read the numbers of the moment.

    Args:
        connection: to read from.
        sources: the sources whose last webhook is read.
        calendars_down: servers in trouble; what waits for them does not count as backlog.
        now: the moment.

    """
    held = rulesets.held(connection)
    who = connection.execute(
        select(
            installation,
            heartbeats.newest_beat(heartbeats.WORKERS).label("beat_at"),
            _counted(placements.c.due_at, placements.c.due_at <= now).label("due"),
            _counted(events.c.unsettled_at, events.c.unsettled_at.is_not(None)).label("unsettled"),
            select(func.min(events.c.unsettled_at))
            .where(events.c.unsettled_at.is_not(None))
            .scalar_subquery()
            .label("unsettled_since"),
            heartbeats.newest_beat(heartbeats.SERVES).label("web_beat_at"),
            heartbeats.newest_beat(heartbeats.WATCH).label("watch_beat_at"),
            heartbeats.count_deaths(now).label("deaths"),
            heartbeats.first_death(now).label("deaths_since"),
        )
    ).one()
    waiting, received_at = inbox.waiting(connection, COUNTED)
    oldest = received_at, _oldest_due(connection, calendars_down, now)
    failures, retried = overview.failures_and_retries(connection, now)
    return Sight(
        created_at=who.created_at,
        worker_beat_at=who.beat_at,
        worker_deaths=who.deaths,
        worker_deaths_since=who.deaths_since,
        worker_deaths_moments=heartbeats.last_deaths(connection, now) if who.deaths else (),
        due=who.due,
        unsettled=min(waiting + who.unsettled, COUNTED),
        oldest_due_at=min(filter(None, oldest), default=None),
        removals_held=held.removals if held else None,
        failures=tuple(failures),
        last_webhook=_last_webhooks(connection, list(sources)),
        removals_held_since=held.since if held else None,
        installation=who.id,
        must_adopt=who.must_adopt,
        uninstalled_at=who.uninstalled_at,
        set_aside=tuple(set_aside.groups(connection, now)),
        unsettled_since=who.unsettled_since,
        web_beat_at=who.web_beat_at,
        watch_beat_at=who.watch_beat_at,
        retried=tuple(retried),
    )


def _oldest_due(connection: Connection, calendars_down: Iterable[str], now: datetime) -> datetime | None:
    """Check the oldest changes; if all are in trouble, query mailbox by mailbox: there are fewer mailboxes."""
    healthy = and_(mailboxes.c.failure.is_(None), mailboxes.c.calendar.not_in(sorted(calendars_down)))
    due = select(placements.c.due_at, placements.c.mailbox_id).where(placements.c.due_at <= now)
    first = due.order_by(placements.c.due_at).limit(FIRST).subquery()
    of_these = first.join(mailboxes, mailboxes.c.id == first.c.mailbox_id)
    looked = select(func.count(), func.min(first.c.due_at).filter(healthy)).select_from(of_these)
    count: int
    oldest: datetime | None
    count, oldest = connection.execute(looked).one()
    if oldest is not None or count < FIRST:
        return oldest
    own = due.with_only_columns(placements.c.due_at).where(placements.c.mailbox_id == mailboxes.c.id)
    each = (
        select(own.order_by(placements.c.due_at).limit(1).scalar_subquery().label("due_at")).where(healthy).subquery()
    )
    oldest = connection.scalar(select(func.min(each.c.due_at)))
    return oldest


def _counted(column: ColumnElement[datetime], wanted: ColumnElement[bool]) -> ScalarSelect[int]:
    """Count along the column's index: without an order PostgreSQL would read the whole table."""
    some = select(column).where(wanted).order_by(column).limit(COUNTED).subquery()
    return select(func.count()).select_from(some).scalar_subquery()


def _last_webhooks(connection: Connection, sources: Sequence[str]) -> dict[str, datetime]:
    found: dict[str, datetime] = {}
    for chunk in chunks(sources):
        newest = [
            select(func.max(deliveries.c.received_at)).where(deliveries.c.source == name).scalar_subquery()
            for name in chunk
        ]
        moments = connection.execute(select(*newest)).one()
        found |= {name: moment for name, moment in zip(chunk, moments, strict=True) if moment is not None}
    return found


def last_written(connection: Connection, calendar: str) -> Mailbox | None:
    """Return the mailbox of a calendar that was last written with success and is in no trouble; None: none."""
    newest = (
        select(mailboxes.c.calendar, mailboxes.c.address)
        .where(mailboxes.c.calendar == calendar, mailboxes.c.succeeded_at.is_not(None), mailboxes.c.failure.is_(None))
        .where(mailboxes.c.same_as.is_(None))
        .order_by(mailboxes.c.succeeded_at.desc())
        .limit(1)
    )
    row = connection.execute(newest).first()
    return Mailbox(row.calendar, row.address) if row else None


def to_ask_about(connection: Connection, calendar: str, most: int) -> list[str]:
    """Return mailboxes of a calendar to ask the server about: first those that it last answered about."""
    by = mailboxes.c.failure.is_not(None), mailboxes.c.succeeded_at.is_(None), mailboxes.c.succeeded_at.desc()
    mine = select(mailboxes.c.address).where(mailboxes.c.calendar == calendar, mailboxes.c.same_as.is_(None))
    return list(connection.scalars(mine.order_by(*by, mailboxes.c.id).limit(most)))


def has_backlog(connection: Connection, more_than: int) -> bool:
    """Whether more than this number of webhooks, or of events if those may be read, wait to be judged or settled."""
    if not rights.may_judge(connection):
        return inbox.size_by_number(connection, more_than + 1) > more_than
    return inbox.size(connection, more_than + 1) > more_than or settling.has_unsettled(connection, more_than)
