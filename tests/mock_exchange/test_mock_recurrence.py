"""Expansion of patterns, beside that of dateutil: two who did not see each other's work agree."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from random import Random
from zoneinfo import ZoneInfo

import pytest
from dateutil.rrule import DAILY, MONTHLY, WEEKLY, YEARLY, rrule

from mock_exchange.calendar.recurrence import Daily, DayOfMonth, Monthly, NthDay, Pattern, Recurrence, Weekly, Yearly
from mock_exchange.calendar.series import Series

PARIS = ZoneInfo("Europe/Paris")
Words = dict[str, object]
SETS = [*(frozenset({day}) for day in range(7)), frozenset(range(7)), frozenset(range(5)), frozenset({5, 6})]


def daily(chance: Random) -> tuple[Pattern, Words]:
    interval = chance.randint(1, 999)
    return Daily(interval), {"freq": DAILY, "interval": interval}


def weekly(chance: Random) -> tuple[Pattern, Words]:
    interval, first = chance.randint(1, 9), chance.randrange(7)
    weekdays = frozenset(chance.sample(range(7), chance.randint(1, 7)))
    words = {"freq": WEEKLY, "interval": interval, "byweekday": sorted(weekdays), "wkst": first}
    return Weekly(interval, weekdays, first), words


def by_date(chance: Random) -> tuple[DayOfMonth, Words]:
    """The last day of a short month stands in for one it does not have: the last of 28 to the day."""
    day = chance.choice([*range(1, 32), 28, 29, 30, 31, 31])
    return DayOfMonth(day), {"bymonthday": [*range(min(day, 28), day + 1)], "bysetpos": -1}


def by_weekday(chance: Random) -> tuple[NthDay, Words]:
    position, weekdays = chance.choice([1, 2, 3, 4, -1]), chance.choice(SETS)
    return NthDay(position, weekdays), {"byweekday": sorted(weekdays), "bysetpos": position}


def monthly(chance: Random) -> tuple[Pattern, Words]:
    interval, (chosen, words) = chance.choice([1, 1, 2, 3, 12, 99]), chance.choice([by_date, by_weekday])(chance)
    return Monthly(interval, chosen), words | {"freq": MONTHLY, "interval": interval}


def yearly(chance: Random) -> tuple[Pattern, Words]:
    month, (chosen, words) = chance.choice([2, *range(1, 13)]), chance.choice([by_date, by_weekday])(chance)
    return Yearly(month, chosen), words | {"freq": YEARLY, "bymonth": month}


def ranged(chance: Random, pattern: Pattern, words: Words) -> tuple[Recurrence, rrule]:
    """Give a pattern a start in a normal or a leap year, and one of the three ranges."""
    start = date(2023, 1, 1) + timedelta(days=chance.randrange(5 * 366))
    recurrence, begins = Recurrence(pattern, start), datetime.combine(start, time())
    match chance.randrange(3):
        case 0:
            return recurrence, rrule(dtstart=begins, **words)
        case 1:
            number = chance.randint(1, 60)
            return replace(recurrence, number=number), rrule(dtstart=begins, count=number, **words)
        case _:
            end = start + timedelta(days=chance.randrange(4000))
            return replace(recurrence, end=end), rrule(dtstart=begins, until=datetime.combine(end, time()), **words)


@pytest.mark.parametrize("make", [daily, weekly, monthly, yearly])
def test_random_patterns_fall_on_the_days_that_dateutil_names(make: Callable[[Random], tuple[Pattern, Words]]):
    for seed in range(250):
        recurrence, rule = ranged(chance := Random(seed), *make(chance))
        expected = [moment.date() for moment in islice(rule, 80)]
        assert list(islice(recurrence.days(), 80)) == expected, (seed, str(recurrence))


@pytest.mark.parametrize("begins", [time(0), time(1, 30), time(2), time(2, 30), time(3), time(9, 15), time(23, 45)])
@pytest.mark.parametrize("zone", ["Europe/Paris", "America/Miquelon", "America/La_Paz", "Pacific/Guadalcanal"])
def test_the_wall_clock_is_kept_over_both_clock_changes(begins, zone):
    """2026: March 29th and October 25th in Paris. dateutil counts in wall-clock time, zoneinfo places it."""
    recurrence = Recurrence(Daily(1), date(2026, 1, 1), end=date(2027, 12, 31))
    series = Series(recurrence, ZoneInfo(zone), begins, timedelta(hours=1))
    rule = rrule(
        DAILY, dtstart=datetime.combine(recurrence.start, begins), until=datetime.combine(date(2027, 12, 31), time.max)
    )
    starts = [series.span(day)[0] for day in recurrence.days()]
    assert starts == [moment.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC) for moment in rule]
    assert len(starts) == 730


@pytest.mark.parametrize(
    ("day", "begins", "hours", "start", "end"),
    [
        (date(2026, 3, 28), time(22), 8, "2026-03-28T21:00", "2026-03-29T04:00"),
        (date(2026, 10, 24), time(22), 8, "2026-10-24T20:00", "2026-10-25T05:00"),
        (date(2026, 3, 29), time(2, 30), 1, "2026-03-29T01:30", "2026-03-29T01:30"),
        (date(2026, 3, 29), time(2, 30), 0.5, "2026-03-29T01:30", "2026-03-29T01:30"),
        (date(2026, 10, 25), time(2, 30), 1, "2026-10-25T00:30", "2026-10-25T02:30"),
    ],
)
def test_an_occurrence_ends_at_its_own_wall_clock_time(day, begins, hours, start, end):
    """A night of eight hours is of seven or nine when a clock changes; none ends before it begins."""
    series = Series(Recurrence(Daily(1), date(2026, 1, 1)), PARIS, begins, timedelta(hours=hours))
    assert [f"{moment:%Y-%m-%dT%H:%M}" for moment in series.span(day)] == [start, end]


def firsts(recurrence: Recurrence, number: int) -> list[str]:
    return [day.isoformat() for day in islice(recurrence.days(), number)]


def test_a_day_that_a_month_lacks_falls_on_its_last():
    assert firsts(Recurrence(Monthly(1, DayOfMonth(31)), date(2028, 1, 31)), 4) == [
        "2028-01-31",
        "2028-02-29",
        "2028-03-31",
        "2028-04-30",
    ]
    assert firsts(Recurrence(Yearly(2, DayOfMonth(29)), date(2028, 2, 29)), 2) == ["2028-02-29", "2029-02-28"]


def test_the_first_day_of_the_week_decides_which_second_week_counts():
    both = [
        firsts(Recurrence(Weekly(2, frozenset({1, 6}), first), date(2026, 12, 8)), 3)  # a Tuesday
        for first in (0, 6)
    ]
    assert both == [["2026-12-08", "2026-12-13", "2026-12-22"], ["2026-12-08", "2026-12-20", "2026-12-22"]]


def test_a_series_without_end_stops_where_the_calendar_does():
    assert [str(day) for day in Recurrence(Yearly(8, DayOfMonth(31)), date(4499, 1, 1)).days()] == [
        "4499-08-31",
        "4500-08-31",
    ]


@pytest.mark.parametrize(
    ("recurrence", "text"),
    [
        (Recurrence(Daily(1), date(2026, 12, 7)), "every day, from 2026-12-07"),
        (
            Recurrence(Weekly(2, frozenset({3, 0}), 0), date(2026, 12, 7), end=date(2027, 6, 28)),
            "every 2 weeks on Monday, Thursday (weeks begin on Monday), from 2026-12-07 until 2027-06-28",
        ),
        (
            Recurrence(Monthly(1, NthDay(-1, frozenset({4}))), date(2026, 12, 7), number=5),
            "every month on the last Friday, from 2026-12-07, 5 times",
        ),
        (
            Recurrence(Yearly(2, DayOfMonth(29)), date(2028, 2, 29)),
            "every year on day 29 of February, from 2028-02-29",
        ),
    ],
)
def test_a_recurrence_reads_as_a_sentence(recurrence, text):
    assert str(recurrence) == text
