"""Working time in France, in which the silence of a source is unusual."""

from datetime import date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import holidays

OPENS, CLOSES = time(8), time(18)
SATURDAY = 5
LONGEST = timedelta(days=60)
"""The most that is counted: longer silence makes no difference."""

SUBDIVISIONS = {
    "America/Guadeloupe": "971",
    "America/Martinique": "972",
    "America/Cayenne": "973",
    "America/Miquelon": "PM",
    "America/Marigot": "MF",
    "America/St_Barthelemy": "BL",
    "Indian/Reunion": "974",
    "Indian/Mayotte": "976",
    "Pacific/Noumea": "NC",
    "Pacific/Tahiti": "PF",
    "Pacific/Marquesas": "PF",
    "Pacific/Gambier": "PF",
    "Pacific/Wallis": "WF",
}
"""Regions with holidays of their own, by time zone. Alsace and Moselle have Paris's zone, and so its holidays."""


def working_time(start: datetime, end: datetime, zone: str) -> timedelta:
    """Return how much working time lies between two moments, by the wall clock and the holidays of a zone.

    Args:
        start: aware.
        end: aware; the result is zero if it is not after `start`.
        zone: IANA name.

    """
    clock = ZoneInfo(zone)
    start, end = max(start, end - LONGEST).astimezone(clock), end.astimezone(clock)
    days = ((start + timedelta(days=number)).date() for number in range((end.date() - start.date()).days + 1))
    total = timedelta()
    for day in days:
        if is_working_day(day, zone):
            opens, closes = datetime.combine(day, OPENS, clock), datetime.combine(day, CLOSES, clock)
            total += max(min(end, closes) - max(start, opens), timedelta())
    return total


def is_working_day(day: date, zone: str) -> bool:
    """Whether offices are open that day."""
    return day.weekday() < SATURDAY and day not in _holidays(day.year, SUBDIVISIONS.get(zone))


@cache
def _holidays(year: int, subdivision: str | None) -> frozenset[date]:
    return frozenset(holidays.country_holidays("FR", subdiv=subdivision, years=year))
