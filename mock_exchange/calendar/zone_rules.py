"""When a zone's clock is put forward and back, as rules of one year. Knows neither iCalendar nor EWS."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache

from mock_exchange.calendar.times import zone_of

LAST_WEEK = 22
"""A change on this day or later is meant for the month's last such weekday: no zone names a fourth one."""
HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class ClockChange:
    """One change, at a wall-clock time that the clock before it shows."""

    before: timedelta
    """Offset from UTC."""
    after: timedelta
    wall: datetime
    """Without a zone."""

    @property
    def forward(self) -> bool:
        """Whether daylight saving begins."""
        return self.after > self.before

    @property
    def position(self) -> int:
        """Which one of its weekday in its month; -1 is the last."""
        return -1 if self.wall.day >= LAST_WEEK else (self.wall.day - 1) // 7 + 1


@cache
def clock_changes(windows_id: str, year: int) -> tuple[ClockChange, ...]:
    """Return a year's changes in order; none where the zone keeps its time."""
    return tuple(_changes(zone_of(windows_id), year))


def standard_offset(windows_id: str, year: int) -> timedelta:
    """Return the offset from UTC that holds outside of daylight saving."""
    changes = clock_changes(windows_id, year)
    offsets = [min(change.before, change.after) for change in changes]
    return offsets[0] if offsets else _offset(zone_of(windows_id), datetime(year, 1, 1, tzinfo=UTC))


def _changes(zone: tzinfo, year: int) -> Iterator[ClockChange]:
    day = datetime(year, 1, 1, tzinfo=UTC)
    while day.year == year:
        following = day + timedelta(days=1)
        if _offset(zone, day) != _offset(zone, following):
            moment = next(hour for hour in _hours(day) if _offset(zone, hour) != _offset(zone, hour - HOUR))
            before = _offset(zone, moment - HOUR)
            yield ClockChange(before, _offset(zone, moment), (moment + before).replace(tzinfo=None))
        day = following


def _hours(day: datetime) -> Iterator[datetime]:
    return (day + HOUR * hour for hour in range(1, 25))


def _offset(zone: tzinfo, moment: datetime) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta()
