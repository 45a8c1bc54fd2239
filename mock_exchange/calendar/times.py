"""Times as EWS writes them (UTC, ``Z``, whole seconds), and when a zone's clock is put forward and back."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache
from zoneinfo import ZoneInfo

from mock_exchange.errors import EwsError

WINDOWS_ZONES = {
    "UTC": "Etc/UTC",
    "Greenwich Standard Time": "Atlantic/Reykjavik",
    "GMT Standard Time": "Europe/London",
    "Romance Standard Time": "Europe/Paris",
    "W. Europe Standard Time": "Europe/Berlin",
    "SA Western Standard Time": "America/La_Paz",
    "SA Eastern Standard Time": "America/Cayenne",
    "Saint Pierre Standard Time": "America/Miquelon",
    "Mauritius Standard Time": "Indian/Mauritius",
    "E. Africa Standard Time": "Africa/Nairobi",
    "Central Pacific Standard Time": "Pacific/Guadalcanal",
    "Hawaiian Standard Time": "Pacific/Honolulu",
    "Marquesas Standard Time": "Pacific/Marquesas",
    "UTC-09": "Etc/GMT+9",
    "UTC+12": "Etc/GMT-12",
    "West Asia Standard Time": "Asia/Tashkent",
    "Eastern Standard Time": "America/New_York",
    "Pacific Standard Time": "America/Los_Angeles",
}
"""The zones a French administration meets, overseas ones included, and two that examples like to use."""

LAST_WEEK = 22
"""A change on this day or later is meant for the month's last such weekday: no zone names a fourth one."""
HOUR = timedelta(hours=1)


def now() -> datetime:
    """Return the current time in whole seconds."""
    return datetime.now(UTC).replace(microsecond=0)


def to_wire(moment: datetime) -> str:
    """Write a time as Exchange answers it; some clients reject fractions of a second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse(text: str, zone: tzinfo = UTC) -> datetime:
    """Read a time of the wire; one without an offset is meant in the zone.

    Raises:
        EwsError: it is no time.

    """
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise EwsError("ErrorInvalidRequest", "A value is not a valid dateTime.") from error
    aware = moment if moment.tzinfo else moment.replace(tzinfo=zone)
    return aware.astimezone(UTC).replace(microsecond=0)


def zone_of(windows_id: str | None) -> tzinfo:
    """Return the zone of a Windows id; UTC for none and for one this mock does not know."""
    name = WINDOWS_ZONES.get(windows_id or "")
    return ZoneInfo(name) if name else UTC


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
    return offsets[0] if offsets else _utc_offset(zone_of(windows_id), datetime(year, 1, 1, tzinfo=UTC))


def _changes(zone: tzinfo, year: int) -> Iterator[ClockChange]:
    day = datetime(year, 1, 1, tzinfo=UTC)
    while day.year == year:
        following = day + timedelta(days=1)
        if _utc_offset(zone, day) != _utc_offset(zone, following):
            moment = next(hour for hour in _hours(day) if _utc_offset(zone, hour) != _utc_offset(zone, hour - HOUR))
            before = _utc_offset(zone, moment - HOUR)
            yield ClockChange(before, _utc_offset(zone, moment), (moment + before).replace(tzinfo=None))
        day = following


def _hours(day: datetime) -> Iterator[datetime]:
    return (day + HOUR * hour for hour in range(1, 25))


def _utc_offset(zone: tzinfo, moment: datetime) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta()
