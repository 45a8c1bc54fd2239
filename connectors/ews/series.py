"""Conversion between the port's recurrence and Exchange's.

Written through exchangelib's classes. Read from the XML: exchangelib takes a date without a zone, which is how a day
is written, for midnight in the zone of the host.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from exchangelib import recurrence as ews
from exchangelib.ewsdatetime import EWSDate
from exchangelib.util import TNS
from exchangelib.version import EXCHANGE_2010_SP1

from connectors.base import Frequency, Recurrence, Weekday
from connectors.occurrences import is_sound

# Unknown to Exchange before, as exchangelib's own table does not say.
ews.WeeklyPattern.get_field_by_fieldname("first_day_of_week").supported_from = EXCHANGE_2010_SP1

_WEEKDAYS = {
    Weekday.MONDAY: "Monday",
    Weekday.TUESDAY: "Tuesday",
    Weekday.WEDNESDAY: "Wednesday",
    Weekday.THURSDAY: "Thursday",
    Weekday.FRIDAY: "Friday",
    Weekday.SATURDAY: "Saturday",
    Weekday.SUNDAY: "Sunday",
}
_DAYS = {word: weekday for weekday, word in _WEEKDAYS.items()}
_POSITIONS = {1: "First", 2: "Second", 3: "Third", 4: "Fourth", -1: "Last"}
_POSITIONED = {word: position for position, word in _POSITIONS.items()}


class UnsupportedRecurrence(Exception):
    """The Exchange version cannot represent the recurrence exactly."""


def to_recurrence(recurrence: Recurrence, first_day: date, version: Any) -> Any:
    """Return exchangelib's recurrence.

    Raises:
        ValueError: it is not what the port says.
        UnsupportedRecurrence: this version of Exchange cannot hold it.

    """
    if not is_sound(recurrence, first_day):
        raise ValueError("recurrence")
    if version.build < EXCHANGE_2010_SP1 and _depends_on_first_day(recurrence):
        raise UnsupportedRecurrence  # weeks began on Sunday there
    return ews.Recurrence(pattern=_pattern(recurrence, first_day), boundary=_boundary(recurrence, first_day))


def _pattern(recurrence: Recurrence, first_day: date) -> Any:
    weekdays = [_WEEKDAYS[day] for day in recurrence.weekdays]
    match recurrence.frequency:
        case Frequency.DAILY:
            return ews.DailyPattern(interval=recurrence.interval)
        case Frequency.WEEKLY:
            return ews.WeeklyPattern(interval=recurrence.interval, weekdays=weekdays, first_day_of_week="Monday")
        case Frequency.MONTHLY_BY_DATE:
            return ews.AbsoluteMonthlyPattern(interval=recurrence.interval, day_of_month=first_day.day)
        case _:
            return ews.RelativeMonthlyPattern(
                interval=recurrence.interval,
                weekday=weekdays[0],
                week_number=_POSITIONS[recurrence.position or 1],
            )


def _depends_on_first_day(recurrence: Recurrence) -> bool:
    """Whether the rule has another meaning if weeks begin on Sunday."""
    return recurrence.interval > 1 and len(recurrence.weekdays) > 1 and Weekday.SUNDAY in recurrence.weekdays


def _boundary(recurrence: Recurrence, first_day: date) -> Any:
    start = EWSDate.from_date(first_day)
    if recurrence.last_day is not None:
        return ews.EndDatePattern(start=start, end=EWSDate.from_date(recurrence.last_day))
    if recurrence.count is not None:
        return ews.NumberedPattern(start=start, number=recurrence.count)
    return ews.NoEndPattern(start=start)


def from_recurrence(element: Any, first_day: date) -> Recurrence:
    """Return the recurrence of a Recurrence element; `Frequency.OTHER` for one that the port cannot express.

    Raises:
        ValueError, LookupError: the element is none of EWS.

    """
    pattern, boundary = (_texts(part) for part in element)
    read = _PATTERNS.get(pattern.pop(""), _other)(pattern, first_day)
    limited = replace(read, last_day=_last_day(boundary), count=_count(boundary))
    return limited if is_sound(limited, first_day) else _OTHER


_OTHER = Recurrence(Frequency.OTHER)


def _texts(part: Any) -> dict[str, str]:
    """Return an element's children by name, and its own name under the empty one."""
    return {"": _local_name(part)} | {_local_name(child): (child.text or "").strip() for child in part}


def _local_name(element: Any) -> str:
    return str(element.tag).rpartition("}")[2]


def _last_day(boundary: Mapping[str, str]) -> date | None:
    text = boundary.get("EndDate")
    return None if text is None else date.fromisoformat(text[:10])  # a zone may follow


def _count(boundary: Mapping[str, str]) -> int | None:
    text = boundary.get("NumberOfOccurrences")
    return None if text is None else int(text)


def _daily(pattern: Mapping[str, str], _first_day: date) -> Recurrence:
    return Recurrence(Frequency.DAILY, int(pattern["Interval"]))


def _weekly(pattern: Mapping[str, str], _first_day: date) -> Recurrence:
    words = pattern["DaysOfWeek"].split()
    if not _DAYS.keys() >= set(words):
        return _OTHER
    weekdays = tuple(day for day in Weekday if _WEEKDAYS[day] in words)
    recurrence = Recurrence(Frequency.WEEKLY, int(pattern["Interval"]), weekdays)
    monday_first = pattern.get("FirstDayOfWeek", "Monday") == "Monday"
    return recurrence if monday_first or recurrence.interval == 1 or len(weekdays) == 1 else _OTHER


def _monthly_by_date(pattern: Mapping[str, str], first_day: date) -> Recurrence:
    if int(pattern["DayOfMonth"]) != first_day.day:
        return _OTHER
    return Recurrence(Frequency.MONTHLY_BY_DATE, int(pattern["Interval"]))


def _monthly_by_weekday(pattern: Mapping[str, str], _first_day: date) -> Recurrence:
    weekday = _DAYS.get(pattern["DaysOfWeek"])
    if weekday is None:
        return _OTHER
    position = _POSITIONED[pattern["DayOfWeekIndex"]]
    return Recurrence(Frequency.MONTHLY_BY_WEEKDAY, int(pattern["Interval"]), (weekday,), position)


def _other(_pattern: Mapping[str, str], _first_day: date) -> Recurrence:
    return _OTHER


_PATTERNS = {
    "DailyRecurrence": _daily,
    "WeeklyRecurrence": _weekly,
    "AbsoluteMonthlyRecurrence": _monthly_by_date,
    "RelativeMonthlyRecurrence": _monthly_by_weekday,
}


def recurrence_element(item: Any) -> Any:
    """Return the Recurrence of an item's XML; None for a single one."""
    return item.find(f"{{{TNS}}}Recurrence")
