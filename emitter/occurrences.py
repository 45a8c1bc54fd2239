"""When something that repeats takes place: read from the emitted fields, expanded by a library of its own.

The rule's UNTIL stands without a zone and its whole day counts, as the platform's own calendar has it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr

WINDOW_LENGTH = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Window:
    """The window of the comparison: only entries that begin in it count."""

    start: datetime
    end: datetime

    def __contains__(self, instant: datetime) -> bool:
        return self.start <= instant < self.end


def year_from(instant: datetime) -> Window:
    """The window of a story of that instant."""
    return Window(instant, instant + WINDOW_LENGTH)


def occurrences(data: Mapping[str, Any], zone: ZoneInfo, window: Window) -> list[tuple[datetime, datetime]]:
    """Start and end of each occurrence of an absence or opening, given by its `data`, that begins in the window."""
    first_day = date.fromisoformat(data["first_day"])
    span = date.fromisoformat(data.get("end_day") or data["first_day"]) - first_day
    starts_at, ends_at = time.fromisoformat(data["start_time"]), time.fromisoformat(data["end_time"])
    days = _days(data.get("rrule"), first_day, window.end.astimezone(zone).date())
    times = ((datetime.combine(day, starts_at, zone), datetime.combine(day + span, ends_at, zone)) for day in days)
    return [(start, end) for start, end in times if start in window]


def _days(rule: str | None, first_day: date, last_day: date) -> list[date]:
    if not rule:
        return [first_day]
    text = re.sub(r"(?<=UNTIL=)(\d{8})T\d{6}", r"\1T235959", rule.removesuffix(";"))
    noon, end = datetime.combine(first_day, time(12)), datetime.combine(last_day, time(23, 59))
    return [found.date() for found in rrulestr(text, dtstart=noon).between(noon, end, inc=True)]
