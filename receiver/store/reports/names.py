"""Names in the record of coming events that the configuration may lack after a change: renamed or removed.

There are few names and many events: the names are read along an index, and only the rows of lost names are counted.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Column, ColumnElement, Connection, and_, func, or_, select

from receiver.core.facts import Emitter, Model
from receiver.store.database.tables import events, mailboxes, placements
from receiver.store.work.placements import may_be_there


@dataclass(frozen=True, slots=True)
class ComingOrganisation:
    """An organisation of RDVs or plages to come."""

    platform: str
    emitter: Emitter
    organisation: int
    events: int


def _coming(now: datetime) -> ColumnElement[bool]:
    return and_(events.c.facts.is_not(None), events.c.ends_at >= now)


def _lost(connection: Connection, column: Column[str], configured: Collection[str]) -> Iterator[str]:
    """Read the names of a column along its index; yield those that are not configured."""
    name: str | None = connection.scalar(select(func.min(column)))
    while name is not None:
        if name not in configured:
            yield name
        name = connection.scalar(select(func.min(column)).where(column > name))


def lost_platforms(connection: Connection, configured: Collection[str], now: datetime) -> dict[str, int]:
    """Return the platforms of events to come that are not configured, and how many events each has."""
    counts = {
        name: connection.scalar(select(func.count()).where(events.c.platform == name, _coming(now)))
        for name in _lost(connection, events.c.platform, configured)
    }
    return {name: count for name, count in counts.items() if count}


def is_known_platform(connection: Connection, platform: str) -> bool:
    """Whether there is an event of a platform."""
    return connection.execute(select(events.c.id).where(events.c.platform == platform).limit(1)).first() is not None


def has_lost_events(
    connection: Connection,
    configured: Collection[str],
    emitter: Emitter,
    organisations: Collection[int] | None,
    now: datetime,
) -> bool:
    """Whether a platform that is not configured has events to come of an emitter, and of some organisations.

    Args:
        connection: to read from.
        configured: the configured platforms.
        emitter: the emitter of the events.
        organisations: of which organisations; None: of any.
        now: the moment.

    """
    wanted = [_coming(now), events.c.emitter == emitter]
    if organisations is not None:
        wanted.append(events.c.organisation.in_(sorted(organisations)))
    return any(
        connection.execute(select(events.c.id).where(events.c.platform == name, *wanted).limit(1)).first()
        for name in _lost(connection, events.c.platform, configured)
    )


def lost_calendars(connection: Connection, configured: Collection[str], now: datetime) -> dict[str, int]:
    """Return the calendars that are not configured and hold entries of events that are not over, with counts."""
    lost = list(_lost(connection, mailboxes.c.calendar, configured))
    if not lost:
        return {}
    found = (
        select(mailboxes.c.calendar, func.count())
        .select_from(placements)
        .join(mailboxes, mailboxes.c.id == placements.c.mailbox_id)
        .join(events, events.c.id == placements.c.event_id)
        .where(mailboxes.c.calendar.in_(lost), may_be_there(), or_(events.c.ends_at.is_(None), events.c.ends_at >= now))
        .group_by(mailboxes.c.calendar)
        .order_by(mailboxes.c.calendar)
    )
    return {row[0]: row[1] for row in connection.execute(found)}


def lost_sources(connection: Connection, configured: Collection[str], now: datetime) -> dict[str, int]:
    """Return the sources that are not configured and last sent coming events, with counts. Reads every event."""
    found = (
        select(events.c.source, func.count())
        .where(events.c.source.not_in(sorted(configured)), _coming(now))
        .group_by(events.c.source)
        .order_by(events.c.source)
    )
    return {row[0]: row[1] for row in connection.execute(found)}


def coming_organisations(connection: Connection, now: datetime) -> list[ComingOrganisation]:
    """Return the organisations of RDVs and plages to come. Reads every event."""
    keys = events.c.platform, events.c.emitter, events.c.organisation
    found = (
        select(*keys, func.count())
        .where(_coming(now), events.c.organisation.is_not(None), events.c.model != Model.ABSENCE)
        .group_by(*keys)
        .order_by(*keys)
    )
    return [ComingOrganisation(row[0], Emitter(row[1]), row[2], row[3]) for row in connection.execute(found)]
