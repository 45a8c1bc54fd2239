"""Series through the real exchangelib client: written, read back, seen in a view, changed, made single again."""

from collections.abc import Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from exchangelib import Account, CalendarItem, EWSDate, EWSDateTime, EWSTimeZone, ExtendedProperty, ItemId
from exchangelib.errors import ErrorCalendarInvalidRecurrence, ErrorCalendarOccurrenceIsDeletedFromRecurrence
from exchangelib.fields import FRIDAY, MONDAY, THURSDAY, WEEK_DAY
from exchangelib.items import ALWAYS_OVERWRITE
from exchangelib.recurrence import (
    AbsoluteMonthlyPattern,
    AbsoluteYearlyPattern,
    DailyPattern,
    EndDatePattern,
    NoEndPattern,
    NumberedPattern,
    Pattern,
    Recurrence,
    RelativeMonthlyPattern,
    RelativeYearlyPattern,
    WeeklyPattern,
)

from mock_exchange.calendar.times import zone_of
from tests.mock_exchange.conftest import AGENT, PARIS
from tests.mock_exchange.wire import GUID

FIRST = EWSDate(2026, 12, 7)
MONDAYS = WeeklyPattern(interval=1, weekdays=[MONDAY])


class SeriesUid(ExtendedProperty):
    property_set_id = GUID
    property_name = "RdvUid"
    property_type = "String"


@pytest.fixture(autouse=True)
def registered() -> Iterator[None]:
    CalendarItem.register("series_uid", SeriesUid)
    yield
    CalendarItem.deregister("series_uid")


def at(hour: int, month: int = 12, day: int = 7, year: int = 2026, zone: EWSTimeZone = PARIS) -> EWSDateTime:
    return EWSDateTime(year, month, day, hour, tzinfo=zone)


def weekly(number: int = 4) -> Recurrence:
    pattern = WeeklyPattern(interval=1, weekdays=[MONDAY, THURSDAY])
    return Recurrence(pattern=pattern, start=FIRST, number=number)


def absence(account: Account, recurrence: Recurrence | None = None, **fields: object) -> CalendarItem:
    fields = {"subject": "Absence", "start": at(9), "end": at(10), "series_uid": "u1"} | fields
    return CalendarItem(account=account, folder=account.calendar, recurrence=recurrence, **fields)


def december() -> dict[str, EWSDateTime]:
    return {"start": at(0, day=1), "end": at(0, 1, 1, 2027)}


def seen(account: Account, **window: EWSDateTime) -> list[str]:
    view = account.calendar.view(**(window or december()))
    return [f"{item.start.astimezone(PARIS):%d %H:%M}" for item in view]


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (DailyPattern(interval=3), "every 3 days"),
        (WeeklyPattern(interval=1, weekdays=[MONDAY, FRIDAY]), "every week on Monday, Friday"),
        (AbsoluteMonthlyPattern(interval=2, day_of_month=31), "every 2 months on day 31"),
        (RelativeMonthlyPattern(interval=1, weekday=FRIDAY, week_number=5), "every month on the last Friday"),
        (AbsoluteYearlyPattern(day_of_month=29, month=2), "every year on day 29 of February"),
        (
            RelativeYearlyPattern(weekday=WEEK_DAY, week_number=1, month=1),
            "every year on the first Monday or Tuesday or Wednesday or Thursday or Friday of January",
        ),
    ],
)
@pytest.mark.parametrize(
    ("boundary", "limits"),
    [
        (NoEndPattern(start=FIRST), ""),
        (EndDatePattern(start=FIRST, end=EWSDate(2030, 6, 28)), " until 2030-06-28"),
        (NumberedPattern(start=FIRST, number=5), ", 5 times"),
    ],
)
def test_every_pattern_and_range_is_read_back_as_it_was_written(
    exchange, account, pattern: Pattern, text, boundary, limits
):
    agent = account(exchange)
    saved = absence(agent, Recurrence(pattern=pattern, boundary=boundary)).save()
    (found,) = agent.calendar.filter(series_uid="u1")
    assert found.id == saved.id
    assert (found.recurrence.pattern, found.recurrence.boundary) == (pattern, boundary)
    assert (found.type, found.is_recurring) == ("RecurringMaster", True)
    assert exchange.items(AGENT)[0].recurrence == f"{text}, from 2026-12-07{limits}"


def test_a_view_shows_the_occurrences_with_what_the_series_holds(exchange, account):
    agent = account(exchange)
    absence(agent, weekly(), location="Ici").save()
    shown = list(agent.calendar.view(start=at(0, day=1), end=at(0, day=15)))
    assert [item.start for item in shown] == [at(9, day=7), at(9, day=10), at(9, day=14)]
    assert [item.end for item in shown] == [at(10, day=7), at(10, day=10), at(10, day=14)]
    assert {(item.type, item.subject, item.location) for item in shown} == {("Occurrence", "Absence", "Ici")}
    assert {item.series_uid for item in shown} == {"u1"}
    assert len({item.id for item in shown}) == 3
    assert len(list(agent.calendar.view(start=at(0, day=1), end=at(0, day=15), max_items=2))) == 2


def test_the_wall_clock_time_is_kept_over_both_clock_changes(exchange, account):
    agent = account(exchange)
    absence(agent, Recurrence(pattern=DailyPattern(interval=1), start=FIRST)).save()
    assert seen(agent, start=at(0, 3, 27, 2027), end=at(0, 3, 30, 2027)) == ["27 09:00", "28 09:00", "29 09:00"]
    assert seen(agent, start=at(0, 10, 30, 2027), end=at(0, 11, 1, 2027)) == ["30 09:00", "31 09:00"]


@pytest.mark.parametrize(
    "name",
    [
        *("Europe/Paris", "America/Guadeloupe", "America/Martinique", "America/Cayenne", "America/Miquelon"),
        *("America/St_Barthelemy", "America/Marigot", "Indian/Reunion", "Indian/Mayotte", "Indian/Kerguelen"),
        *("Pacific/Noumea", "Pacific/Tahiti", "Pacific/Marquesas", "Pacific/Gambier", "Pacific/Wallis"),
    ],
)
def test_the_zones_of_the_french_administration_keep_their_time(exchange, account, name):
    """The Windows ids are those that exchangelib sends; a year of occurrences is compared."""
    agent, zone = account(exchange), EWSTimeZone(name)
    recurrence = Recurrence(pattern=DailyPattern(interval=7), start=FIRST, number=53)
    absence(agent, recurrence, start=at(9, zone=zone), end=at(10, zone=zone)).save()
    year = exchange.occurrences(AGENT, datetime(2026, 12, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC))
    assert {item.start.astimezone(ZoneInfo(name)).hour for item in year} == {9}
    assert len(year) == 53
    assert zone_of(exchange.items(AGENT)[0].time_zone) != UTC


def test_a_recurrence_is_replaced_and_the_rest_kept(exchange, account):
    agent = account(exchange)
    item = absence(agent, weekly()).save()
    item.recurrence = Recurrence(pattern=MONDAYS, start=FIRST, end=EWSDate(2026, 12, 21))
    item.save(update_fields=["recurrence"])
    assert seen(agent) == ["07 09:00", "14 09:00", "21 09:00"]
    assert exchange.items(AGENT)[0].extended == {(GUID, "RdvUid"): "u1"}


def test_a_single_item_becomes_a_series_and_single_again_by_id(exchange, account):
    """As a receiver does it: without reading the item before, and whatever it is now."""
    agent = account(exchange)
    item_id = absence(agent).save().id
    fields = ["subject", "start", "end", "recurrence"]

    def overwrite(recurrence: Recurrence | None, hour: int) -> None:
        item = CalendarItem(
            account=agent, id=item_id, subject="Neuf", start=at(hour), end=at(hour + 1), recurrence=recurrence
        )
        agent.bulk_update([(item, fields)], conflict_resolution=ALWAYS_OVERWRITE)

    overwrite(weekly(2), 14)
    assert seen(agent) == ["07 14:00", "10 14:00"]
    overwrite(None, 16)
    assert seen(agent) == ["07 16:00"]
    assert agent.calendar.get(series_uid="u1").recurrence is None
    assert [(item.kind, item.item_id) for item in exchange.items(AGENT)] == [("Single", item_id)]


def test_one_occurrence_is_deleted_and_the_series_tells_so(exchange, account):
    agent = account(exchange)
    item = absence(agent, weekly()).save()
    second = list(agent.calendar.view(**december()))[1]
    assert agent.bulk_delete([ItemId(id=second.id)]) == [True]
    assert seen(agent) == ["07 09:00", "14 09:00", "17 09:00"]
    master = agent.calendar.get(series_uid="u1")
    assert [deleted.start for deleted in master.deleted_occurrences] == [at(9, day=10)]
    assert (master.first_occurrence.start, master.last_occurrence.start) == (at(9, day=7), at(9, day=17))
    assert master.id == item.id


def test_the_library_goes_from_master_to_occurrence_and_back(exchange, account):
    agent = account(exchange)
    absence(agent, weekly()).save()
    master = agent.calendar.get(series_uid="u1")
    third = master.occurrence(3)
    third.refresh()
    assert (third.start, third.type, third.series_uid) == (at(9, day=14), "Occurrence", "u1")
    back = third.recurring_master()
    back.refresh()
    assert back.id == master.id
    third.delete()
    with pytest.raises(ErrorCalendarOccurrenceIsDeletedFromRecurrence):
        master.occurrence(3).refresh()


def test_deleting_the_master_deletes_the_occurrences(exchange, account):
    agent = account(exchange)
    item = absence(agent, weekly()).save()
    agent.bulk_delete([ItemId(id=item.id)])
    assert seen(agent) == []


def test_an_item_that_starts_beside_its_pattern_is_moved_to_the_first_occurrence(exchange, account):
    agent = account(exchange)
    tuesday = Recurrence(pattern=MONDAYS, start=EWSDate(2026, 12, 8), number=2)
    absence(agent, tuesday, start=at(9, day=8), end=at(10, day=8)).save()
    assert agent.calendar.get(series_uid="u1").start == at(9, day=14)
    assert seen(agent) == ["14 09:00", "21 09:00"]


def test_a_recurrence_that_exchange_refuses_is_told_by_name(exchange, account, monkeypatch):
    """exchangelib itself keeps back an interval of 1000 days."""
    monkeypatch.setattr(DailyPattern.get_field_by_fieldname("interval"), "max", 1000)
    with pytest.raises(ErrorCalendarInvalidRecurrence):
        absence(account(exchange), Recurrence(pattern=DailyPattern(interval=1000), start=FIRST)).save()
    assert exchange.items(AGENT) == []
