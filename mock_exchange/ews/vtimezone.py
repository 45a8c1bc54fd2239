"""A time zone as Exchange writes it into iCalendar: rules since 1601, those of one year."""

from datetime import datetime, timedelta

from icalendar import Timezone, TimezoneDaylight, TimezoneStandard

from mock_exchange.calendar.zone_rules import ClockChange, clock_changes, standard_offset

SINCE = datetime(1601, 1, 1)  # noqa: DTZ001  # wall clock of the zone itself
DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")

Observance = TimezoneStandard | TimezoneDaylight


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
