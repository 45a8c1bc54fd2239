"""What a calendar text (RFC 5545) says that the structured fields beside it have no way to say.

That the whole is cancelled, or that a series has exceptions. Looked for line by line, without an opinion on the rest: a
text that is broken otherwise says nothing here.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from receiver.core.recurrence import EXCEPTIONS

LONGEST_ICAL = 50_000  # the emitter's own are a thousandth of a body; to parse a megabyte would take many seconds

_FOLD = re.compile(r"(?:\r\n|\n|\r)[ \t]")
_TIME = re.compile(r"(?:^|[\r\n])DT(?:START|END)(;[^:\r\n]*):([^\r\n]*)", re.IGNORECASE)
_LINE = re.compile(
    rf"(?:^|[\r\n])(BEGIN|END|METHOD|STATUS|{'|'.join(sorted(EXCEPTIONS))})[ \t]*(?:;[^\r\n]*)?:([^\r\n]*)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class CalendarTextFacts:
    """What a calendar text says besides times and a rule."""

    cancelled: bool = False
    """The whole is cancelled, not one occurrence of it."""
    exceptions: tuple[str, ...] = ()
    """Names of what makes a series another one than its rule says, in order."""
    events: int = 0
    """So many events are in it that are none of another one's occurrences."""


@dataclass(slots=True)
class _Event:
    names: set[str] = field(default_factory=set)
    cancelled: bool = False


def read_calendar_text(text: str) -> CalendarTextFacts:
    """Read what a text says besides times and a rule. Not for texts longer than `LONGEST_ICAL`."""
    withdrawn, events = False, list[_Event]()
    for component, name, value in _lines(text):
        if (component, name, value) == ("VCALENDAR", "METHOD", "CANCEL"):
            withdrawn = True
        elif (name, value) == ("BEGIN", "VEVENT"):
            events.append(_Event())
        elif component == "VEVENT":
            events[-1].names.add(name)
            events[-1].cancelled |= (name, value) == ("STATUS", "CANCELLED")
    whole = [event for event in events if "RECURRENCE-ID" not in event.names]
    met = {name for event in events for name in event.names}
    return CalendarTextFacts(
        cancelled=bool(whole) and (withdrawn or all(event.cancelled for event in whole)),
        exceptions=tuple(sorted(EXCEPTIONS & met)),
        events=len(whole),
    )


def has_two_zones(text: str) -> bool:
    """Whether a time is in UTC and in a zone that it names: the library takes it for one of the zone."""
    times = _TIME.finditer(_FOLD.sub("", text))
    return any("TZID=" in time[1].upper() and time[2].strip().upper().endswith("Z") for time in times)


def _lines(text: str) -> Iterator[tuple[str, str, str]]:
    """Yield the lines that matter: in which component, the name, the value; both as they are compared."""
    inside: list[str] = []
    for line in _LINE.finditer(_FOLD.sub("", text)):
        name, value = line[1].upper(), line[2].rpartition(":")[2].strip().upper()
        if name == "END":
            del inside[-1:]
            continue
        yield inside[-1] if inside else "", name, value
        if name == "BEGIN":
            inside.append(value)
