"""A calendar item as iCalendar, as Exchange words it in MimeContent: for clients that read nothing else."""

from datetime import UTC, date, datetime, timedelta

from icalendar import Alarm, Calendar, Event

from mock_exchange.calendar.model import Item
from mock_exchange.calendar.recurrence import (
    Daily,
    DayInMonth,
    DayOfMonth,
    Monthly,
    NthDay,
    Pattern,
    Recurrence,
    Weekly,
    Yearly,
)
from mock_exchange.calendar.series import Series
from mock_exchange.calendar.times import parse, zone_of
from mock_exchange.ews.zones import vtimezone
from mock_exchange.xml.elements import children

PRODUCT = "Microsoft Exchange Server 2010"
"""What every Exchange since then calls itself here."""
LANGUAGE = {"LANGUAGE": "en-US"}
CLASSES = {"Normal": "PUBLIC", "Personal": "PRIVATE", "Private": "PRIVATE", "Confidential": "CONFIDENTIAL"}
BUSY = {"Free": "FREE", "Tentative": "TENTATIVE", "Busy": "BUSY", "OOF": "OOF", "WorkingElsewhere": "WORKINGELSEWHERE"}
IMPORTANCE = {"Low": ("9", "0"), "Normal": ("5", "1"), "High": ("1", "2")}
"""Importance -> PRIORITY, and Microsoft's own number."""
INSTANCE_SINGLE, INSTANCE_MASTER, INSTANCE_OCCURRENCE = "0", "1", "2"
DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


def mime_content(item: Item, plain_body: str) -> bytes:
    """Return an item, or one occurrence of a series, as a whole VCALENDAR."""
    calendar = Calendar()
    for name, text in (("METHOD", "PUBLISH"), ("PRODID", PRODUCT), ("VERSION", "2.0")):
        calendar.add(name, text)
    for zone_id in dict.fromkeys((_zone(item, "Start"), _zone(item, "End"))):
        calendar.add_component(vtimezone(zone_id, parse(_text(item, "Start")).year))
    calendar.add_component(_event(item, plain_body))
    return bytes(calendar.to_ical())


def instance_type(item: Item) -> str:
    """Return Microsoft's number for what an item is in a series."""
    if item.original_start is not None:
        return INSTANCE_OCCURRENCE
    return INSTANCE_MASTER if "Recurrence" in item.values else INSTANCE_SINGLE


def _event(item: Item, plain_body: str) -> Event:
    event = Event()
    texts = (("DESCRIPTION", plain_body), ("SUMMARY", _text(item, "Subject")), ("LOCATION", _text(item, "Location")))
    for name, text in texts:
        event.add(name, text, parameters=LANGUAGE)
    _add_series(event, item)
    event.add("UID", _text(item, "UID"))
    all_day = _text(item, "IsAllDayEvent") == "true"
    for name, field in (("DTSTART", "Start"), ("DTEND", "End")):
        _add_time(event, name, _local(item, field), _zone(item, field), all_day)
    event.add("CLASS", CLASSES[_text(item, "Sensitivity")])
    event.add("DTSTAMP", item.modified)
    _add_words(event, item, all_day)
    if "Categories" in item.values:
        event.add("CATEGORIES", [category.text or "" for category in children(item.values["Categories"])])
    if _text(item, "ReminderIsSet") == "true":
        event.add_component(_alarm(int(_text(item, "ReminderMinutesBeforeStart"))))
    return event


def _add_words(event: Event, item: Item, all_day: bool) -> None:
    priority, importance = IMPORTANCE[_text(item, "Importance")]
    busy = BUSY.get(_text(item, "LegacyFreeBusyStatus"), "BUSY")
    words = {
        "PRIORITY": priority,
        "TRANSP": "TRANSPARENT" if busy == "FREE" else "OPAQUE",
        "STATUS": "CONFIRMED",
        "SEQUENCE": "0",
        "X-MICROSOFT-CDO-APPT-SEQUENCE": "0",
        "X-MICROSOFT-CDO-BUSYSTATUS": busy,
        "X-MICROSOFT-CDO-INTENDEDSTATUS": busy,
        "X-MICROSOFT-CDO-ALLDAYEVENT": "TRUE" if all_day else "FALSE",
        "X-MICROSOFT-CDO-IMPORTANCE": importance,
        "X-MICROSOFT-CDO-INSTTYPE": instance_type(item),
        "X-MICROSOFT-DISALLOW-COUNTER": "FALSE",
    }
    for name, text in words.items():
        event.add(name, text)


def _add_series(event: Event, item: Item) -> None:
    zone_id = _zone(item, "Start")
    if item.original_start is not None:
        original = item.original_start.astimezone(zone_of(zone_id)).replace(tzinfo=None)
        event.add("RECURRENCE-ID", original, parameters={"TZID": zone_id})
    series = Series.of(item.values)
    if series is None:
        return
    event.add("RRULE", _rule(series))
    for day in sorted(item.deleted):
        event.add("EXDATE", datetime.combine(day, series.begins), parameters={"TZID": zone_id})


def _rule(series: Series) -> dict[str, object]:
    recurrence = series.recurrence
    rule = _pattern(recurrence.pattern)
    if recurrence.number is not None:
        rule["COUNT"] = recurrence.number
    if recurrence.end is not None:
        rule["UNTIL"] = _until(series, recurrence, recurrence.end)
    return rule


def _until(series: Series, recurrence: Recurrence, end: date) -> datetime:
    """Return the start of the last occurrence; RFC 5545 wants it in UTC."""
    last = max((day for day in recurrence.days() if day <= end), default=end)
    return series.span(last)[0]


def _pattern(pattern: Pattern) -> dict[str, object]:
    match pattern:
        case Daily(interval):
            return {"FREQ": "DAILY", "INTERVAL": interval}
        case Weekly(interval, weekdays, first):
            return {"FREQ": "WEEKLY", "INTERVAL": interval, "BYDAY": _days(weekdays), "WKST": DAYS[first]}
        case Monthly(interval, chosen):
            return {"FREQ": "MONTHLY", "INTERVAL": interval} | _chosen(chosen)
        case Yearly(month, chosen):
            return {"FREQ": "YEARLY", "BYMONTH": month} | _chosen(chosen)
    raise TypeError(pattern)


def _chosen(chosen: DayInMonth) -> dict[str, object]:
    match chosen:
        case DayOfMonth(day):
            return {"BYMONTHDAY": day}
        case NthDay(position, weekdays) if len(weekdays) == 1:
            return {"BYDAY": [f"{position}{day}" for day in _days(weekdays)]}
        case NthDay(position, weekdays):
            return {"BYDAY": _days(weekdays), "BYSETPOS": position}
    raise TypeError(chosen)


def _days(weekdays: frozenset[int]) -> list[str]:
    return [DAYS[weekday] for weekday in sorted(weekdays)]


def _alarm(minutes: int) -> Alarm:
    alarm = Alarm()
    alarm.add("DESCRIPTION", "REMINDER")
    alarm.add("TRIGGER", timedelta(minutes=-minutes), parameters={"RELATED": "START"})
    alarm.add("ACTION", "DISPLAY")
    return alarm


def _add_time(event: Event, name: str, moment: datetime, zone_id: str, all_day: bool) -> None:
    if all_day:
        event.add(name, moment.date())
    elif zone_id == "UTC":
        event.add(name, moment.replace(tzinfo=UTC))
    else:
        event.add(name, moment, parameters={"TZID": zone_id})


def _local(item: Item, field: str) -> datetime:
    """Return a time as the wall clock of the item's zone shows it."""
    return parse(_text(item, field)).astimezone(zone_of(_zone(item, field))).replace(tzinfo=None, fold=0)


def _zone(item: Item, field: str) -> str:
    return item.values[f"{field}TimeZone"].get("Id") or "UTC"


def _text(item: Item, name: str) -> str:
    return item.values[name].text or "" if name in item.values else ""
