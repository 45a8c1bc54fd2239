"""A Recurrence element read into a recurrence, with the limits of Exchange. Knows no items."""

from collections.abc import Callable
from datetime import date
from typing import TypeVar

from mock_exchange.calendar.recurrence import (
    FIRST_DAY,
    LAST_DAY,
    MONTHS,
    WEEKDAYS,
    Daily,
    DayInMonth,
    DayOfMonth,
    Monthly,
    NthDay,
    Pattern,
    Recurrence,
    Weekly,
    Yearly,
)
from mock_exchange.errors import EwsError
from mock_exchange.xml.elements import Element, child_text, children, local, own_copy, t

DAYS = {name: frozenset({number}) for number, name in enumerate(WEEKDAYS)} | {
    "Day": frozenset(range(7)),
    "Weekday": frozenset(range(5)),
    "WeekendDay": frozenset({5, 6}),
}
POSITIONS = {"First": 1, "Second": 2, "Third": 3, "Fourth": 4, "Last": -1}
MOST_DAYS, MOST_WEEKS, MOST_MONTHS = 999, 99, 99
"""The longest intervals. The schema knows no limit; Microsoft's pages of the elements do."""
MOST_OCCURRENCES = 999
DATE_LENGTH = len("2026-12-07")

T = TypeVar("T")


def read_recurrence(element: Element) -> Recurrence:
    """Return what a Recurrence element says.

    Raises:
        EwsError: Exchange would not accept it.

    """
    parts = children(element)
    if len(parts) != 2 or local(parts[0]) not in PATTERNS:
        raise _invalid("A recurrence is a pattern and a range.")
    pattern, limits = PATTERNS[local(parts[0])](parts[0]), parts[1]
    end, number = child_text(limits, "t:EndDate"), child_text(limits, "t:NumberOfOccurrences")
    recurrence = Recurrence(
        pattern=pattern,
        start=_date(limits, "StartDate"),
        end=_date(limits, "EndDate") if end else None,
        number=_number(limits, "NumberOfOccurrences", MOST_OCCURRENCES) if number else None,
    )
    _check_range(recurrence)
    return recurrence


def with_zoned_dates(element: Element) -> Element:
    """Return a copy whose dates carry a zone, as all that Exchange answers do; some clients read no others."""
    copy = own_copy(element)
    for name in ("StartDate", "EndDate"):
        for found in copy.iter(t(name)):
            text = (found.text or "").strip()
            found.text = text if len(text) > DATE_LENGTH else f"{text}Z"
    return copy


def _check_range(recurrence: Recurrence) -> None:
    if not FIRST_DAY <= recurrence.start <= LAST_DAY:
        raise EwsError("ErrorCalendarOutOfRange", "The start date of the recurrence is outside the calendar.")
    if recurrence.end and recurrence.end > LAST_DAY:
        raise EwsError("ErrorRecurrenceEndDateTooBig", "The end date of the recurrence is too far in the future.")
    if next(recurrence.days(), None) is None:
        raise EwsError("ErrorRecurrenceHasNoOccurrence", "The recurrence has no occurrence in its range.")


def _daily(element: Element) -> Pattern:
    return Daily(_number(element, "Interval", MOST_DAYS))


def _weekly(element: Element) -> Pattern:
    words = (child_text(element, "t:DaysOfWeek") or "").split()
    if not words or any(word not in WEEKDAYS for word in words):
        raise EwsError("ErrorCalendarInvalidDayForWeeklyRecurrence", "A weekly recurrence needs days of the week.")
    first = child_text(element, "t:FirstDayOfWeek") or "Sunday"
    return Weekly(
        _number(element, "Interval", MOST_WEEKS),
        frozenset(WEEKDAYS.index(word) for word in words),
        _choice(first, {name: number for number, name in enumerate(WEEKDAYS)}),
    )


def _monthly(choose: Callable[[Element], DayInMonth]) -> Callable[[Element], Pattern]:
    return lambda element: Monthly(_number(element, "Interval", MOST_MONTHS), choose(element))


def _yearly(choose: Callable[[Element], DayInMonth]) -> Callable[[Element], Pattern]:
    months = {name: number for number, name in enumerate(MONTHS, 1)}
    return lambda element: Yearly(_choice(child_text(element, "t:Month"), months), choose(element))


def _by_date(element: Element) -> DayInMonth:
    return DayOfMonth(_number(element, "DayOfMonth", 31))


def _by_weekday(element: Element) -> DayInMonth:
    return NthDay(
        _choice(child_text(element, "t:DayOfWeekIndex"), POSITIONS),
        _choice(child_text(element, "t:DaysOfWeek"), DAYS),
    )


PATTERNS: dict[str, Callable[[Element], Pattern]] = {
    "DailyRecurrence": _daily,
    "WeeklyRecurrence": _weekly,
    "AbsoluteMonthlyRecurrence": _monthly(_by_date),
    "RelativeMonthlyRecurrence": _monthly(_by_weekday),
    "AbsoluteYearlyRecurrence": _yearly(_by_date),
    "RelativeYearlyRecurrence": _yearly(_by_weekday),
}


def _number(element: Element, name: str, most: int) -> int:
    text = child_text(element, f"t:{name}") or ""
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= most:
        raise _invalid(f"{name} must be a number from 1 to {most}.")
    return int(text)


def _date(element: Element, name: str) -> date:
    """Read an xs:date; its offset says nothing, the day is meant in the item's zone."""
    try:
        return date.fromisoformat((child_text(element, f"t:{name}") or "")[:DATE_LENGTH])
    except ValueError as error:
        raise _invalid(f"{name} must be a date.") from error


def _choice(word: str | None, known: dict[str, T]) -> T:
    try:
        return known[word or ""]
    except KeyError as error:
        raise _invalid("A word of the pattern is not known.") from error


def _invalid(text: str) -> EwsError:
    return EwsError("ErrorCalendarInvalidRecurrence", text)
