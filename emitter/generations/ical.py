"""The `ical` text of an absence or opening: a whole VCALENDAR, on Paris time wherever the agent works."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta

from emitter.schedule import PlageOuverture, Slot

LONGEST_LINE = 75  # octets, RFC 5545 section 3.1


def ical(slot: Slot, *, with_place: bool = False) -> str:
    """Lines end with CRLF; `with_place`: as in 2020, with the place and the agent's e-mail."""
    return "".join(f"{_folded(line)}\r\n" for line in _lines(slot, with_place=with_place))


def _lines(slot: Slot, *, with_place: bool) -> Iterator[str]:
    yield from ("BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:RDV Solidarités", "CALSCALE:GREGORIAN", "METHOD:PUBLISH")
    yield from _paris(slot.first_day)
    yield from ("BEGIN:VEVENT", f"DTSTAMP:{slot.recorded_at.astimezone(UTC):%Y%m%dT%H%M%SZ}", f"UID:{slot.ical_uid}")
    yield f"DTSTART;TZID=Europe/Paris:{_wall_clock(slot.first_day, slot.start_time)}"
    yield f"DTEND;TZID=Europe/Paris:{_wall_clock(slot.end_day, slot.end_time)}"
    if with_place:
        address = slot.lieu.address if isinstance(slot, PlageOuverture) and slot.lieu else ""
        yield from ("CLASS:PUBLIC", "DESCRIPTION:", f"LOCATION:{_escaped(address)}")
    yield f"SUMMARY:RDV Solidarités {_escaped(slot.title)}"
    if slot.recurrence:
        yield f"RRULE:{slot.recurrence.text.removesuffix(';')}"
    yield f"ATTENDEE:mailto:{slot.agent.email}" if with_place else "SEQUENCE:0"
    yield from ("END:VEVENT", "END:VCALENDAR")


def _paris(day: date) -> Iterator[str]:
    """Summer and winter time, each from its last beginning before the first day."""
    yield from ("BEGIN:VTIMEZONE", "TZID:Europe/Paris")
    for name, month, clock, before, after, short in (
        ("DAYLIGHT", 3, "T030000", "+0100", "+0200", "CEST"),
        ("STANDARD", 10, "T020000", "+0200", "+0100", "CET"),
    ):
        yield from (
            f"BEGIN:{name}",
            f"DTSTART:{_change_before(day, month):%Y%m%d}{clock}",
            f"TZOFFSETFROM:{before}",
            f"TZOFFSETTO:{after}",
            f"RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH={month}",
            f"TZNAME:{short}",
            f"END:{name}",
        )
    yield "END:VTIMEZONE"


def _change_before(day: date, month: int) -> date:
    """The last Sunday of that month, in the day's year or the one before."""
    last = date(day.year, month, 31)
    sunday = last - timedelta(days=(last.weekday() + 1) % 7)
    return sunday if sunday <= day else _change_before(date(day.year - 1, 12, 31), month)


def _wall_clock(day: date, clock: time) -> str:
    return f"{datetime.combine(day, clock):%Y%m%dT%H%M%S}"


def _escaped(text: str) -> str:
    for character in "\\;,":
        text = text.replace(character, f"\\{character}")
    return text.replace("\n", "\\n")


def _folded(line: str) -> str:
    """Cut after 75 octets at most, never inside a character."""
    pieces = [""]
    for character in line:
        if len((pieces[-1] + character).encode()) > LONGEST_LINE - (len(pieces) > 1):
            pieces.append("")
        pieces[-1] += character
    return "\r\n ".join(pieces)
