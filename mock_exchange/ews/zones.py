"""A time zone as Exchange writes it: as an EWS element, and as iCalendar's VTIMEZONE.

Clients that were written against Exchange refuse a definition that is a name alone.
"""

from datetime import datetime, timedelta

from icalendar import Timezone, TimezoneDaylight, TimezoneStandard

from mock_exchange.calendar.recurrence import WEEKDAYS
from mock_exchange.calendar.times import ClockChange, clock_changes, standard_offset
from mock_exchange.xml.elements import Element, add, make, t

GROUP = "0"
SINCE = datetime(1601, 1, 1)  # noqa: DTZ001  # wall clock of the zone itself
DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")

Observance = TimezoneStandard | TimezoneDaylight


def zone_element(name: str, windows_id: str, year: int) -> Element:
    """Return a StartTimeZone, an EndTimeZone or a TimeZoneDefinition with the rules of a year."""
    element = make(name, Id=windows_id, Name=windows_id)
    changes, standard = clock_changes(windows_id, year), standard_offset(windows_id, year)
    periods = add(element, t("Periods"))
    _add_period(periods, windows_id, "Standard", standard)
    for change in changes:
        if change.forward:
            _add_period(periods, windows_id, "Daylight", change.after)
    group = add(add(element, t("TransitionsGroups")), t("TransitionsGroup"), Id=GROUP)
    for change in changes:
        _add_change(group, windows_id, change)
    if not changes:
        add(add(group, t("Transition")), t("To"), _period_id(windows_id, "Standard"), Kind="Period")
    add(add(add(element, t("Transitions")), t("Transition")), t("To"), GROUP, Kind="Group")
    return element


def _add_period(periods: Element, windows_id: str, name: str, offset: timedelta) -> None:
    add(periods, t("Period"), Bias=_duration(-offset), Name=name, Id=_period_id(windows_id, name))


def _add_change(group: Element, windows_id: str, change: ClockChange) -> None:
    transition = add(group, t("RecurringDayTransition"))
    name = "Daylight" if change.forward else "Standard"
    add(transition, t("To"), _period_id(windows_id, name), Kind="Period")
    time = timedelta(hours=change.wall.hour, minutes=change.wall.minute)
    parts = {
        "TimeOffset": _duration(time),
        "Month": str(change.wall.month),
        "DayOfWeek": WEEKDAYS[change.wall.weekday()],
        "Occurrence": str(change.position),
    }
    for part, text in parts.items():
        add(transition, t(part), text)


def _period_id(windows_id: str, name: str) -> str:
    return f"trule:Microsoft/Registry/{windows_id}/1-{name}"


def _duration(length: timedelta) -> str:
    """Write a duration of less than a day in hours and minutes, such as ``-PT9H30M``."""
    minutes = int(length.total_seconds() // 60)
    hours, rest = divmod(abs(minutes), 60)
    return f"{'-' if minutes < 0 else ''}PT{hours}H" + (f"{rest}M" if rest else "")


def vtimezone(windows_id: str, year: int) -> Timezone:
    """Return the zone with the changes of a year."""
    component = Timezone()
    component.add("TZID", windows_id)
    changes = clock_changes(windows_id, year)
    for change in changes:
        component.add_component(_changing(change))
    if not changes:
        offset = standard_offset(windows_id, year)
        component.add_component(_observance(TimezoneStandard(), SINCE, offset, offset))
    return component


def _changing(change: ClockChange) -> Observance:
    kind = TimezoneDaylight() if change.forward else TimezoneStandard()
    observance = _observance(kind, datetime.combine(SINCE, change.wall.time()), change.before, change.after)
    day = f"{change.position}{DAYS[change.wall.weekday()]}"
    observance.add("RRULE", {"FREQ": "YEARLY", "INTERVAL": 1, "BYDAY": day, "BYMONTH": change.wall.month})
    return observance


def _observance(kind: Observance, start: datetime, before: timedelta, after: timedelta) -> Observance:
    kind.add("DTSTART", start)
    kind.add("TZOFFSETFROM", before)
    kind.add("TZOFFSETTO", after)
    return kind
