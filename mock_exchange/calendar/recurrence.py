"""On which days a series repeats: a pattern within a range. Knows no time of day, no zone and no XML."""

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import count, dropwhile, islice, takewhile
from typing import Protocol

FIRST_DAY, LAST_DAY = date(1601, 1, 1), date(4500, 8, 31)
"""The bounds of Exchange's calendar ([MS-OXOCAL] 2.2.1.44.1): also a series without end goes no further."""

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
POSITIONS = {1: "first", 2: "second", 3: "third", 4: "fourth", -1: "last"}


class Pattern(Protocol):
    """A way to repeat."""

    def days(self, start: date) -> Iterator[date]:
        """Yield, in order and for ever, the days of the pattern from the start's own day, week, month or year on."""
        ...


class DayInMonth(Protocol):
    """A way to choose one day of a month."""

    def of(self, year: int, month: int) -> date:
        """Return the day."""
        ...


@dataclass(frozen=True, slots=True)
class Daily:
    """Every so many days."""

    interval: int

    def days(self, start: date) -> Iterator[date]:
        """Count from the start itself."""
        return (start + timedelta(days=step) for step in count(0, self.interval))

    def __str__(self) -> str:
        return _every(self.interval, "day")


@dataclass(frozen=True, slots=True)
class Weekly:
    """Some days of every so many weeks; Monday is 0."""

    interval: int
    weekdays: frozenset[int]
    first_weekday: int = 6
    """Where weeks begin matters when only every second week counts."""

    def days(self, start: date) -> Iterator[date]:
        """Count from the week that holds the start."""
        week = start - timedelta(days=(start.weekday() - self.first_weekday) % 7)
        offsets = sorted((weekday - self.first_weekday) % 7 for weekday in self.weekdays)
        for weeks in count(0, self.interval):
            yield from (week + timedelta(weeks=weeks, days=offset) for offset in offsets)

    def __str__(self) -> str:
        begins = f" (weeks begin on {WEEKDAYS[self.first_weekday]})" if self.interval > 1 else ""
        return f"{_every(self.interval, 'week')} on {_weekdays(self.weekdays)}{begins}"


@dataclass(frozen=True, slots=True)
class DayOfMonth:
    """A day by its number; the last day of a month that has no such day."""

    day: int

    def of(self, year: int, month: int) -> date:
        """Return the day."""
        return date(year, month, min(self.day, monthrange(year, month)[1]))

    def __str__(self) -> str:
        return f"day {self.day}"


@dataclass(frozen=True, slots=True)
class NthDay:
    """A day by its position among those that are one of the weekdays; -1 is the last."""

    position: int
    weekdays: frozenset[int]

    def of(self, year: int, month: int) -> date:
        """Return the day; every month has four of each weekday."""
        whole = (date(year, month, day) for day in range(1, monthrange(year, month)[1] + 1))
        fitting = [day for day in whole if day.weekday() in self.weekdays]
        return fitting[self.position if self.position < 0 else self.position - 1]

    def __str__(self) -> str:
        return f"the {POSITIONS[self.position]} {_weekdays(self.weekdays, ' or ')}"


@dataclass(frozen=True, slots=True)
class Monthly:
    """One day of every so many months."""

    interval: int
    chosen: DayInMonth

    def days(self, start: date) -> Iterator[date]:
        """Count from the start's month."""
        for months in count(start.year * 12 + start.month - 1, self.interval):
            yield self.chosen.of(months // 12, months % 12 + 1)

    def __str__(self) -> str:
        return f"{_every(self.interval, 'month')} on {self.chosen}"


@dataclass(frozen=True, slots=True)
class Yearly:
    """One day of one month of every year."""

    month: int
    chosen: DayInMonth

    def days(self, start: date) -> Iterator[date]:
        """Count from the start's year."""
        return (self.chosen.of(year, self.month) for year in count(start.year))

    def __str__(self) -> str:
        return f"every year on {self.chosen} of {MONTHS[self.month - 1]}"


@dataclass(frozen=True, slots=True)
class Recurrence:
    """A pattern and its range: without end, until a day, or a number of times."""

    pattern: Pattern
    start: date
    end: date | None = None
    number: int | None = None

    @property
    def endless(self) -> bool:
        """Tell whether only the calendar's own end ends it."""
        return self.end is None and self.number is None

    def days(self) -> Iterator[date]:
        """Yield the days in order: the first is the first of the pattern that is not before the start."""
        begun = dropwhile(lambda day: day < self.start, self.pattern.days(self.start))
        last = min(self.end or LAST_DAY, LAST_DAY)
        return islice(takewhile(lambda day: day <= last, begun), self.number)

    def has(self, day: date) -> bool:
        """Tell whether the day is one of them."""
        return next(dropwhile(lambda known: known < day, self.days()), None) == day

    def __str__(self) -> str:
        until = f" until {self.end}" if self.end else ""
        times = f", {self.number} times" if self.number else ""
        return f"{self.pattern}, from {self.start}{until}{times}"


def _every(interval: int, unit: str) -> str:
    return f"every {unit}" if interval == 1 else f"every {interval} {unit}s"


def _weekdays(weekdays: frozenset[int], between: str = ", ") -> str:
    return between.join(WEEKDAYS[weekday] for weekday in sorted(weekdays))
