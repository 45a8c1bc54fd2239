"""What every connector must do with series. A connector's test module subclasses `SeriesConformance`."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from connectors.base import (
    CalendarEntry,
    Create,
    Delete,
    Done,
    Failed,
    Found,
    Frequency,
    Permanent,
    Recurrence,
    TakeOver,
    Update,
    Weekday,
)
from tests.connectors.conformance import PARIS, ZONES, Bench, at, check_shows, create, entry, full_entry, listed, others

DAILY, WEEKLY = Frequency.DAILY, Frequency.WEEKLY
BY_DATE, BY_WEEKDAY = Frequency.MONTHLY_BY_DATE, Frequency.MONTHLY_BY_WEEKDAY
MO, WE, SU = Weekday.MONDAY, Weekday.WEDNESDAY, Weekday.SUNDAY

FIRST = datetime(2026, 12, 7, 10, 30, tzinfo=PARIS)
"""A Monday, the first of its month."""

RULES = [
    Recurrence(DAILY),
    Recurrence(DAILY, 3, last_day=date(2027, 2, 1)),
    Recurrence(DAILY, 99, count=999),
    Recurrence(WEEKLY, weekdays=(MO,)),
    Recurrence(WEEKLY, weekdays=tuple(Weekday), count=2),
    Recurrence(WEEKLY, 2, (MO, WE, SU), last_day=date(2026, 12, 7)),
    Recurrence(WEEKLY, 99, (MO, SU)),
    Recurrence(BY_DATE),
    Recurrence(BY_DATE, 12, count=1),
    Recurrence(BY_DATE, 2, last_day=date(2030, 12, 31)),
    Recurrence(BY_WEEKDAY, 1, (MO,), 1),
    Recurrence(BY_WEEKDAY, 5, (MO,), 1, last_day=date(2027, 6, 30)),
]


def series(recurrence: Recurrence, start: datetime = FIRST, **fields: object) -> CalendarEntry:
    return entry(start=start, end=start + timedelta(minutes=45), recurrence=recurrence, **fields)


class SeriesConformance:
    """The suite."""

    @pytest.mark.parametrize("rule", RULES)
    def test_a_series_reads_back_as_it_was_written(self, bench: Bench, rule: Recurrence) -> None:
        (item_id,) = create(bench, series(rule))
        check_shows(bench, listed(bench)[item_id], series(rule))

    @pytest.mark.parametrize(
        ("rule", "last"),
        [
            (Recurrence(DAILY, 3, last_day=date(2027, 2, 1)), date(2027, 1, 30)),
            (Recurrence(WEEKLY, weekdays=(MO,), count=2), date(2026, 12, 14)),
            (Recurrence(BY_WEEKDAY, 1, (MO,), 1, last_day=date(2027, 6, 30)), date(2027, 6, 7)),
        ],
    )
    def test_another_installations_series_is_told_until_its_last_occurrence_is_over(
        self, bench: Bench, rule: Recurrence, last: date
    ) -> None:
        create(bench, series(rule), connector=bench.stranger)
        end = datetime.combine(last, FIRST.time(), PARIS) + timedelta(minutes=45)
        moments = FIRST - timedelta(days=400), FIRST + timedelta(days=5), end - timedelta(minutes=1), end
        assert [len(others(bench, moment)) for moment in moments] == [1, 1, 1, 0]

    def test_another_installations_series_without_end_is_always_told_and_can_be_taken_over(self, bench: Bench) -> None:
        (item_id,) = create(bench, series(RULES[0]), connector=bench.stranger)
        assert len(others(bench, FIRST + timedelta(days=3650))) == 1
        (taken,) = bench.connector.apply(bench.mailbox, [TakeOver(item_id)])
        assert isinstance(taken, Done)
        check_shows(bench, listed(bench)[taken.item_id], series(RULES[0]))
        assert others(bench, FIRST) == []

    @pytest.mark.parametrize(("position", "day"), [(1, 7), (2, 14), (3, 21), (4, 28), (-1, 28)])
    def test_every_position_in_the_month_reads_back(self, bench: Bench, position: int, day: int) -> None:
        written = series(Recurrence(BY_WEEKDAY, 1, (MO,), position), FIRST.replace(day=day))
        (item_id,) = create(bench, written)
        check_shows(bench, listed(bench)[item_id], written)

    @pytest.mark.parametrize("weekday", Weekday)
    def test_every_day_of_the_week_reads_back(self, bench: Bench, weekday: Weekday) -> None:
        day = 7 + list(Weekday).index(weekday)
        weekly, monthly = Recurrence(WEEKLY, 2, (weekday,)), Recurrence(BY_WEEKDAY, 1, (weekday,), (day + 6) // 7)
        for rule in (weekly, monthly):
            written = series(rule, FIRST.replace(day=day))
            (item_id,) = create(bench, written)
            check_shows(bench, listed(bench)[item_id], written)

    @pytest.mark.parametrize("zone", ZONES)
    @pytest.mark.parametrize("hour", [0, 12, 23])
    def test_days_are_those_of_the_entrys_zone(self, bench: Bench, zone: str, hour: int) -> None:
        """Near midnight it is another day elsewhere, and on the host."""
        rule = Recurrence(WEEKLY, 1, (MO,), last_day=date(2027, 7, 5))
        written = replace(at(zone, 2026, 12, 7, hour, 30), recurrence=rule)
        (item_id,) = create(bench, written)
        check_shows(bench, listed(bench)[item_id], written)

    @pytest.mark.parametrize("moment", [(2026, 3, 28, 2, 30), (2026, 10, 24, 2, 30), (2026, 10, 24, 23, 30)])
    def test_a_series_over_the_days_when_clocks_change_reads_back(self, bench: Bench, moment: tuple[int, ...]) -> None:
        written = replace(at("Europe/Paris", *moment), recurrence=Recurrence(DAILY, count=3))
        (item_id,) = create(bench, written)
        check_shows(bench, listed(bench)[item_id], written)

    @pytest.mark.parametrize(
        ("before", "after"),
        [
            (None, Recurrence(DAILY, last_day=date(2027, 2, 1))),
            (Recurrence(DAILY, last_day=date(2027, 2, 1)), None),
            (Recurrence(DAILY, last_day=date(2027, 2, 1)), Recurrence(DAILY, last_day=date(2027, 3, 1))),
            (Recurrence(DAILY, last_day=date(2027, 2, 1)), Recurrence(DAILY, last_day=date(2027, 1, 1))),
            (Recurrence(DAILY, last_day=date(2027, 2, 1)), Recurrence(DAILY)),
            (Recurrence(DAILY), Recurrence(DAILY, count=2)),
            (Recurrence(DAILY), Recurrence(WEEKLY, 2, (MO, WE), last_day=date(2027, 2, 1))),
            (Recurrence(WEEKLY, 1, (MO,)), Recurrence(BY_WEEKDAY, 1, (MO,), 1)),
        ],
    )
    def test_an_update_in_place_changes_the_rule(
        self, bench: Bench, before: Recurrence | None, after: Recurrence | None
    ) -> None:
        (item_id,) = create(bench, replace(full_entry(), start=FIRST, end=FIRST, recurrence=before))
        written = replace(full_entry(), title="neu", start=FIRST, end=FIRST + timedelta(hours=1), recurrence=after)
        assert bench.connector.apply(bench.mailbox, [Update(item_id, written)]) == [Done(item_id)]
        check_shows(bench, listed(bench)[item_id], written)

    def test_an_update_moves_a_series_to_another_day_hour_and_zone(self, bench: Bench) -> None:
        (item_id,) = create(bench, series(Recurrence(WEEKLY, 1, (MO,), last_day=date(2027, 2, 1))))
        rule = Recurrence(WEEKLY, 1, (WE,), last_day=date(2026, 7, 1))
        written = replace(at("Pacific/Noumea", 2026, 4, 1, 7, 0), uid=entry().uid, recurrence=rule)
        assert bench.connector.apply(bench.mailbox, [Update(item_id, written)]) == [Done(item_id)]
        check_shows(bench, listed(bench)[item_id], written)

    def test_a_series_is_one_item(self, bench: Bench) -> None:
        (item_id,) = create(bench, series(Recurrence(DAILY)))
        assert bench.connector.find(bench.mailbox, [entry().uid]) == {entry().uid: [Found(item_id, entry().uid)]}
        assert list(listed(bench)) == [item_id]
        assert bench.connector.apply(bench.mailbox, [Delete(item_id)]) == [Done(item_id)]
        assert listed(bench) == {}

    def test_a_moved_series_is_found_and_listed(self, bench: Bench) -> None:
        (item_id,) = create(bench, series(RULES[1]))
        bench.move_to_subfolder(item_id)
        ((moved,),) = bench.connector.find(bench.mailbox, [entry().uid]).values()
        check_shows(bench, listed(bench)[moved.item_id], series(RULES[1]))

    @pytest.mark.parametrize(
        ("rule", "day", "shown"),
        [
            (Recurrence(WEEKLY, 1, (MO,)), date(2026, 12, 7), True),
            (Recurrence(WEEKLY, 1, (MO,)), date(2026, 12, 6), False),
            (Recurrence(WEEKLY, 1, (MO,)), date(2031, 6, 2), True),
            (Recurrence(WEEKLY, 1, (MO,)), date(2031, 6, 3), False),
            (Recurrence(WEEKLY, 2, (MO,)), date(2026, 12, 14), False),
            (Recurrence(DAILY, last_day=date(2027, 3, 1)), date(2027, 3, 1), True),
            (Recurrence(DAILY, last_day=date(2027, 3, 1)), date(2027, 3, 2), False),
            (Recurrence(DAILY, count=3), date(2026, 12, 9), True),
            (Recurrence(DAILY, count=3), date(2026, 12, 10), False),
            (Recurrence(BY_WEEKDAY, 1, (MO,), 1), date(2029, 1, 1), True),
        ],
    )
    def test_the_window_holds_series_with_an_occurrence_in_it(
        self, bench: Bench, rule: Recurrence, day: date, shown: bool
    ) -> None:
        """One that began years ago and goes on is there; one that has ended is not."""
        create(bench, series(rule))
        start = datetime(day.year, day.month, day.day, tzinfo=PARIS)
        found = list(bench.connector.list_marked(bench.mailbox, start, start + timedelta(days=1)))
        assert len(found) == shown

    def test_the_edges_of_a_window_are_those_of_each_occurrence(self, bench: Bench) -> None:
        """In summer the series keeps its hour on the wall."""
        create(bench, series(Recurrence(WEEKLY, 1, (MO,))))
        begins = datetime(2027, 7, 5, 10, 30, tzinfo=PARIS)
        ends, minute = begins + timedelta(minutes=45), timedelta(minutes=1)

        def count(start: datetime, stop: datetime) -> int:
            return len(list(bench.connector.list_marked(bench.mailbox, start, stop)))

        assert count(begins, ends) == count(ends - minute, ends) == count(begins - minute, begins + minute) == 1
        assert count(begins - minute, begins) == count(ends, ends + minute) == 0

    def test_an_occurrence_that_goes_past_midnight_is_in_the_next_days_window(self, bench: Bench) -> None:
        create(bench, replace(series(Recurrence(WEEKLY, 1, (MO,))), end=FIRST + timedelta(days=2)))
        start = datetime(2027, 7, 7, 9, 0, tzinfo=PARIS)
        assert len(list(bench.connector.list_marked(bench.mailbox, start, start + timedelta(hours=1)))) == 1

    @pytest.mark.parametrize(
        "rule",
        [
            Recurrence(DAILY, 0),
            Recurrence(DAILY, 100),
            Recurrence(DAILY, count=0),
            Recurrence(DAILY, count=1000),
            Recurrence(DAILY, count=1, last_day=date(2027, 1, 1)),
            Recurrence(DAILY, last_day=date(2026, 12, 6)),
            Recurrence(WEEKLY),
            Recurrence(WEEKLY, 1, (WE, MO)),
            Recurrence(WEEKLY, 1, (WE,)),
            Recurrence(BY_WEEKDAY, 1, (MO,), 2),
            Recurrence(BY_WEEKDAY, 1, (MO, WE), 1),
            Recurrence(BY_WEEKDAY, 1, (MO,)),
            Recurrence(BY_WEEKDAY, 1, (MO,), 5),
            Recurrence(Frequency.OTHER),
        ],
    )
    def test_a_rule_that_is_none_of_the_ports_is_refused_alone(self, bench: Bench, rule: Recurrence) -> None:
        """A series that is nearly right would be believed."""
        first, refused, third = bench.connector.apply(
            bench.mailbox, [Create(entry("a")), Create(series(rule)), Create(entry("c"))]
        )
        assert isinstance(refused, Failed)
        assert isinstance(refused.error, Permanent)
        assert (refused.error.code, refused.error.scope) == ("invalid_item", "item")
        assert isinstance(first, Done)
        assert isinstance(third, Done)

    @pytest.mark.parametrize("day", [29, 30, 31])
    def test_the_end_of_a_month_is_no_date_of_every_month(self, bench: Bench, day: int) -> None:
        (refused,) = bench.connector.apply(bench.mailbox, [Create(series(Recurrence(BY_DATE), FIRST.replace(day=day)))])
        assert isinstance(refused, Failed)

    def test_a_series_in_a_zone_that_nobody_knows_is_refused(self, bench: Bench) -> None:
        strange = replace(series(RULES[0]), time_zone="Mars/Olympus")
        (refused,) = bench.connector.apply(bench.mailbox, [Create(strange)])
        assert isinstance(refused, Failed)
        assert refused.error.code == "unsupported_time_zone"

    def test_times_given_in_another_zone_are_read_in_the_entrys(self, bench: Bench) -> None:
        """Monday evening there, Tuesday in Paris."""
        there = ZoneInfo("America/Guadeloupe")
        written = replace(
            series(Recurrence(WEEKLY, 1, (Weekday.TUESDAY,)), datetime(2026, 12, 7, 23, 0, tzinfo=there)),
            time_zone="Europe/Paris",
        )
        (item_id,) = create(bench, written)
        assert listed(bench)[item_id].recurrence == written.recurrence
