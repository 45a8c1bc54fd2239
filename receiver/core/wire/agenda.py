"""Payloads of absences and plages d'ouverture: one agent's time, once or recurring.

The structured fields have precedence. Times and rule of the `ical` text are read only where they are absent, its
SUMMARY never. What the fields cannot say is always read from it: a cancellation of the whole, and exceptions.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from icalendar import Calendar, Component
from pydantic import Field

from receiver.core.facts import AgendaState, Delivery, Emitter, EventKind, Model, Version
from receiver.core.policies import Policies
from receiver.core.recurrence import Rule, Unreadable, parse
from receiver.core.wire.calendar_text import LONGEST_ICAL, CalendarTextFacts, has_two_zones, read_calendar_text
from receiver.core.wire.fields import (
    FIRST_YEAR,
    LAST_YEAR,
    TEXT_LIMIT,
    Clock,
    Day,
    Id,
    InvalidPayload,
    Text,
    Wire,
    WireAgent,
    WireLieu,
    WireOrganisation,
    Zone,
    validate,
)

_UNTIL_IN_UTC = re.compile(r"(UNTIL=)(\d{8}T\d{6})Z", re.ASCII | re.IGNORECASE)


class _Motif(Wire):
    name: Text


class _Named(Wire):
    """The fields of every payload, of a destroyed event too."""

    id: Id
    organisation: WireOrganisation | None = None


class _Agenda(_Named):
    title: Text | None = None
    first_day: Day | None = None
    end_day: Day | None = None
    start_time: Clock | None = None
    end_time: Clock | None = None
    agent: WireAgent
    rrule: str | None = None
    ical: str | None = None
    lieu: WireLieu | None = None
    motifs: Annotated[list[_Motif], Field(max_length=1000)] | None = None


@dataclass(frozen=True, slots=True)
class _Times:
    start: datetime
    end: datetime
    rule: Rule | None
    time_zone: str | None = None


def read(
    model: Model, data: Mapping[str, Any], version: Version, purge: bool, emitter: Emitter, policies: Policies
) -> Delivery:
    """Decode `data` of an absence or a plage d'ouverture.

    Raises:
        InvalidPayload: with the paths of the invalid fields.

    """
    destroyed = version.kind is EventKind.DESTROYED
    agenda = validate(_Named if destroyed else _Agenda, data, "data")
    return Delivery(
        model=model,
        wire_id=agenda.id,
        uuid=None,
        organisation=agenda.organisation.ident(emitter) if agenda.organisation else None,
        version=version,
        purge=purge,
        state=_state(model, agenda, emitter, policies) if isinstance(agenda, _Agenda) else None,
        agents=(agenda.agent.ref(emitter),) if isinstance(agenda, _Agenda) else (),
    )


def _state(model: Model, agenda: _Agenda, emitter: Emitter, policies: Policies) -> AgendaState:
    times, text = _times(agenda), _calendar_text(agenda.ical)
    if times.end < times.start:
        raise InvalidPayload("data.end_time")
    absence = model is Model.ABSENCE
    return AgendaState(
        model=model,
        first_start=times.start,
        first_end=times.end,
        rule=_with_exceptions(times, text.exceptions),
        time_zone=times.time_zone,
        title=agenda.title or None if absence and policies.absence_titles else None,
        motifs=() if absence else _names(agenda.motifs or ()),
        lieu=None if absence or agenda.lieu is None else agenda.lieu.kept(emitter, policies),
        agent=agenda.agent.ref(emitter).ident,
        organisation=agenda.organisation.ident(emitter) if agenda.organisation else None,
        verticale=agenda.organisation.verticale if agenda.organisation else None,
        cancelled=text.cancelled,
    )


def _calendar_text(text: str | None) -> CalendarTextFacts:
    """Return what the iCalendar text says in addition to times and a rule.

    Raises:
        InvalidPayload: it is too long, or has several events, any of which could be this one.

    """
    if text is None:
        return CalendarTextFacts()
    if len(text) > LONGEST_ICAL:
        raise InvalidPayload("data.ical")
    found = read_calendar_text(text)
    if found.events > 1 and not found.cancelled:
        raise InvalidPayload("data.ical.VEVENT")
    return found


def _with_exceptions(times: _Times, exceptions: tuple[str, ...]) -> Rule | None:
    """Return the rule with the names of its exceptions, which make it `Unholdable` with that reason."""
    if not exceptions:
        return times.rule
    rule = times.rule or Rule("DAILY", last_day=times.start.date())
    return replace(rule, others=tuple(sorted({*rule.others, *exceptions})))


def _names(motifs: Iterable[_Motif]) -> tuple[str, ...]:
    """Return the motifs' names, as many as a title can show: stored facts are read by the hundred."""
    kept: list[str] = []
    length = 0
    for motif in motifs:
        if motif.name:
            kept.append(motif.name)
            length += len(motif.name)
        if length >= TEXT_LIMIT:
            break
    return tuple(kept)


def _times(agenda: _Agenda) -> _Times:
    if agenda.first_day is None and agenda.ical is not None:
        return _from_ical(agenda.ical)
    lacking = [name for name in ("first_day", "start_time", "end_time") if getattr(agenda, name) is None]
    if agenda.first_day is None or agenda.start_time is None or agenda.end_time is None:
        raise InvalidPayload(*(f"data.{name}" for name in lacking))
    start = datetime.combine(agenda.first_day, agenda.start_time)
    end = datetime.combine(agenda.end_day or agenda.first_day, agenda.end_time)
    return _Times(start, end, _rule(agenda.rrule, "data.rrule"))


def _rule(text: str | None, at: str) -> Rule | None:
    if not text or not text.strip(" ;"):
        return None
    try:
        return parse(text)
    except Unreadable:
        raise InvalidPayload(at) from None


def _from_ical(text: str) -> _Times:
    """Read the times of the one VEVENT in an iCalendar text."""
    if len(text) > LONGEST_ICAL or has_two_zones(text):
        raise InvalidPayload("data.ical")
    try:
        event = Calendar.from_ical(text).walk("VEVENT")[0]
        start, end = _moment(event, "DTSTART"), _moment(event, "DTEND")
        rule = _text(event["RRULE"].to_ical()) if "RRULE" in event else None
        zone = _one_zone(event)
    # The errors that icalendar raises. OSError: it opens a file by the zone's name, which may be too long, or a folder.
    except (ValueError, KeyError, IndexError, AttributeError, TypeError, OSError):
        raise InvalidPayload("data.ical") from None
    return _Times(start, end, _rule(rule and _in_zone(rule, zone), "data.ical"), zone)


def _in_zone(rule: str, zone: str | None) -> str:
    """Return a rule with its UNTIL in local time: the moment in UTC may be on another day."""
    found = _UNTIL_IN_UTC.search(rule)
    if found is None or zone is None:
        return rule
    try:
        until = datetime.strptime(found[2], "%Y%m%dT%H%M%S").replace(tzinfo=UTC).astimezone(ZoneInfo(zone))
    except (ValueError, OverflowError):
        return rule  # no valid moment, or beyond the last year: a series without end in any zone
    return _UNTIL_IN_UTC.sub(rf"\g<1>{until:%Y%m%dT%H%M%S}", rule)


def _one_zone(event: Component) -> str | None:
    """Return the zone of both times; None: they name none."""
    start, end = (_Zoned(zone=_zone(event, name)) for name in ("DTSTART", "DTEND"))
    if start != end:
        raise ValueError
    return start.zone


def _zone(event: Component, name: str) -> str | None:
    named: str | None = event[name].params.get("TZID")
    return named or ("UTC" if getattr(event.decoded(name), "tzinfo", None) else None)


def _text(content: object) -> str:
    return content.decode() if isinstance(content, bytes) else str(content)


class _Zoned(Wire):
    zone: Zone | None = None


def _moment(event: Component, name: str) -> datetime:
    moment = event.decoded(name)
    if not isinstance(moment, date) or not FIRST_YEAR <= moment.year < LAST_YEAR:
        raise ValueError(name)
    if not isinstance(moment, datetime):
        return datetime(moment.year, moment.month, moment.day)  # noqa: DTZ001  # a whole day begins at local midnight
    return moment.replace(tzinfo=None)
