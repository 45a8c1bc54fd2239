"""The emitter's `rrule` texts, and which of them a calendar server can represent exactly.

RFC 5545 as the emitter writes it: with a trailing ``;``, and UNTIL in local time, without a zone, including its day.
A rule that cannot be represented exactly is refused: agents would trust a series that is nearly right.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from connectors.base import Frequency, Recurrence, Weekday

WEEK = tuple(Weekday)
LAST_DATE_IN_EVERY_MONTH = 28
LONGEST_INTERVAL = 99
MOST_OCCURRENCES = 999
END_OF_CALENDARS = date(4500, 8, 31)
"""What Exchange stores for a series without end; an UNTIL of the year 9999 means the same."""
LONGEST_TEXT = 500

_DAY = re.compile(r"([+-]?\d{1,2})?(MO|TU|WE|TH|FR|SA|SU)", re.ASCII)
_UNTIL = re.compile(r"(\d{8})(T\d{6}Z?)?", re.ASCII)
_READ = {"FREQ", "INTERVAL", "BYDAY", "UNTIL", "COUNT", "WKST"}
_NOT_READ = {
    "BYSECOND", "BYMINUTE", "BYHOUR", "BYMONTHDAY", "BYYEARDAY", "BYWEEKNO", "BYMONTH", "BYSETPOS", "RSCALE", "SKIP",
}  # fmt: skip
"""The other parts of RFC 5545 and RFC 7529. Only known names are stored with the facts: others could be any text."""
EXCEPTIONS = frozenset({"EXDATE", "EXRULE", "RDATE", "RECURRENCE-ID"})
"""Properties that make single occurrences differ from the rule. Some emitters write them into the rule itself."""
_FREQUENCIES = {"SECONDLY", "MINUTELY", "HOURLY", "DAILY", "WEEKLY", "MONTHLY", "YEARLY"}


class Unreadable(ValueError):
    """The text is not a recurrence rule."""


NOT_HOLDABLE, HAS_EXCEPTIONS, CLOCK_CHANGES = "recurrence_not_holdable", "recurrence_exceptions", "recurrence_in_gap"


class Unholdable(ValueError):
    """The rule is valid, but no calendar server has a pattern of exactly the same meaning; `code` is the reason."""

    def __init__(self, code: str = NOT_HOLDABLE) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Rule:
    """A recurrence rule as it was written."""

    frequency: str
    interval: int = 1
    days: tuple[tuple[int | None, Weekday], ...] = ()
    """Each with its position in the month, where one is given."""
    last_day: date | None = None
    count: int | None = None
    others: tuple[str, ...] = ()
    """Names of the parts that are not read: a rule with any cannot be held."""


def parse(text: str) -> Rule:
    """Read a rule.

    Raises:
        Unreadable: it is none.

    """
    pairs = list(_parts(text)) if len(text) <= LONGEST_TEXT else []
    parts = dict(pairs)
    known = parts.keys() <= _READ | _NOT_READ | EXCEPTIONS
    if parts.get("FREQ") not in _FREQUENCIES or not known or len(parts) != len(pairs):
        raise Unreadable
    return Rule(
        frequency=parts["FREQ"],
        interval=_number(parts.get("INTERVAL", "1")),
        days=tuple(_day(day) for day in parts["BYDAY"].split(",")) if "BYDAY" in parts else (),
        last_day=_last_day(parts["UNTIL"]) if "UNTIL" in parts else None,
        count=_number(parts["COUNT"]) if "COUNT" in parts else None,
        others=_others(parts),
    )


def _parts(text: str) -> Iterator[tuple[str, str]]:
    for part in text.strip().rstrip(";").split(";"):
        name, _, value = part.strip().upper().partition("=")
        if not value:
            raise Unreadable
        yield name, value


def _others(parts: Mapping[str, str]) -> tuple[str, ...]:
    foreign_week = parts.get("WKST", "MO") != "MO"
    return tuple(sorted((parts.keys() - _READ) | ({"WKST"} if foreign_week else set())))


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text[:6]) >= 1 and len(text) <= 6):
        raise Unreadable
    return int(text)


def _day(text: str) -> tuple[int | None, Weekday]:
    match = _DAY.fullmatch(text)
    if match is None:
        raise Unreadable
    position, day = match.groups()
    return int(position) if position else None, Weekday(day)


def _last_day(text: str) -> date:
    match = _UNTIL.fullmatch(text)
    if match is None:
        raise Unreadable
    try:
        return datetime.strptime(match[1], "%Y%m%d").date()  # noqa: DTZ007  # a day, no moment
    except ValueError:
        raise Unreadable from None


@dataclass(frozen=True, slots=True)
class Series:
    """A rule in a calendar server's terms, and the day of its first occurrence."""

    first_day: date
    recurrence: Recurrence


def series(rule: Rule, first_day: date) -> Series | None:
    """Return the series that begins on or after a day; None: it ends before its first occurrence.

    The day itself is an occurrence only if the rule includes it. The emitter counts in the same way.

    Raises:
        Unholdable: no calendar server can represent it exactly.

    """
    if EXCEPTIONS.intersection(rule.others):
        raise Unholdable(HAS_EXCEPTIONS)
    if rule.others or rule.interval > LONGEST_INTERVAL or (rule.count or 1) > MOST_OCCURRENCES:
        raise Unholdable
    if rule.count is not None and rule.last_day is not None:
        raise Unholdable  # RFC 5545 forbids the two together
    first, recurrence = _PATTERNS.get(rule.frequency, _unknown)(rule, first_day)
    if rule.last_day is not None and first > rule.last_day:
        return None
    return Series(first, recurrence)


def _daily(rule: Rule, first_day: date) -> tuple[date, Recurrence]:
    if rule.days and rule.interval == 1:
        return _weekly(rule, first_day)
    if rule.days:
        raise Unholdable
    return first_day, _recurrence(rule, Frequency.DAILY)


def _weekly(rule: Rule, first_day: date) -> tuple[date, Recurrence]:
    if any(position is not None for position, _ in rule.days):
        raise Unholdable
    days = tuple(sorted({WEEK.index(day) for _, day in rule.days} or {first_day.weekday()}))
    monday = first_day - timedelta(days=first_day.weekday())
    this_week = [day for day in days if day >= first_day.weekday()]
    first = monday + timedelta(days=this_week[0] if this_week else 7 * rule.interval + days[0])
    return first, _recurrence(rule, Frequency.WEEKLY, weekdays=tuple(WEEK[day] for day in days))


def _monthly(rule: Rule, first_day: date) -> tuple[date, Recurrence]:
    if not rule.days:
        if first_day.day > LAST_DATE_IN_EVERY_MONTH:
            raise Unholdable  # servers move the 31st to the 30th, the emitter skips the month
        return first_day, _recurrence(rule, Frequency.MONTHLY_BY_DATE)
    position, day = rule.days[0]
    if len(rule.days) > 1 or position not in {1, 2, 3, 4, -1}:
        raise Unholdable
    first = _nth(first_day.year, first_day.month, position, day)
    if first < first_day:
        month = first_day.month - 1 + rule.interval
        first = _nth(first_day.year + month // 12, month % 12 + 1, position, day)
    return first, _recurrence(rule, Frequency.MONTHLY_BY_WEEKDAY, weekdays=(day,), position=position)


def _unknown(_rule: Rule, _first_day: date) -> tuple[date, Recurrence]:
    raise Unholdable


_PATTERNS = {"DAILY": _daily, "WEEKLY": _weekly, "MONTHLY": _monthly}


def _recurrence(
    rule: Rule, frequency: Frequency, weekdays: tuple[Weekday, ...] = (), position: int | None = None
) -> Recurrence:
    last_day = rule.last_day if rule.last_day and rule.last_day < END_OF_CALENDARS else None
    return Recurrence(frequency, rule.interval, weekdays, position, last_day, rule.count)


def _nth(year: int, month: int, position: int, day: Weekday) -> date:
    """Return the n-th (or last, for -1) such weekday of a month."""
    if position > 0:
        first = date(year, month, 1)
        return first + timedelta(days=(WEEK.index(day) - first.weekday()) % 7 + 7 * (position - 1))
    last = date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)
    return last - timedelta(days=(last.weekday() - WEEK.index(day)) % 7)
