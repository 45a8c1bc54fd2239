"""When an entry takes place. Pure; it uses the port's values only.

The connectors need it where a server or a file has a series, but not its occurrences.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import count, islice, takewhile
from zoneinfo import ZoneInfo

from connectors.base import CalendarEntry, Frequency, Recurrence, Weekday

WEEK = tuple(Weekday)
LONGEST_INTERVAL = 99
MOST_OCCURRENCES = 999
LAST_DATE_IN_EVERY_MONTH = 28
POSITIONS = frozenset({1, 2, 3, 4, -1})


def is_sound(recurrence: Recurrence, first_day: date) -> bool:
    """Whether the recurrence keeps what the port says of it, the first occurrence included."""
    return (
        1 <= recurrence.interval <= LONGEST_INTERVAL
        and (recurrence.count is None or 1 <= recurrence.count <= MOST_OCCURRENCES)
        and (recurrence.count is None or recurrence.last_day is None)
        and (recurrence.last_day is None or recurrence.last_day >= first_day)
        and _is_pattern(recurrence, first_day)
        and next(_days(recurrence, first_day)) == first_day
    )


def _is_pattern(recurrence: Recurrence, first_day: date) -> bool:
    weekdays, position = recurrence.weekdays, recurrence.position
    match recurrence.frequency:
        case Frequency.DAILY:
            return not weekdays and position is None
        case Frequency.WEEKLY:
            return bool(weekdays) and weekdays == tuple(day for day in WEEK if day in weekdays) and position is None
        case Frequency.MONTHLY_BY_DATE:
            return not weekdays and position is None and first_day.day <= LAST_DATE_IN_EVERY_MONTH
        case Frequency.MONTHLY_BY_WEEKDAY:
            return len(weekdays) == 1 and position in POSITIONS
        case Frequency.OTHER:
            return False


END_OF_TIME = datetime.max.replace(tzinfo=UTC)


def overlaps(entry: CalendarEntry, start: datetime, end: datetime) -> bool:
    """Whether an occurrence overlaps the window. For `Frequency.OTHER` one may if the entry begins before its end."""
    if entry.recurrence is None:
        return entry.start < end and entry.end > start
    if entry.recurrence.frequency is Frequency.OTHER:
        return entry.start < end
    return any(until > start for _, until in takewhile(lambda each: each[0] < end, occurrences(entry)))


def occurrences(entry: CalendarEntry) -> Iterator[tuple[datetime, datetime]]:
    """Yield start and end of each occurrence, in order: at the same wall-clock times, whatever the clocks do."""
    zone = ZoneInfo(entry.time_zone)
    start, end = entry.start.astimezone(zone), entry.end.astimezone(zone)
    nights = end.date() - start.date()
    if entry.recurrence is None:
        yield start, end
        return
    for day in days(entry.recurrence, start.date()):
        yield (
            datetime.combine(day, start.time(), zone),
            datetime.combine(day + nights, end.time(), zone),
        )


def days(recurrence: Recurrence, first_day: date) -> Iterator[date]:
    """Yield the days on which occurrences begin, from the first on; none for `Frequency.OTHER`."""
    found = _days(recurrence, first_day)
    if recurrence.last_day is not None:
        last_day = recurrence.last_day
        return takewhile(lambda day: day <= last_day, found)
    return islice(found, recurrence.count)


def _days(recurrence: Recurrence, first_day: date) -> Iterator[date]:
    match recurrence.frequency:
        case Frequency.DAILY:
            return (first_day + timedelta(days=passed) for passed in count(0, recurrence.interval))
        case Frequency.WEEKLY:
            return _weekly(recurrence, first_day)
        case Frequency.MONTHLY_BY_DATE:
            return (date(year, month, first_day.day) for year, month in _months(recurrence, first_day))
        case Frequency.MONTHLY_BY_WEEKDAY:
            return _monthly_by_weekday(recurrence, first_day)
        case Frequency.OTHER:
            return iter(())


def _weekly(recurrence: Recurrence, first_day: date) -> Iterator[date]:
    monday = first_day - timedelta(days=first_day.weekday())
    for weeks in count(0, recurrence.interval):
        for weekday in recurrence.weekdays:
            day = monday + timedelta(weeks=weeks, days=WEEK.index(weekday))
            if day >= first_day:
                yield day


def _monthly_by_weekday(recurrence: Recurrence, first_day: date) -> Iterator[date]:
    weekday, position = WEEK.index(recurrence.weekdays[0]), recurrence.position or 1
    for year, month in _months(recurrence, first_day):
        day = _nth(year, month, weekday, position)
        if day >= first_day:
            yield day


def _months(recurrence: Recurrence, first_day: date) -> Iterator[tuple[int, int]]:
    for months in count(12 * first_day.year + first_day.month - 1, recurrence.interval):
        yield months // 12, months % 12 + 1


def _nth(year: int, month: int, weekday: int, position: int) -> date:
    """Return the n-th such weekday of a month; for -1, the last."""
    if position == -1:
        last = date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)
        return last - timedelta(days=(last.weekday() - weekday) % 7)
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7, weeks=position - 1)
