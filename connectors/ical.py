"""An entry as an iCalendar object (RFC 5545), and back. The library escapes every text.

Properties of Exchange that RFC 5545 lacks are written as Outlook and Exchange write them ([MS-OXCICAL]).
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from icalendar import Alarm, Calendar, Event, vRecur

from connectors.base import CalendarEntry, Frequency, Recurrence, Sensitivity, ShowAs, Weekday
from connectors.occurrences import is_sound

PRODUCT = "-//rdv-receiver//FR"
UID_NAME = "X-RDV-UID"
INSTALLATION_NAME = "X-RDV-INSTALLATION"
BUSY_NAME = "X-MICROSOFT-CDO-BUSYSTATUS"

_BUSY: Mapping[ShowAs, str] = {ShowAs.BUSY: "BUSY", ShowAs.FREE: "FREE", ShowAs.OUT_OF_OFFICE: "OOF"}
_SHOWN_AS = {word: show_as for show_as, word in _BUSY.items()}
_CLASS: Mapping[Sensitivity, str] = {
    Sensitivity.NORMAL: "PUBLIC",
    Sensitivity.PERSONAL: "X-PERSONAL",
    Sensitivity.PRIVATE: "PRIVATE",
    Sensitivity.CONFIDENTIAL: "CONFIDENTIAL",
}
_FREQUENCIES: Mapping[Frequency, str] = {
    Frequency.DAILY: "DAILY",
    Frequency.WEEKLY: "WEEKLY",
    Frequency.MONTHLY_BY_DATE: "MONTHLY",
    Frequency.MONTHLY_BY_WEEKDAY: "MONTHLY",
}
_FREQUENCY_OF = {word: frequency for frequency, word in _FREQUENCIES.items()}
_DEFAULTS = (("INTERVAL", ["1"]), ("WKST", ["MO"]))
_SENSED = {word: sensitivity for sensitivity, word in _CLASS.items()}


class UnreadableCalendar(Exception):
    """The bytes are not a calendar with one entry of ours."""


class UnsupportedZone(ValueError):
    """The time zone is unknown."""


def to_ical(entry: CalendarEntry, installation: str, now: datetime) -> bytes:
    """Return the entry as a calendar of one event, with the rules of its time zone.

    Raises:
        UnsupportedZone: the time zone is unknown.
        ValueError: the entry is not what the port says.

    """
    calendar = Calendar()
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    calendar.add_component(_event(entry, installation, now))
    calendar.add_missing_timezones()
    return bytes(calendar.to_ical())


def _event(entry: CalendarEntry, installation: str, now: datetime) -> Event:
    zone = _zone(entry.time_zone)
    event = Event()
    event.add("uid", entry.uid)
    event.add("dtstamp", now.astimezone(UTC))
    event.add("summary", entry.title)
    event.add("dtstart", entry.start.astimezone(zone))
    event.add("dtend", entry.end.astimezone(zone))
    event.add("status", "CONFIRMED")
    event.add("transp", "TRANSPARENT" if entry.show_as is ShowAs.FREE else "OPAQUE")
    event.add("class", _CLASS[entry.sensitivity])
    event.add(BUSY_NAME, _BUSY[entry.show_as])
    event.add(UID_NAME, entry.uid)
    event.add(INSTALLATION_NAME, installation)
    _add_optional(event, entry)
    return event


def _add_optional(event: Event, entry: CalendarEntry) -> None:
    if entry.location:
        event.add("location", entry.location)
    if description := "\n".join(part for part in (entry.notice, entry.link) if part):
        event.add("description", description)
    if entry.link:
        event.add("url", entry.link)
    if entry.recurrence:
        event.add("rrule", _rule(entry.recurrence, entry.start.astimezone(_zone(entry.time_zone))))
    if entry.category:
        event.add("categories", [entry.category])
    if entry.reminder_minutes is not None:
        event.add_component(_alarm(entry.title, entry.reminder_minutes))


def _rule(recurrence: Recurrence, start: datetime) -> dict[str, list[Any]]:
    """Return the parts of an RRULE (RFC 5545, 3.3.10).

    Raises:
        ValueError: the recurrence is not what the port says.

    """
    if not is_sound(recurrence, start.date()):
        raise ValueError("recurrence")
    by_date = recurrence.frequency is Frequency.MONTHLY_BY_DATE
    parts: dict[str, list[Any]] = {
        "freq": [_FREQUENCIES[recurrence.frequency]],
        "interval": [recurrence.interval],
        "byday": [f"{recurrence.position or ''}{day}" for day in recurrence.weekdays],
        "bymonthday": [start.day] if by_date else [],
        "until": [_until(recurrence.last_day, start)] if recurrence.last_day else [],
        "count": [recurrence.count] if recurrence.count else [],
        "wkst": ["MO"],  # the default; some clients use their country's instead
    }
    return {name: values for name, values in parts.items() if values}


def _until(last_day: date, start: datetime) -> datetime:
    """Return the last moment of a day in UTC, as RFC 5545 requires if the start has a zone."""
    return datetime.combine(last_day, time(23, 59, 59), start.tzinfo).astimezone(UTC)


def _alarm(title: str, minutes: int) -> Alarm:
    alarm = Alarm()
    alarm.add("action", "DISPLAY")
    alarm.add("description", title)
    alarm.add("trigger", timedelta(minutes=-minutes))
    return alarm


def from_ical(content: bytes) -> tuple[CalendarEntry, str]:
    """Return the entry of a calendar of ours, and the installation that wrote it.

    Raises:
        UnreadableCalendar: it is none of ours, or was damaged.

    """
    try:
        event = Calendar.from_ical(content).events[0]
        return _entry(event), str(event[INSTALLATION_NAME])
    except (ValueError, LookupError, TypeError, AttributeError):
        raise UnreadableCalendar from None


def taken_over(content: bytes, installation: str) -> bytes:
    """Return a calendar of ours with another installation's mark, otherwise unchanged.

    Raises:
        UnreadableCalendar: it is none of ours, or was damaged.

    """
    try:
        calendar = Calendar.from_ical(content)
        event = calendar.events[0]
        del event[INSTALLATION_NAME]
        event.add(INSTALLATION_NAME, installation)
        return bytes(calendar.to_ical())
    except (ValueError, LookupError, TypeError, AttributeError):
        raise UnreadableCalendar from None


def _entry(event: Event) -> CalendarEntry:
    name = str(event["dtstart"].params.get("TZID", "UTC"))
    start, end = (event.decoded(which).astimezone(_zone(name)) for which in ("dtstart", "dtend"))
    link = str(event["url"]) if "url" in event else None
    description = str(event.get("description", ""))
    return CalendarEntry(
        uid=str(event[UID_NAME]),
        title=str(event.get("summary", "")),
        start=start,
        end=end,
        time_zone=name,
        location=str(event.get("location", "")),
        notice=description.removesuffix(link or "").removesuffix("\n"),
        link=link,
        show_as=_SHOWN_AS[str(event[BUSY_NAME])],
        sensitivity=_SENSED[str(event["class"])],
        reminder_minutes=_reminder_minutes(event),
        category=next((str(each) for each in event.categories), None),
        recurrence=_recurrence(event["rrule"], start) if "rrule" in event else None,
    )


def _recurrence(rule: Any, start: datetime) -> Recurrence:
    """Return the recurrence of a rule that could be ours; `Frequency.OTHER` for any other rule."""
    try:
        recurrence = _read_rule(rule, start)
        same = _without_defaults(vRecur(_rule(recurrence, start))) == _without_defaults(rule)
    except (ValueError, LookupError, TypeError, AttributeError):
        same = False
    return recurrence if same else Recurrence(Frequency.OTHER)


def _read_rule(rule: vRecur, start: datetime) -> Recurrence:
    frequency, weekdays = str(rule["FREQ"][0]), rule.get("BYDAY", [])
    by_date = frequency == "MONTHLY" and not weekdays
    return Recurrence(
        frequency=Frequency.MONTHLY_BY_DATE if by_date else _FREQUENCY_OF[frequency],
        interval=int(rule.get("INTERVAL", [1])[0]),
        weekdays=tuple(Weekday(each.weekday) for each in weekdays),
        position=weekdays[0].relative if weekdays else None,
        last_day=_last_day(rule["UNTIL"][0].astimezone(start.tzinfo), start) if "UNTIL" in rule else None,
        count=int(rule["COUNT"][0]) if "COUNT" in rule else None,
    )


def _last_day(until: datetime, start: datetime) -> date:
    too_early = until.time() < start.time()
    return until.date() - timedelta(days=too_early)


def _without_defaults(rule: vRecur) -> dict[str, list[str]]:
    """Return a rule without its default parts, and without its end, of which only the day is compared."""
    parts = {name: [str(value) for value in values] for name, values in rule.items() if name != "UNTIL"}
    return {name: values for name, values in parts.items() if (name, values) not in _DEFAULTS}


def _reminder_minutes(event: Event) -> int | None:
    for alarm in event.walk("VALARM"):
        return int(-alarm.decoded("trigger").total_seconds() // 60)
    return None


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (LookupError, OSError, ValueError):
        raise UnsupportedZone(name) from None
