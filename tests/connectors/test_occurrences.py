"""Series against dateutil's reading of the same rule, where they are worked out and where Exchange does."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from dateutil.rrule import DAILY, MO, MONTHLY, WEEKLY, rrule, weekday
from hypothesis import example, given, settings
from hypothesis import strategies as st

from connectors.base import CalendarEntry, Create, Delete, Frequency, Recurrence, Weekday
from connectors.ews import EwsConnector
from connectors.occurrences import is_sound, occurrences, overlaps
from mock_exchange import MockExchange
from tests.connectors.conformance import ZONES, entry
from tests.connectors.ews import MAILBOX, connected, done, exchange_for, settings_for

SPAN = timedelta(days=731)
WEEK = tuple(Weekday)

intervals = st.integers(1, 5) | st.integers(1, 99)
first_days = st.dates(date(2024, 1, 1), date(2030, 12, 31))


def weekly(day: date) -> st.SearchStrategy[Recurrence]:
    days = st.sets(st.sampled_from(Weekday)).map(lambda chosen: chosen | {WEEK[day.weekday()]})
    ordered = days.map(lambda chosen: tuple(sorted(chosen, key=WEEK.index)))
    return st.builds(Recurrence, st.just(Frequency.WEEKLY), intervals, ordered)


def by_weekday(day: date) -> st.SearchStrategy[Recurrence]:
    from_start = (day.day + 6) // 7
    positions = ([from_start] if from_start < 5 else []) + (
        [-1] if (day + timedelta(days=7)).month != day.month else []
    )
    weekdays = st.just((WEEK[day.weekday()],))
    monthly = st.just(Frequency.MONTHLY_BY_WEEKDAY)
    return st.builds(Recurrence, monthly, intervals, weekdays, st.sampled_from(positions))


def recurrences(day: date) -> st.SearchStrategy[Recurrence]:
    """Rules that have the day as their first."""
    plain = st.builds(Recurrence, st.just(Frequency.DAILY), intervals) | weekly(day) | by_weekday(day)
    if day.day <= 28:
        plain |= st.builds(Recurrence, st.just(Frequency.MONTHLY_BY_DATE), intervals)
    ends = st.just({})
    ends |= st.fixed_dictionaries({"last_day": st.dates(day, day + SPAN)})
    ends |= st.fixed_dictionaries({"count": st.integers(1, 40) | st.integers(1, 999)})
    return st.builds(lambda rule, end: replace(rule, **end), plain, ends)


@st.composite
def series(draw: st.DrawFn) -> CalendarEntry:
    """Entries that repeat, each shorter than a day."""
    day, zone = draw(first_days), draw(st.sampled_from(ZONES))
    start = datetime.combine(
        day, draw(st.sampled_from([time(0, 15), time(2, 30), time(9), time(23, 45)])), ZoneInfo(zone)
    )
    # Through UTC, as an hour that the clocks leave out is not the one it is called.
    start = start.astimezone(UTC).astimezone(ZoneInfo(zone))
    length = draw(st.sampled_from([timedelta(minutes=45), timedelta(hours=12)]))
    end = (start.astimezone(UTC) + length).astimezone(ZoneInfo(zone))
    return entry(start=start, end=end, time_zone=zone, recurrence=draw(recurrences(start.date())))


def expected(written: CalendarEntry) -> Iterator[datetime]:
    """Yield when the occurrences begin, as dateutil reads RFC 5545 at the wall clock."""
    rule = written.recurrence
    assert rule is not None
    local = written.start.replace(tzinfo=None)
    frequency = {Frequency.DAILY: DAILY, Frequency.WEEKLY: WEEKLY}.get(rule.frequency, MONTHLY)
    days = [weekday(WEEK.index(day), rule.position) for day in rule.weekdays]
    until = rule.last_day and datetime.combine(rule.last_day, time.max)
    found = rrule(frequency, local, rule.interval, MO, rule.count, until, byweekday=days or None)
    return (moment.replace(tzinfo=ZoneInfo(written.time_zone)).astimezone(UTC) for moment in found)


@given(series())
def test_occurrences_are_those_of_the_rule(written: CalendarEntry) -> None:
    found = [start.astimezone(UTC) for start, _ in islice(occurrences(written), 60)]
    assert found == list(islice(expected(written), 60))


@given(series())
def test_what_is_drawn_here_is_what_the_port_allows(written: CalendarEntry) -> None:
    assert written.recurrence is not None
    assert is_sound(written.recurrence, written.start.date())


@pytest.fixture(scope="module")
def server() -> Iterator[MockExchange]:
    with exchange_for("basic", "impersonation") as exchange:
        yield exchange
        assert exchange.crashes == []


@pytest.fixture(scope="module")
def to_server(server: MockExchange) -> Iterator[EwsConnector]:
    with connected(settings_for(server, "basic", connections=1)) as connector:
        yield connector


@settings(max_examples=60, deadline=None)
@given(series())
@example(entry(recurrence=Recurrence(Frequency.WEEKLY, 2, (Weekday.MONDAY, Weekday.SUNDAY))))
def test_exchange_shows_the_occurrences_of_the_rule(
    server: MockExchange, to_server: EwsConnector, written: CalendarEntry
) -> None:
    """Written by exchangelib, expanded by a server that shares no code with us; weeks begin on Monday on both sides."""
    item_id = done(to_server.apply(MAILBOX, [Create(written)])[0])
    until = written.start + SPAN
    shown = [each.start for each in server.occurrences(MAILBOX, written.start, until)]
    to_server.apply(MAILBOX, [Delete(item_id)])
    wanted = []
    for moment in expected(written):
        if moment >= until:
            break
        wanted.append(moment)
    assert shown == wanted


@settings(max_examples=60, deadline=None)
@given(series(), st.integers(-3, 800), st.integers(1, 5))
def test_a_series_is_listed_exactly_where_exchange_shows_one_of_its_occurrences(
    server: MockExchange, to_server: EwsConnector, written: CalendarEntry, after: int, length: int
) -> None:
    item_id = done(to_server.apply(MAILBOX, [Create(written)])[0])
    start = written.start + timedelta(days=after)
    end = start + timedelta(days=length)
    shown = server.occurrences(MAILBOX, start, end)
    listed = list(to_server.list_marked(MAILBOX, start, end))
    to_server.apply(MAILBOX, [Delete(item_id)])
    assert len(listed) == bool(shown) == overlaps(written, start, end)
