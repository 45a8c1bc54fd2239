"""What an iCalendar text (RFC 5545) says that the payload's structured fields cannot say.

That is: the whole event is cancelled, or a series has exceptions. The text is searched line by line, not parsed: what
is malformed elsewhere in it does not matter here.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from receiver.core.recurrence import EXCEPTIONS
from receiver.core.secret_edges import trimmed

LONGEST_ICAL = 50_000  # the emitter's texts are far shorter; parsing a megabyte would take many seconds

_FOLD = re.compile(r"[\r\n]+[ \t]")
_MARK = "\ufeff"
"""Editors write it at the beginning, and joined files have it within."""
_CANCELLED = frozenset({"CANCELLED", "CANCELED"})
"""The standard's spelling, and the other one of English."""
_TIME = re.compile(r"(?:^|[\r\n])DT(?:START|END)(;[^:\r\n]*):([^\r\n]*)", re.IGNORECASE)
_LINE = re.compile(
    rf"(?:^|[\r\n])(BEGIN|END|METHOD|STATUS|{'|'.join(sorted(EXCEPTIONS))})[ \t]*(?:;[^\r\n]*)?:([^\r\n]*)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class CalendarTextFacts:
    """What an iCalendar text says in addition to times and a rule."""

    cancelled: bool = False
    """The whole event is cancelled, not a single occurrence."""
    exceptions: tuple[str, ...] = ()
    """Names of the properties that make single occurrences differ from the rule, sorted."""
    events: int = 0
    """The number of events, without those that are an occurrence of another one."""


@dataclass(slots=True)
class _Event:
    names: set[str] = field(default_factory=set)
    cancelled: bool = False


def read_calendar_text(text: str) -> CalendarTextFacts:
    """Read what a text says in addition to times and a rule. The text must not exceed `LONGEST_ICAL`."""
    withdrawn, events = False, list[_Event]()
    for component, name, value in _lines(text):
        if (component, name, value) == ("VCALENDAR", "METHOD", "CANCEL"):
            withdrawn = True
        elif (name, value) == ("BEGIN", "VEVENT"):
            events.append(_Event())
        elif component == "VEVENT":
            events[-1].names.add(name)
            events[-1].cancelled |= name == "STATUS" and value in _CANCELLED
    whole = [event for event in events if "RECURRENCE-ID" not in event.names]
    met = {name for event in events for name in event.names}
    return CalendarTextFacts(
        cancelled=bool(whole) and (withdrawn or all(event.cancelled for event in whole)),
        exceptions=tuple(sorted(EXCEPTIONS & met)),
        events=len(whole),
    )


def has_two_zones(text: str) -> bool:
    """Whether a time has both a ``Z`` and a TZID: icalendar ignores the ``Z``."""
    times = _TIME.finditer(_FOLD.sub("", text))
    return any("TZID=" in time[1].upper() and time[2].strip().upper().endswith("Z") for time in times)


def _lines(text: str) -> Iterator[tuple[str, str, str]]:
    """Yield the relevant lines as (component, property name, value), name and value in upper case."""
    inside: list[str] = []
    for line in _LINE.finditer(_FOLD.sub("", text.replace(_MARK, ""))):
        name, value = line[1].upper(), trimmed(line[2].rpartition(":")[2]).upper()
        if name == "END":
            del inside[-1:]
            continue
        yield inside[-1] if inside else "", name, value
        if name == "BEGIN":
            inside.append(value)
