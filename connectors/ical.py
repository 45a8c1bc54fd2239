"""An entry as an iCalendar object (RFC 5545), and back. The library escapes every text.

Words of Exchange that RFC 5545 lacks are those that Outlook and Exchange write themselves ([MS-OXCICAL]).
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from icalendar import Alarm, Calendar, Event

from connectors.base import CalendarEntry, Sensitivity, ShowAs

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
_SENSED = {word: sensitivity for sensitivity, word in _CLASS.items()}


class UnreadableCalendar(Exception):
    """The bytes are no calendar with one entry of ours."""


def to_ical(entry: CalendarEntry, installation: str, now: datetime) -> bytes:
    """Return the entry as a calendar of one event, with the rules of its time zone.

    Raises:
        ValueError: the time zone is unknown.

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
    if entry.category:
        event.add("categories", [entry.category])
    if entry.reminder_minutes is not None:
        event.add_component(_alarm(entry.title, entry.reminder_minutes))


def _alarm(title: str, minutes: int) -> Alarm:
    alarm = Alarm()
    alarm.add("action", "DISPLAY")
    alarm.add("description", title)
    alarm.add("trigger", timedelta(minutes=-minutes))
    return alarm


def from_ical(content: bytes) -> tuple[CalendarEntry, str]:
    """Return the entry that a calendar of ours shows, and the installation that wrote it.

    Raises:
        UnreadableCalendar: it is none of ours, or was damaged.

    """
    try:
        event = Calendar.from_ical(content).events[0]
        return _entry(event), str(event[INSTALLATION_NAME])
    except (ValueError, LookupError, TypeError, AttributeError):
        raise UnreadableCalendar from None


def _entry(event: Event) -> CalendarEntry:
    start, end = event.decoded("dtstart"), event.decoded("dtend")
    name = str(event["dtstart"].params.get("TZID", "UTC"))
    link = str(event["url"]) if "url" in event else None
    description = str(event.get("description", ""))
    return CalendarEntry(
        uid=str(event[UID_NAME]),
        title=str(event.get("summary", "")),
        start=start.astimezone(_zone(name)),
        end=end.astimezone(_zone(name)),
        time_zone=name,
        location=str(event.get("location", "")),
        notice=description.removesuffix(link or "").removesuffix("\n"),
        link=link,
        show_as=_SHOWN_AS[str(event[BUSY_NAME])],
        sensitivity=_SENSED[str(event["class"])],
        reminder_minutes=_reminder_minutes(event),
        category=next((str(each) for each in event.categories), None),
    )


def _reminder_minutes(event: Event) -> int | None:
    for alarm in event.walk("VALARM"):
        return int(-alarm.decoded("trigger").total_seconds() // 60)
    return None


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (LookupError, OSError):
        raise ValueError("time zone") from None
