"""Series on the wire: what Exchange accepts, what a calendar view shows, what becomes of single occurrences."""

import base64
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from mock_exchange import MockExchange
from tests.mock_exchange.conftest import AGENT, OTHER
from tests.mock_exchange.wire import (
    GUID,
    UID_URI,
    acting_as,
    create,
    delete,
    event,
    find,
    get,
    post,
    set_field,
    update,
)

ZONE = '<t:StartTimeZone Id="Romance Standard Time"/>'
NINE = "<t:Start>2026-12-07T09:00:00+01:00</t:Start><t:End>2026-12-07T10:00:00+01:00</t:End>"
WEEKLY = (
    "<t:WeeklyRecurrence><t:Interval>1</t:Interval><t:DaysOfWeek>Monday Thursday</t:DaysOfWeek>"
    "<t:FirstDayOfWeek>Monday</t:FirstDayOfWeek></t:WeeklyRecurrence>"
)
DAILY = "<t:DailyRecurrence><t:Interval>1</t:Interval></t:DailyRecurrence>"
DELETE_RECURRENCE = '<t:DeleteItemField><t:FieldURI FieldURI="calendar:Recurrence"/></t:DeleteItemField>'
PARIS = ZoneInfo("Europe/Paris")


def without_end(start: str = "2026-12-07") -> str:
    return f"<t:NoEndRecurrence><t:StartDate>{start}</t:StartDate></t:NoEndRecurrence>"


def until(end: str, start: str = "2026-12-07") -> str:
    dates = f"<t:StartDate>{start}</t:StartDate><t:EndDate>{end}</t:EndDate>"
    return f"<t:EndDateRecurrence>{dates}</t:EndDateRecurrence>"


def times(number: int, start: str = "2026-12-07") -> str:
    limits = f"<t:StartDate>{start}</t:StartDate><t:NumberOfOccurrences>{number}</t:NumberOfOccurrences>"
    return f"<t:NumberedRecurrence>{limits}</t:NumberedRecurrence>"


def repeating(pattern: str = WEEKLY, limits: str = "", start: str = NINE, zone: str = ZONE) -> str:
    recurrence = f"<t:Recurrence>{pattern}{limits or without_end()}</t:Recurrence>"
    return event("Absence", f"{start}{recurrence}{zone}", uid="u1").replace(
        "<t:ExtendedProperty>", '<t:Body BodyType="Text">Lien</t:Body><t:ExtendedProperty>'
    )


def make(exchange: MockExchange, *arguments: str, **options: str) -> str:
    reply = post(exchange, create(repeating(*arguments, **options)))
    assert reply.codes == ["NoError"]
    return reply.ids()[0]


def field(*names: str) -> str:
    return "".join(f'<t:FieldURI FieldURI="{name}"/>' for name in names)


def view(start: str, end: str, limit: str = "", **options: str) -> str:
    most = f' MaxEntriesReturned="{limit}"' if limit else ""
    return find(view=f'<m:CalendarView{most} StartDate="{start}" EndDate="{end}"/>', **options)


DECEMBER = ("2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z")


def starts(exchange: MockExchange, start: str = DECEMBER[0], end: str = DECEMBER[1], limit: str = "") -> list[str]:
    return post(exchange, view(start, end, limit, more=field("calendar:Start"))).texts("//t:Start")


def days(exchange: MockExchange) -> list[int]:
    return [int(text[8:10]) for text in starts(exchange)]


def relative(position: str, days_of_week: str, month: str = "") -> str:
    kind = "RelativeYearlyRecurrence" if month else "RelativeMonthlyRecurrence"
    interval = "" if month else "<t:Interval>1</t:Interval>"
    named = f"<t:Month>{month}</t:Month>" if month else ""
    chosen = f"<t:DaysOfWeek>{days_of_week}</t:DaysOfWeek><t:DayOfWeekIndex>{position}</t:DayOfWeekIndex>"
    return f"<t:{kind}>{interval}{chosen}{named}</t:{kind}>"


def absolute(day: int, month: str = "", interval: int = 1) -> str:
    kind = "AbsoluteYearlyRecurrence" if month else "AbsoluteMonthlyRecurrence"
    every = "" if month else f"<t:Interval>{interval}</t:Interval>"
    named = f"<t:Month>{month}</t:Month>" if month else ""
    return f"<t:{kind}>{every}<t:DayOfMonth>{day}</t:DayOfMonth>{named}</t:{kind}>"


@pytest.mark.parametrize(
    ("pattern", "limits", "expected"),
    [
        (WEEKLY, "", [7, 10, 14, 17, 21, 24, 28, 31]),
        (WEEKLY, times(3), [7, 10, 14]),
        (WEEKLY, until("2026-12-17"), [7, 10, 14, 17]),
        (DAILY.replace(">1<", ">10<"), "", [7, 17, 27]),
        (absolute(31), "", [31]),
        (absolute(8, "December"), "", [8]),
        (relative("Last", "Friday"), "", [25]),
        (relative("First", "WeekendDay"), without_end("2026-12-01"), [5]),
        (relative("Third", "Weekday", "December"), without_end("2026-12-01"), [3]),
        (relative("Fourth", "Day"), without_end("2026-12-01"), [4]),
    ],
)
def test_every_pattern_and_range_is_expanded(exchange, pattern, limits, expected):
    make(exchange, pattern, limits)
    assert days(exchange) == expected


def test_occurrences_keep_their_wall_clock_time_when_clocks_change(exchange):
    make(exchange, DAILY)
    around = starts(exchange, "2027-03-27T00:00:00Z", "2027-03-30T00:00:00Z")
    assert around == ["2027-03-27T08:00:00Z", "2027-03-28T07:00:00Z", "2027-03-29T07:00:00Z"]
    again = starts(exchange, "2027-10-30T00:00:00Z", "2027-11-01T00:00:00Z")
    assert again == ["2027-10-30T07:00:00Z", "2027-10-31T08:00:00Z"]


def test_a_time_of_day_that_exists_twice_is_the_first_and_one_that_does_not_is_later(exchange):
    """Half past two in Paris, given as the second one of October 25th."""
    second = "<t:Start>2026-10-25T02:30:00+01:00</t:Start><t:End>2026-10-25T02:45:00+01:00</t:End>"
    make(exchange, DAILY, without_end("2026-10-25"), start=second)
    assert starts(exchange, "2026-10-25T00:00:00Z", "2026-10-26T00:00:00Z") == ["2026-10-25T00:30:00Z"]
    assert starts(exchange, "2027-03-28T00:00:00Z", "2027-03-28T12:00:00Z") == ["2027-03-28T01:30:00Z"]


def test_weeks_begin_on_sunday_unless_the_pattern_says_otherwise(exchange):
    pattern = WEEKLY.replace(">1<", ">2<").replace("Monday Thursday", "Tuesday Sunday")
    bare = pattern.replace("<t:FirstDayOfWeek>Monday</t:FirstDayOfWeek>", "")
    make(exchange, bare, without_end("2026-12-08"))
    assert days(exchange) == [8, 20, 22]
    post(exchange, update(exchange.items(AGENT)[0].item_id, recurrence(pattern, without_end("2026-12-08"))))
    assert days(exchange) == [8, 13, 22, 27]


def test_a_series_that_names_no_zone_is_in_the_one_of_the_header(exchange):
    header = '<t:TimeZoneContext><t:TimeZoneDefinition Id="Romance Standard Time"/></t:TimeZoneContext>'
    post(exchange, create(repeating(DAILY, zone="")), header)
    assert exchange.items(AGENT)[0].time_zone == "Romance Standard Time"
    assert starts(exchange, "2027-07-01T00:00:00Z", "2027-07-02T00:00:00Z") == ["2027-07-01T07:00:00Z"]


def test_an_occurrence_shows_what_its_series_holds(exchange):
    master = make(exchange)
    asked = field(
        *("item:Subject", "calendar:CalendarItemType", "calendar:IsRecurring", "calendar:UID", "calendar:OriginalStart")
    )
    shown = post(exchange, view(*DECEMBER, more=UID_URI + asked))
    assert set(shown.texts("//t:CalendarItemType")) == {"Occurrence"}
    assert set(shown.texts("//t:IsRecurring")) == {"true"}
    assert set(shown.texts("//t:Subject")) == {"Absence"}
    assert set(shown.texts("//t:ExtendedProperty/t:Value")) == {"u1"}
    assert len(set(shown.texts("//t:UID"))) == 1
    assert shown.texts("//t:OriginalStart")[1] == "2026-12-10T08:00:00Z"
    assert len({*shown.ids(), master}) == 9


def test_an_occurrence_is_got_by_its_id(exchange):
    make(exchange)
    third = post(exchange, view(*DECEMBER)).ids()[2]
    reply = post(exchange, get(third, shape="AllProperties", more=UID_URI + field("item:Body", "calendar:Recurrence")))
    assert reply.texts("//t:Start") + reply.texts("//t:End") == ["2026-12-14T08:00:00Z", "2026-12-14T09:00:00Z"]
    assert reply.texts("//t:Body") + reply.texts("//t:CalendarItemType") == ["Lien", "Occurrence"]
    assert not reply.all("//t:Recurrence")
    assert post(exchange, view(*DECEMBER)).ids()[2] == third


def test_well_known_tags_of_an_occurrence_are_answered(exchange):
    make(exchange)
    asked = '<t:ExtendedFieldURI PropertyTag="0x0e23" PropertyType="Integer"/>'
    assert set(post(exchange, view(*DECEMBER, more=asked)).texts("//t:Value")) == {"1"}


def test_a_view_mixes_series_and_single_items_by_start_and_is_cut(exchange):
    make(exchange)
    post(
        exchange,
        create(event("x", "<t:Start>2026-12-08T09:00:00Z</t:Start><t:End>2026-12-08T10:00:00Z</t:End>", uid="u2")),
    )
    assert days(exchange)[:4] == [7, 8, 10, 14]
    cut = post(exchange, view(*DECEMBER, "3", more=field("calendar:Start")))
    assert [text[8:10] for text in cut.texts("//t:Start")] == ["07", "08", "10"]
    assert cut.all("//m:RootFolder")[0].get("IncludesLastItemInRange") == "false"


def test_an_occurrence_that_reaches_into_the_window_is_shown(exchange):
    make(exchange)
    assert starts(exchange, "2026-12-10T08:59:00Z", "2026-12-10T12:00:00Z") == ["2026-12-10T08:00:00Z"]
    assert starts(exchange, "2026-12-10T09:00:00Z", "2026-12-10T12:00:00Z") == []


def test_a_search_without_a_view_finds_the_series_once(exchange):
    master = make(exchange)
    marked = (
        f'<t:IsEqualTo>{UID_URI}<t:FieldURIOrConstant><t:Constant Value="u1"/></t:FieldURIOrConstant></t:IsEqualTo>'
    )
    for reply in (
        post(exchange, find(more=field("calendar:CalendarItemType"))),
        post(exchange, find(marked, more=field("calendar:CalendarItemType"))),
    ):
        assert reply.ids() == [master]
        assert reply.texts("//t:CalendarItemType") == ["RecurringMaster"]


@pytest.mark.parametrize(
    ("start_date", "first"), [("2026-12-07", 7), ("2026-12-08", 10), ("2026-12-01", 3), ("2026-12-11", 14)]
)
def test_the_item_is_moved_to_the_first_occurrence(exchange, start_date, first):
    """What the client gave as Start says only the time of day."""
    make(exchange, WEEKLY, without_end(start_date))
    (stored,) = exchange.items(AGENT)
    assert stored.start.astimezone(PARIS) == datetime(2026, 12, first, 9, tzinfo=PARIS)
    assert stored.end.astimezone(PARIS) == datetime(2026, 12, first, 10, tzinfo=PARIS)


def test_an_item_moved_over_a_clock_change_keeps_its_wall_clock_time(exchange):
    make(exchange, DAILY, without_end("2027-07-01"))
    assert exchange.items(AGENT)[0].start == datetime(2027, 7, 1, 7, tzinfo=UTC)


def test_the_master_tells_its_first_its_last_and_its_deleted_occurrences(exchange):
    master = make(exchange, WEEKLY, times(4))
    ids = post(exchange, view(*DECEMBER)).ids()
    assert post(exchange, delete(ids[0], ids[2])).codes == ["NoError", "NoError"]
    reply = post(exchange, get(master, shape="AllProperties"))
    assert reply.texts("//t:FirstOccurrence/t:Start") == ["2026-12-10T08:00:00Z"]
    assert reply.texts("//t:LastOccurrence/t:End") == ["2026-12-17T09:00:00Z"]
    assert reply.all("//t:LastOccurrence/t:ItemId")[0].get("Id") == ids[3]
    assert reply.texts("//t:DeletedOccurrence/t:Start") == ["2026-12-07T08:00:00Z", "2026-12-14T08:00:00Z"]
    assert days(exchange) == [10, 17]


def test_a_series_without_end_has_no_last_occurrence(exchange):
    reply = post(exchange, get(make(exchange), shape="AllProperties"))
    assert reply.all("//t:FirstOccurrence")
    assert not reply.all("//t:LastOccurrence | //t:DeletedOccurrences")


def test_a_deleted_occurrence_is_gone_and_the_master_has_a_new_change_key(exchange):
    make(exchange)
    before = exchange.items(AGENT)[0].change_key
    second = post(exchange, view(*DECEMBER)).ids()[1]
    assert post(exchange, delete(second, how="MoveToDeletedItems")).codes == ["NoError"]
    assert post(exchange, get(second)).codes == post(exchange, delete(second)).codes == ["ErrorItemNotFound"]
    assert exchange.items(AGENT)[0].change_key != before
    assert exchange.items(AGENT, "deleteditems") == []
    assert days(exchange)[:2] == [7, 14]


def test_a_series_goes_with_its_last_occurrence(exchange):
    make(exchange, WEEKLY, times(2))
    for occurrence in post(exchange, view(*DECEMBER)).ids():
        assert post(exchange, delete(occurrence)).codes == ["NoError"]
    assert exchange.items(AGENT) == []


def test_deleting_the_master_deletes_all(exchange):
    master = make(exchange)
    first = post(exchange, view(*DECEMBER)).ids()[0]
    assert post(exchange, delete(master)).codes == ["NoError"]
    assert starts(exchange) == []
    assert post(exchange, get(first)).codes == ["ErrorItemNotFound"]


def test_what_the_mock_cannot_do_to_an_occurrence_it_says(exchange):
    make(exchange)
    first = post(exchange, view(*DECEMBER)).ids()[0]
    change = set_field("item:Subject", "<t:Subject>Neuf</t:Subject>")
    assert post(exchange, update(first, change)).codes == ["ErrorInvalidOperation"]
    folder = exchange.make_folder(AGENT, "Archive")
    inner = f'<m:ToFolderId><t:FolderId Id="{folder}"/></m:ToFolderId><m:ItemIds><t:ItemId Id="{first}"/></m:ItemIds>'
    for verb in ("MoveItem", "CopyItem"):
        assert post(exchange, f"<m:{verb}>{inner}</m:{verb}>").codes == ["ErrorCalendarCannotMoveOrCopyOccurrence"]
    assert exchange.items(AGENT)[0].subject == "Absence"


def by(reference: str) -> str:
    shape = f"<m:ItemShape><t:BaseShape>Default</t:BaseShape></m:ItemShape><m:ItemIds>{reference}</m:ItemIds>"
    return f"<m:GetItem>{shape}</m:GetItem>"


def numbered(master: str, index: int) -> str:
    return by(f'<t:OccurrenceItemId RecurringMasterId="{master}" InstanceIndex="{index}"/>')


def test_an_occurrence_is_found_by_its_number_and_a_master_by_its_occurrence(exchange):
    master = make(exchange, WEEKLY, times(3))
    ids = post(exchange, view(*DECEMBER)).ids()
    assert post(exchange, numbered(master, 2)).ids() == [ids[1]]
    assert post(exchange, by(f'<t:RecurringMasterItemId OccurrenceId="{ids[1]}"/>')).ids() == [master]
    for index in (0, 4):
        assert post(exchange, numbered(master, index)).codes == ["ErrorCalendarOccurrenceIndexIsOutOfRecurrenceRange"]
    post(exchange, delete(ids[1]))
    assert post(exchange, numbered(master, 2)).codes == ["ErrorCalendarOccurrenceIsDeletedFromRecurrence"]
    assert post(exchange, numbered(master, 3)).ids() == [ids[2]]
    single = post(exchange, create(event("x"))).ids()[0]
    assert post(exchange, numbered(single, 1)).codes == ["ErrorCalendarCannotUseIdForOccurrenceId"]
    wrong = by(f'<t:RecurringMasterItemId OccurrenceId="{single}"/>')
    assert post(exchange, wrong).codes == ["ErrorCalendarCannotUseIdForRecurringMasterId"]


def test_a_request_about_an_occurrence_is_recorded_with_its_mailbox(exchange):
    post(exchange, create(repeating()), acting_as(OTHER))
    (master,) = exchange.items(OTHER)
    first = exchange.occurrences(OTHER, *window())[0].item_id
    for body in (get(first), numbered(master.item_id, 1)):
        post(exchange, body)
        assert exchange.requests[-1].mailbox == OTHER


def test_a_text_that_is_nearly_an_occurrences_id_is_none(exchange):
    master = make(exchange)
    tuesday = post(exchange, view(*DECEMBER)).ids()[0][:-1] + "B"
    unmarked = base64.b64encode(b"XX" + date(2026, 12, 7).toordinal().to_bytes(4)).decode()
    for wrong, code in (
        (master + "AAAAAAAA", "ErrorItemNotFound"),
        (master + unmarked, "ErrorItemNotFound"),
        (master + "*", "ErrorInvalidIdMalformed"),
        (tuesday, "ErrorItemNotFound"),
    ):
        assert post(exchange, get(wrong)).codes == [code]


def recurrence(pattern: str, limits: str) -> str:
    return set_field("calendar:Recurrence", f"<t:Recurrence>{pattern}{limits}</t:Recurrence>")


def test_a_single_item_becomes_a_series_and_single_again(exchange):
    item_id = post(exchange, create(event("x", NINE + ZONE))).ids()[0]
    assert (exchange.items(AGENT)[0].kind, exchange.items(AGENT)[0].recurrence) == ("Single", None)
    assert post(exchange, update(item_id, recurrence(WEEKLY, times(2)))).ids() == [item_id]
    (series,) = exchange.items(AGENT)
    assert (series.kind, series.recurrence) == (
        "RecurringMaster",
        "every week on Monday, Thursday, from 2026-12-07, 2 times",
    )
    assert days(exchange) == [7, 10]
    assert post(exchange, update(item_id, recurrence(DAILY, times(3, "2026-12-08")))).codes == ["NoError"]
    assert days(exchange) == [8, 9, 10]
    assert post(exchange, update(item_id, DELETE_RECURRENCE)).codes == ["NoError"]
    assert exchange.items(AGENT)[0].kind == "Single"
    assert days(exchange) == [8]


def test_a_recurrence_set_anew_forgets_the_deleted_occurrences_and_other_changes_do_not(exchange):
    master = make(exchange, WEEKLY, times(3))
    post(exchange, delete(post(exchange, view(*DECEMBER)).ids()[1]))
    post(exchange, update(master, set_field("item:Subject", "<t:Subject>Neuf</t:Subject>")))
    assert days(exchange) == [7, 14]
    post(exchange, update(master, recurrence(WEEKLY, times(3))))
    assert days(exchange) == [7, 10, 14]


def test_a_new_start_moves_the_time_of_day_of_all(exchange):
    master = make(exchange, WEEKLY, times(2))
    later = (
        set_field("calendar:Start", "<t:Start>2026-12-07T14:00:00+01:00</t:Start>"),
        set_field("calendar:End", "<t:End>2026-12-07T14:30:00+01:00</t:End>"),
    )
    assert post(exchange, update(master, *later)).codes == ["NoError"]
    assert starts(exchange) == ["2026-12-07T13:00:00Z", "2026-12-10T13:00:00Z"]


@pytest.mark.parametrize(
    ("pattern", "limits", "code"),
    [
        (DAILY.replace(">1<", ">0<"), "", "ErrorCalendarInvalidRecurrence"),
        (DAILY.replace(">1<", ">1000<"), "", "ErrorCalendarInvalidRecurrence"),
        (WEEKLY.replace(">1<", ">100<"), "", "ErrorCalendarInvalidRecurrence"),
        (absolute(1, interval=100), "", "ErrorCalendarInvalidRecurrence"),
        (absolute(0), "", "ErrorCalendarInvalidRecurrence"),
        (absolute(32), "", "ErrorCalendarInvalidRecurrence"),
        (WEEKLY.replace("Monday Thursday", "Weekday"), "", "ErrorCalendarInvalidDayForWeeklyRecurrence"),
        (WEEKLY.replace("Monday Thursday", ""), "", "ErrorCalendarInvalidDayForWeeklyRecurrence"),
        (WEEKLY.replace("<t:FirstDayOfWeek>Monday", "<t:FirstDayOfWeek>Day"), "", "ErrorCalendarInvalidRecurrence"),
        (WEEKLY, times(0), "ErrorCalendarInvalidRecurrence"),
        (WEEKLY, times(1000), "ErrorCalendarInvalidRecurrence"),
        (WEEKLY, until("2026-12-06"), "ErrorRecurrenceHasNoOccurrence"),
        (absolute(20), until("2026-12-19"), "ErrorRecurrenceHasNoOccurrence"),
        (WEEKLY, until("4501-01-01"), "ErrorRecurrenceEndDateTooBig"),
        (WEEKLY, without_end("1600-01-01"), "ErrorCalendarOutOfRange"),
    ],
)
def test_a_recurrence_that_exchange_refuses_is_refused(exchange, pattern, limits, code):
    assert post(exchange, create(repeating(pattern, limits))).codes == [code]
    item_id = post(exchange, create(event("x", NINE + ZONE))).ids()[0]
    assert post(exchange, update(item_id, recurrence(pattern, limits or without_end()))).codes == [code]
    assert [item.kind for item in exchange.items(AGENT)] == ["Single"]


def test_a_long_interval_of_days_is_accepted(exchange):
    make(exchange, DAILY.replace(">1<", ">999<"))
    assert days(exchange) == [7]


def test_occurrences_that_overlap_are_refused(exchange):
    long = NINE.replace("2026-12-07T10", "2026-12-08T10")
    assert post(exchange, create(repeating(DAILY, start=long))).codes == ["ErrorOccurrenceTimeSpanTooBig"]
    whole = NINE.replace("2026-12-07T10", "2026-12-08T09")
    assert post(exchange, create(repeating(DAILY, start=whole))).codes == ["NoError"]


def test_a_series_in_a_zone_the_mock_does_not_know_is_refused(exchange):
    """Its occurrences could not be placed; a single item's time needs no zone."""
    far = '<t:StartTimeZone Id="Tokyo Standard Time"/>'
    assert post(exchange, create(repeating(zone=far))).codes == ["ErrorCalendarInvalidTimeZone"]
    assert post(exchange, create(event("x", NINE + far))).codes == ["NoError"]


def window(month: int = 12) -> tuple[datetime, datetime]:
    return datetime(2026, month, 1, tzinfo=PARIS), datetime(2026, month, 31, tzinfo=PARIS)


def test_a_test_sees_the_occurrences_as_plain_values(exchange):
    make(exchange, WEEKLY, times(2))
    post(exchange, create(event("x", NINE.replace("12-07", "12-08") + ZONE)))
    first, single, second = exchange.occurrences(AGENT, *window())
    assert [item.kind for item in (first, single, second)] == ["Occurrence", "Single", "Occurrence"]
    assert (first.start, second.end) == (
        datetime(2026, 12, 7, 8, tzinfo=UTC),
        datetime(2026, 12, 10, 9, tzinfo=UTC),
    )
    assert (first.extended, first.subject, first.recurrence) == ({(GUID, "RdvUid"): "u1"}, "Absence", None)
    assert exchange.occurrences(AGENT, *window(10)) == exchange.occurrences(OTHER, *window()) == []
    with pytest.raises(ValueError, match="zone"):
        exchange.occurrences(AGENT, datetime(2026, 12, 1), window()[1])  # noqa: DTZ001


def test_an_agents_hand_takes_out_an_occurrence_and_moves_a_series(exchange):
    master = make(exchange, WEEKLY, times(3))
    exchange.delete_item(exchange.occurrences(AGENT, *window())[0].item_id)
    exchange.make_folder(AGENT, "Archive")
    moved = exchange.move_item(master, "Archive")
    assert exchange.occurrences(AGENT, *window()) == []
    assert len(post(exchange, get(moved, shape="AllProperties")).all("//t:DeletedOccurrence")) == 1
    assert exchange.edit_item(moved, subject="Autre").recurrence is not None
