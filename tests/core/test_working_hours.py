"""Nights, weekends and holidays are no silence."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from receiver.operations.working_hours import LONGEST, SUBDIVISIONS, is_working_day, working_time

PARIS, REUNION = "Europe/Paris", "Indian/Reunion"


def at(*moment: int, zone: str = PARIS) -> datetime:
    return datetime(*moment, tzinfo=ZoneInfo(zone))  # type: ignore[misc, arg-type]


@pytest.mark.parametrize(
    ("start", "end", "hours"),
    [
        (at(2026, 12, 7, 9), at(2026, 12, 7, 11), 2),  # a Monday
        (at(2026, 12, 7, 5), at(2026, 12, 7, 9), 1),
        (at(2026, 12, 7, 17), at(2026, 12, 8, 9), 2),
        (at(2026, 12, 4, 17), at(2026, 12, 7, 9), 2),  # over a weekend
        (at(2026, 12, 5, 0), at(2026, 12, 6, 23), 0),
        (at(2026, 12, 24, 17), at(2026, 12, 28, 9), 2),  # Christmas is a Friday
        (at(2026, 12, 7, 11), at(2026, 12, 7, 9), 0),
        (at(2026, 3, 27, 17), at(2026, 3, 30, 9), 2),  # summer time begins on the Sunday
    ],
)
def test_working_time_counts_the_hours_of_open_offices(start: datetime, end: datetime, hours: int) -> None:
    assert working_time(start, end, PARIS) == timedelta(hours=hours)


def test_hours_are_those_of_the_place() -> None:
    start = datetime(2026, 12, 7, 4, tzinfo=UTC)  # eight o'clock there, five in Paris
    assert working_time(start, start + timedelta(hours=2), REUNION) == timedelta(hours=2)
    assert working_time(start, start + timedelta(hours=2), PARIS) == timedelta()


@pytest.mark.parametrize(
    ("day", "zone", "open_"),
    [
        (date(2026, 12, 8), PARIS, True),
        (date(2026, 7, 14), PARIS, False),
        (date(2026, 4, 6), PARIS, False),  # Easter Monday
        (date(2026, 11, 11), PARIS, False),
        (date(2026, 4, 27), PARIS, True),
        (date(2026, 4, 27), "Indian/Mayotte", False),  # the end of slavery, there
        (date(2024, 12, 20), REUNION, False),
    ],
)
def test_holidays_are_those_of_the_place(day: date, zone: str, open_: bool) -> None:
    assert is_working_day(day, zone) is open_


def test_a_silence_of_years_is_not_counted_day_by_day() -> None:
    end = at(2026, 12, 7, 9)
    assert working_time(at(2001, 1, 1), end, PARIS) == working_time(end - LONGEST, end, PARIS) > timedelta(days=10)


@pytest.mark.parametrize("zone", SUBDIVISIONS)
def test_every_place_has_the_holidays_of_all_and_some_of_its_own(zone: str) -> None:
    assert not is_working_day(date(2026, 7, 14), zone)
    assert is_working_day(date(2026, 12, 8), zone)
