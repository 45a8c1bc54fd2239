"""The emitter's rules: read as they are written, and held exactly or not at all."""

import random
from datetime import date, datetime, time, timedelta
from itertools import islice

import pytest
from dateutil.rrule import rrulestr

from connectors.base import Frequency, Recurrence, Weekday
from connectors.occurrences import days, is_sound
from receiver.core.recurrence import Rule, Series, Unholdable, Unreadable, parse, series

MO, TU, WE, TH, FR, SA, SU = Weekday
MONDAY = date(2026, 12, 7)


# Reading


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("FREQ=WEEKLY;", Rule("WEEKLY")),
        ("FREQ=MONTHLY;", Rule("MONTHLY")),
        ("FREQ=DAILY", Rule("DAILY")),
        (
            "FREQ=WEEKLY;INTERVAL=1;BYDAY=MO,TU,WE;UNTIL=20191022T000000;",
            Rule("WEEKLY", 1, ((None, MO), (None, TU), (None, WE)), date(2019, 10, 22)),
        ),
        ("FREQ=MONTHLY;BYDAY=2WE;", Rule("MONTHLY", days=((2, WE),))),
        ("FREQ=MONTHLY;BYDAY=-1FR", Rule("MONTHLY", days=((-1, FR),))),
        ("FREQ=MONTHLY;BYDAY=+1FR", Rule("MONTHLY", days=((1, FR),))),
        ("freq=weekly;byday=mo;until=20191022t000000", Rule("WEEKLY", days=((None, MO),), last_day=date(2019, 10, 22))),
        (" FREQ=WEEKLY ; INTERVAL=2 ; ", Rule("WEEKLY", 2)),
        ("FREQ=DAILY;COUNT=10", Rule("DAILY", count=10)),
        ("FREQ=WEEKLY;WKST=MO", Rule("WEEKLY")),
        ("FREQ=WEEKLY;WKST=SU", Rule("WEEKLY", others=("WKST",))),
        ("FREQ=MONTHLY;BYSETPOS=1;BYMONTH=3", Rule("MONTHLY", others=("BYMONTH", "BYSETPOS"))),
        ("FREQ=YEARLY", Rule("YEARLY")),
    ],
)
def test_a_rule_is_read_as_the_emitter_writes_it(text: str, rule: Rule) -> None:
    assert parse(text) == rule


@pytest.mark.parametrize("until", ["20191022", "20191022T000000", "20191022T235959", "20191022T220000Z"])
def test_an_end_is_a_day_however_it_is_written(until: str) -> None:
    """The emitter's UNTIL has a time of day that means nothing: its whole day counts."""
    assert parse(f"FREQ=DAILY;UNTIL={until};").last_day == date(2019, 10, 22)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ";",
        "every monday",
        "INTERVAL=2",
        "FREQ=",
        "=WEEKLY",
        "FREQ",
        "FREQ=WEEKLY;INTERVAL=0",
        "FREQ=WEEKLY;INTERVAL=-1",
        "FREQ=WEEKLY;INTERVAL=1.5",
        "FREQ=WEEKLY;INTERVAL=٣",
        "FREQ=WEEKLY;INTERVAL=10000000",
        "FREQ=WEEKLY;COUNT=0",
        "FREQ=WEEKLY;BYDAY=LU",
        "FREQ=WEEKLY;BYDAY=MO,",
        "FREQ=WEEKLY;BYDAY=100MO",
        "FREQ=WEEKLY;UNTIL=tomorrow",
        "FREQ=WEEKLY;UNTIL=20191301",
        "FREQ=WEEKLY;UNTIL=00000101",
        "FREQ=WEEKLY;UNTIL=20191022T",
        "FREQ=WEEKLY;;INTERVAL=2",
        "FREQ=WEEKLY;FREQ=DAILY",
        "FREQ=CANARI",
        "FREQ=WEEKLY;CANARI=1",
        "FREQ=WEEKLY;BYDAY=" + ",".join(["MO"] * 200),
        "FREQ=WEEKLY;BYDAY=MO;byday=TU",
    ],
)
def test_what_is_no_rule_is_refused_without_a_word_of_it(text: str) -> None:
    with pytest.raises(Unreadable) as caught:
        parse(text)
    assert str(caught.value) == ""
    assert caught.value.__cause__ is None


# What calendars hold


def held(text: str, first_day: date = MONDAY) -> Series | None:
    return series(parse(text), first_day)


@pytest.mark.parametrize(
    ("text", "first_day", "first", "recurrence"),
    [
        ("FREQ=DAILY", MONDAY, MONDAY, Recurrence(Frequency.DAILY)),
        ("FREQ=DAILY;INTERVAL=99;COUNT=999", MONDAY, MONDAY, Recurrence(Frequency.DAILY, 99, count=999)),
        ("FREQ=DAILY;BYDAY=TH,MO", MONDAY, MONDAY, Recurrence(Frequency.WEEKLY, 1, (MO, TH))),
        ("FREQ=WEEKLY", date(2026, 12, 9), date(2026, 12, 9), Recurrence(Frequency.WEEKLY, 1, (WE,))),
        ("FREQ=WEEKLY;BYDAY=TH,MO,TH", MONDAY, MONDAY, Recurrence(Frequency.WEEKLY, 1, (MO, TH))),
        ("FREQ=MONTHLY", date(2026, 2, 28), date(2026, 2, 28), Recurrence(Frequency.MONTHLY_BY_DATE)),
        (
            "FREQ=MONTHLY;BYDAY=2WE;",
            date(2026, 12, 9),
            date(2026, 12, 9),
            Recurrence(Frequency.MONTHLY_BY_WEEKDAY, 1, (WE,), 2),
        ),
        ("FREQ=DAILY;UNTIL=99991231T235959;", MONDAY, MONDAY, Recurrence(Frequency.DAILY)),
        ("FREQ=DAILY;UNTIL=45000831", MONDAY, MONDAY, Recurrence(Frequency.DAILY)),
        (
            "FREQ=DAILY;UNTIL=45000830",
            MONDAY,
            MONDAY,
            Recurrence(Frequency.DAILY, last_day=date(4500, 8, 30)),
        ),
        (
            "FREQ=WEEKLY;UNTIL=20261207T000000;",
            MONDAY,
            MONDAY,
            Recurrence(Frequency.WEEKLY, 1, (MO,), last_day=MONDAY),
        ),
    ],
)
def test_a_rule_becomes_the_pattern_that_calendars_hold(
    text: str, first_day: date, first: date, recurrence: Recurrence
) -> None:
    assert held(text, first_day) == Series(first, recurrence)


@pytest.mark.parametrize(
    ("text", "first_day", "first"),
    [
        ("FREQ=WEEKLY;BYDAY=MO", date(2026, 12, 9), date(2026, 12, 14)),
        ("FREQ=WEEKLY;BYDAY=FR", date(2026, 12, 9), date(2026, 12, 11)),
        ("FREQ=WEEKLY;INTERVAL=3;BYDAY=MO", date(2026, 12, 13), date(2026, 12, 28)),
        ("FREQ=DAILY;BYDAY=SA", MONDAY, date(2026, 12, 12)),
        ("FREQ=MONTHLY;BYDAY=1MO", date(2026, 12, 8), date(2027, 1, 4)),
        ("FREQ=MONTHLY;INTERVAL=2;BYDAY=-1FR", date(2026, 12, 26), date(2027, 2, 26)),
    ],
)
def test_a_day_that_the_rule_leaves_out_is_no_occurrence(text: str, first_day: date, first: date) -> None:
    """The emitter begins with the first day that fits; a server would show the odd one."""
    found = held(text, first_day)
    assert found is not None
    assert found.first_day == first
    assert is_sound(found.recurrence, first)


@pytest.mark.parametrize("text", ["FREQ=DAILY;UNTIL=20261206", "FREQ=WEEKLY;BYDAY=TU;UNTIL=20261207T000000"])
def test_a_series_that_ends_before_it_begins_is_none(text: str) -> None:
    assert held(text) is None


@pytest.mark.parametrize(
    ("text", "first_day"),
    [
        ("FREQ=MONTHLY", date(2026, 12, 29)),
        ("FREQ=MONTHLY", date(2026, 12, 31)),
        ("FREQ=MONTHLY;BYDAY=5MO", MONDAY),
        ("FREQ=MONTHLY;BYDAY=-2MO", MONDAY),
        ("FREQ=MONTHLY;BYDAY=MO", MONDAY),
        ("FREQ=MONTHLY;BYDAY=1MO,3MO", MONDAY),
        ("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=1", MONDAY),
        ("FREQ=MONTHLY;BYMONTHDAY=7", MONDAY),
        ("FREQ=WEEKLY;BYDAY=2MO", MONDAY),
        ("FREQ=YEARLY", MONDAY),
        ("FREQ=HOURLY", MONDAY),
        ("FREQ=DAILY;INTERVAL=2;BYDAY=MO", MONDAY),
        ("FREQ=WEEKLY;WKST=SU", MONDAY),
        ("FREQ=WEEKLY;EXDATE=20261214", MONDAY),
        ("FREQ=WEEKLY;INTERVAL=100", MONDAY),
        ("FREQ=DAILY;COUNT=1000", MONDAY),
        ("FREQ=DAILY;COUNT=5;UNTIL=20270101", MONDAY),
    ],
)
def test_what_no_calendar_holds_exactly_is_refused_as_a_whole(text: str, first_day: date) -> None:
    """A series that is nearly right would be believed."""
    with pytest.raises(Unholdable):
        held(text, first_day)


# A second opinion


COMPARED = 15


def a_rule(random_: random.Random, first_day: date) -> tuple[str, date | None]:
    """A rule that can be held, without its end, and its last day."""
    frequency = random_.choice(["DAILY", "WEEKLY", "MONTHLY"])
    interval = random_.choice([1, 1, 1, 2, 3, 4, 13, 99])
    parts = [f"FREQ={frequency}"]
    weekdays = random_.sample(list(Weekday), random_.randint(1, 7))
    if frequency == "WEEKLY" and random_.random() < 0.8:
        parts.append(f"BYDAY={','.join(weekdays)}")
    if frequency == "DAILY" and random_.random() < 0.3:
        interval = 1
        parts.append(f"BYDAY={','.join(weekdays)}")
    if frequency == "MONTHLY" and (first_day.day > 28 or random_.random() < 0.7):
        parts.append(f"BYDAY={random_.choice([1, 2, 3, 4, -1])}{weekdays[0]}")
    parts.append(f"INTERVAL={interval}")
    end = random_.random()
    if end < 0.2:
        parts.append(f"COUNT={random_.randint(1, COMPARED)}")
    random_.shuffle(parts)
    last_day = first_day + timedelta(days=random_.choice([0, 1, 6, 7, 30, 400])) if end > 0.5 else None
    return ";".join(parts), last_day


def test_thousands_of_rules_fall_on_the_days_that_another_library_finds() -> None:
    random_ = random.Random(5545)
    empty = 0
    for _ in range(3000):
        first_day = date(2024, 1, 1) + timedelta(days=random_.randrange(1500))
        text, last_day = a_rule(random_, first_day)
        ours = f"{text};UNTIL={last_day:%Y%m%d}T000000;" if last_day else f"{text};"
        theirs = f"{text};UNTIL={last_day:%Y%m%d}T235959" if last_day else text
        found = held(ours, first_day)
        start = datetime.combine(first_day, time(9))
        expected = [moment.date() for moment in islice(rrulestr(theirs, dtstart=start), COMPARED)]
        empty += not expected
        if found is None:
            assert expected == [], (ours, first_day)
            continue
        assert list(islice(days(found.recurrence, found.first_day), COMPARED)) == expected, (ours, first_day)
        assert is_sound(found.recurrence, found.first_day), (ours, first_day)
    assert 50 < empty < 1000, "both kinds of end were met"
