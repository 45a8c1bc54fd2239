"""Items as iCalendar, and the other notations that older clients live by."""

import base64
from datetime import UTC, datetime
from io import StringIO

import pytest
from dateutil.rrule import rrulestr
from dateutil.tz import tzical
from icalendar import Calendar

from mock_exchange import MockExchange
from mock_exchange.calendar.times import WINDOWS_ZONES, zone_of
from mock_exchange.ews.zones import vtimezone, zone_element
from tests.mock_exchange.conftest import AGENT
from tests.mock_exchange.wire import CALENDAR, TIMES, create, event, get, post

MIME = "<t:IncludeMimeContent>true</t:IncludeMimeContent>"
PARIS = '<t:StartTimeZone Id="Romance Standard Time"/>'
WINDOW = (datetime(2026, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC))


def made(exchange: MockExchange, inner: str, before: str = "", subject: str = "x") -> str:
    return post(exchange, create(event(subject, inner).replace("</t:Subject>", f"</t:Subject>{before}"))).ids()[0]


def mime_of(exchange: MockExchange, item_id: str) -> str:
    (content,) = post(exchange, get(item_id, options=MIME)).texts("//t:MimeContent")
    return base64.b64decode(content).decode()


def event_in(text: str) -> Calendar:
    (found,) = Calendar.from_ical(text).walk("VEVENT")
    return found


def recurring(pattern: str, until: str = "") -> str:
    limits = (
        f"<t:EndDateRecurrence><t:StartDate>2026-10-19</t:StartDate><t:EndDate>{until}</t:EndDate></t:EndDateRecurrence>"
        if until
        else "<t:NumberedRecurrence><t:StartDate>2026-10-19</t:StartDate>"
        "<t:NumberOfOccurrences>5</t:NumberOfOccurrences></t:NumberedRecurrence>"
    )
    times = "<t:Start>2026-10-19T07:30:00Z</t:Start><t:End>2026-10-19T08:30:00Z</t:End>"
    return f"{times}<t:Recurrence>{pattern}{limits}</t:Recurrence>{PARIS}"


def test_mime_content_comes_where_it_is_asked_for_and_nowhere_else(exchange: MockExchange):
    item_id = made(exchange, TIMES)
    assert post(exchange, get(item_id, shape="AllProperties")).texts("//t:MimeContent") == []
    assert mime_of(exchange, item_id).startswith("BEGIN:VCALENDAR")
    asked = post(exchange, get(item_id, more='<t:FieldURI FieldURI="item:MimeContent"/>'))
    assert len(asked.texts("//t:MimeContent")) == 1


def test_what_an_item_says_stands_in_its_icalendar(exchange: MockExchange):
    before = (
        "<t:Sensitivity>Private</t:Sensitivity>"
        '<t:Body BodyType="HTML">&lt;p&gt;Un &amp;amp; deux&lt;/p&gt;</t:Body>'
        "<t:Categories><t:String>RDV</t:String></t:Categories>"
        "<t:ReminderIsSet>true</t:ReminderIsSet><t:ReminderMinutesBeforeStart>20</t:ReminderMinutesBeforeStart>"
    )
    inner = (
        f"{TIMES}<t:LegacyFreeBusyStatus>OOF</t:LegacyFreeBusyStatus><t:Location>Évry, « MDS » ; 2</t:Location>{PARIS}"
    )
    text = mime_of(exchange, made(exchange, inner, before, "Été, à l'école"))
    found = event_in(text)
    assert [str(found[name]) for name in ("SUMMARY", "LOCATION", "DESCRIPTION")] == [
        *("Été, à l'école", "Évry, « MDS » ; 2", "Un & deux")
    ]
    assert [str(found[name]) for name in ("CLASS", "TRANSP", "X-MICROSOFT-CDO-BUSYSTATUS")] == [
        *("PRIVATE", "OPAQUE", "OOF")
    ]
    assert "DTSTART;TZID=Romance Standard Time:20261207T100000" in text
    assert "TRIGGER;RELATED=START:-PT20M" in text
    assert str(found["UID"]) == exchange.items(AGENT)[0].uid


def test_a_free_item_is_transparent(exchange: MockExchange):
    inner = f"{TIMES}<t:LegacyFreeBusyStatus>Free</t:LegacyFreeBusyStatus>"
    assert str(event_in(mime_of(exchange, made(exchange, inner)))["TRANSP"]) == "TRANSPARENT"


def test_a_whole_day_is_written_in_days(exchange: MockExchange):
    times = "<t:Start>2026-12-07T00:00:00Z</t:Start><t:End>2026-12-08T00:00:00Z</t:End>"
    text = mime_of(exchange, made(exchange, f"{times}<t:IsAllDayEvent>true</t:IsAllDayEvent>"))
    assert "DTSTART;VALUE=DATE:20261207" in text


@pytest.mark.parametrize(
    "pattern",
    [
        "<t:DailyRecurrence><t:Interval>4</t:Interval></t:DailyRecurrence>",
        "<t:WeeklyRecurrence><t:Interval>1</t:Interval><t:DaysOfWeek>Monday Friday</t:DaysOfWeek></t:WeeklyRecurrence>",
        (
            "<t:WeeklyRecurrence><t:Interval>2</t:Interval><t:DaysOfWeek>Monday Sunday</t:DaysOfWeek>"
            "<t:FirstDayOfWeek>Monday</t:FirstDayOfWeek></t:WeeklyRecurrence>"
        ),
        (
            "<t:AbsoluteMonthlyRecurrence><t:Interval>1</t:Interval><t:DayOfMonth>19</t:DayOfMonth>"
            "</t:AbsoluteMonthlyRecurrence>"
        ),
        (
            "<t:RelativeMonthlyRecurrence><t:Interval>1</t:Interval><t:DaysOfWeek>Monday</t:DaysOfWeek>"
            "<t:DayOfWeekIndex>Third</t:DayOfWeekIndex></t:RelativeMonthlyRecurrence>"
        ),
        (
            "<t:RelativeMonthlyRecurrence><t:Interval>1</t:Interval><t:DaysOfWeek>Weekday</t:DaysOfWeek>"
            "<t:DayOfWeekIndex>Last</t:DayOfWeekIndex></t:RelativeMonthlyRecurrence>"
        ),
        (
            "<t:AbsoluteYearlyRecurrence><t:DayOfMonth>19</t:DayOfMonth><t:Month>October</t:Month>"
            "</t:AbsoluteYearlyRecurrence>"
        ),
        (
            "<t:RelativeYearlyRecurrence><t:DaysOfWeek>Monday</t:DaysOfWeek><t:DayOfWeekIndex>Third</t:DayOfWeekIndex>"
            "<t:Month>October</t:Month></t:RelativeYearlyRecurrence>"
        ),
    ],
)
@pytest.mark.parametrize("until", ["", "2027-11-30"])
def test_a_rule_and_its_zone_mean_the_occurrences_that_the_calendar_shows(
    exchange: MockExchange, pattern: str, until: str
):
    """Read by dateutil, which knows neither Windows zones nor EWS."""
    text = mime_of(exchange, made(exchange, recurring(pattern, until)))
    found = event_in(text)
    first = found["DTSTART"].dt.replace(tzinfo=tzical(StringIO(text)).get("Romance Standard Time"))
    starts = [start.astimezone(UTC) for start in rrulestr(found["RRULE"].to_ical().decode(), dtstart=first)]
    assert [start for start in starts if start < WINDOW[1]] == [
        each.start for each in exchange.occurrences(AGENT, *WINDOW)
    ]


def test_an_occurrence_says_which_and_a_series_which_it_lacks(exchange: MockExchange):
    daily = "<t:DailyRecurrence><t:Interval>1</t:Interval></t:DailyRecurrence>"
    series = made(exchange, recurring(daily))
    second, third, *_ = exchange.occurrences(AGENT, *WINDOW)[1:]
    exchange.delete_item(second.item_id)
    assert "EXDATE;TZID=Romance Standard Time:20261020T093000" in mime_of(exchange, series)
    text = mime_of(exchange, third.item_id)
    assert "RECURRENCE-ID;TZID=Romance Standard Time:20261021T093000" in text
    assert "RRULE:FREQ=DAILY" not in text


@pytest.mark.parametrize("windows_id", WINDOWS_ZONES)
def test_a_vtimezone_tells_the_zones_time_at_every_moment_of_its_year(windows_id: str):
    text = f"BEGIN:VCALENDAR\r\n{vtimezone(windows_id, 2027).to_ical().decode()}END:VCALENDAR\r\n"
    zone = tzical(StringIO(text)).get(windows_id)
    for month in range(1, 13):
        for day in (1, 8, 14, 15, 22, 28):
            wall = datetime(2027, month, day, 12, tzinfo=UTC)
            assert wall.replace(tzinfo=zone).utcoffset() == wall.replace(tzinfo=zone_of(windows_id)).utcoffset()


def test_a_zone_of_an_item_is_a_whole_definition(exchange: MockExchange):
    """ews-javascript-api refuses one that is a name alone, as the library does that it was made from."""
    item_id = made(exchange, f"{TIMES}{PARIS}")
    reply = post(exchange, get(item_id, more='<t:FieldURI FieldURI="calendar:StartTimeZone"/>'))
    (zone,) = reply.all("//t:StartTimeZone")
    assert zone.get("Id") == "Romance Standard Time"
    assert [period.get("Bias") for period in reply.all("//t:Period")] == ["-PT1H", "-PT2H"]
    assert reply.texts("//t:RecurringDayTransition/t:Month") == ["3", "10"]
    assert reply.texts("//t:RecurringDayTransition/t:Occurrence") == ["-1", "-1"]


def test_a_zone_with_minutes_and_without_daylight_saving_has_one_period():
    zone = zone_element("TimeZoneDefinition", "Marquesas Standard Time", 2027)
    assert [period.get("Bias") for period in zone.iter("{*}Period")] == ["PT9H30M"]


def test_the_servers_zones_are_whole_where_they_are_asked_for_so(exchange: MockExchange):
    whole = post(exchange, '<m:GetServerTimeZones ReturnFullTimeZoneData="true"/>')
    assert len(whole.all("//t:TransitionsGroup")) == len(WINDOWS_ZONES)
    assert post(exchange, '<m:GetServerTimeZones ReturnFullTimeZoneData="false"/>').all("//t:Period") == []


def test_older_clients_search_by_the_properties_of_mapi(exchange: MockExchange):
    series = made(exchange, recurring("<t:DailyRecurrence><t:Interval>1</t:Interval></t:DailyRecurrence>"))
    single = made(exchange, TIMES, "<t:Sensitivity>Private</t:Sensitivity>")
    appointment = 'DistinguishedPropertySetId="Appointment"'
    paths = {
        f'<t:ExtendedFieldURI {appointment} PropertyId="33315" PropertyType="Boolean"/>': ["true", "false"],
        f'<t:ExtendedFieldURI {appointment} PropertyId="33285" PropertyType="Integer"/>': ["2", "2"],
        '<t:ExtendedFieldURI DistinguishedPropertySetId="Common" PropertyId="34054" PropertyType="Boolean"/>': [
            *("false", "true")
        ],
        '<t:ExtendedFieldURI PropertyTag="0x0036" PropertyType="Integer"/>': ["0", "2"],
        '<t:ExtendedFieldURI DistinguishedPropertySetId="PublicStrings"'
        ' PropertyName="urn:schemas:calendar:instancetype" PropertyType="Integer"/>': ["1", "0"],
    }
    for path, values in paths.items():
        assert post(exchange, get(series, single, more=path)).texts("//t:Value") == values


def test_a_mailboxs_zone_is_an_option_of_outlook_on_the_web(exchange: MockExchange):
    def ask(name: str) -> str:
        folder = '<t:DistinguishedFolderId Id="root"/>'
        return (
            f'<m:GetUserConfiguration><m:UserConfigurationName Name="{name}">{folder}</m:UserConfigurationName>'
            "<m:UserConfigurationProperties>All</m:UserConfigurationProperties></m:GetUserConfiguration>"
        )

    assert post(exchange, ask("OWA.UserOptions")).texts("//t:Value") == ["timezone", "Romance Standard Time"]
    assert post(exchange, ask("Autre")).codes == ["ErrorItemNotFound"]


def test_a_folder_tells_when_something_in_it_changed(exchange: MockExchange):
    """DavMail makes the tag of it by which a client sees that it must look again."""
    item_id = made(exchange, TIMES)
    calendar = exchange.store.distinguished(AGENT, "calendar")
    acts = (
        lambda: exchange.edit_item(item_id, subject="y"),
        lambda: exchange.copy_item(item_id),
        lambda: exchange.delete_item(item_id),
    )
    for act in acts:
        calendar.changed = WINDOW[0]
        act()
        asked = '<t:ExtendedFieldURI PropertyTag="0x670a" PropertyType="SystemTime"/>'
        (told,) = post(exchange, get_calendar(asked)).texts("//t:Value")
        assert datetime.fromisoformat(told) > WINDOW[0]


def get_calendar(more: str) -> str:
    shape = f"<t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties>{more}</t:AdditionalProperties>"
    return f"<m:GetFolder><m:FolderShape>{shape}</m:FolderShape><m:FolderIds>{CALENDAR}</m:FolderIds></m:GetFolder>"
