"""The entries of absences and plages d'ouverture."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from connectors.base import CalendarEntry, Recurrence, ShowAs
from receiver.core.facts import AgendaState, Model
from receiver.core.policies import Policies
from receiver.core.recurrence import CLOCK_CHANGES, Unholdable, series
from receiver.core.redaction.common import LOCATION_LIMIT, TITLE_LIMIT, Setting, host_of, place_of
from receiver.core.text import clean

ABSENCE = "Absence"
PLAGE = "Plage d'ouverture"
ABSENCE_NOTICE = "Ne modifiez pas cette absence ici : les changements se font dans RDV Service Public."
PLAGE_NOTICE = "Ne modifiez pas cette plage d'ouverture ici : les changements se font dans RDV Service Public."


def render(uid: str, state: AgendaState, setting: Setting) -> CalendarEntry | None:
    """Return the entry that shows this state; None: there is nothing to show.

    Raises:
        Unholdable: no calendar can represent its recurrence.

    """
    policies, absence = setting.policies, state.model is Model.ABSENCE
    if state.cancelled or not (policies.absences if absence else policies.plages_ouverture):
        return None  # before the rule is read: an event that is not shown cannot fail
    occurrence = _first_occurrence(state)
    if occurrence is None:
        return None
    first_start, recurrence = occurrence
    zone = ZoneInfo(state.time_zone) if state.time_zone else setting.time_zone
    first_end = first_start + (state.first_end - state.first_start)
    start, end = _on_the_clock(first_start, first_end, zone)
    if recurrence is not None and (start.replace(tzinfo=None), end.replace(tzinfo=None)) != (first_start, first_end):
        raise Unholdable(CLOCK_CHANGES)
    return CalendarEntry(
        uid=uid,
        title=clean(_absence_title(state, policies) if absence else _plage_title(state, policies), TITLE_LIMIT),
        start=start,
        end=end,
        time_zone=zone.key,
        location="" if absence else clean(place_of(state.lieu, policies), LOCATION_LIMIT),
        notice=ABSENCE_NOTICE if absence else PLAGE_NOTICE,
        link=_link(state, setting),
        show_as=ShowAs.OUT_OF_OFFICE if absence else ShowAs.FREE,
        sensitivity=policies.sensitivity,
        category=policies.category,
        recurrence=recurrence,
    )


def _first_occurrence(state: AgendaState) -> tuple[datetime, Recurrence | None] | None:
    """Return the naive start of the first occurrence; None: the series ends before it."""
    if state.rule is None:
        return state.first_start, None
    held = series(state.rule, state.first_start.date())
    return (datetime.combine(held.first_day, state.first_start.time()), held.recurrence) if held else None


def _on_the_clock(start: datetime, end: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Put naive times into a zone.

    A time in the hour that is skipped when clocks go forward becomes the time that the clock then shows: otherwise one
    moment could be written in two ways, as two entries. In that hour the end may come before the start.
    """
    begins, ends = start.replace(tzinfo=zone).astimezone(UTC), end.replace(tzinfo=zone).astimezone(UTC)
    return begins.astimezone(zone), max(begins, ends).astimezone(zone)


def _absence_title(state: AgendaState, policies: Policies) -> str:
    return f"{ABSENCE} : {state.title}" if state.title and policies.absence_titles else ABSENCE


def _plage_title(state: AgendaState, policies: Policies) -> str:
    motifs = [motif for motif in state.motifs if policies.shows(motif)]
    return f"{PLAGE} : {', '.join(motifs)}" if motifs else PLAGE


def _link(state: AgendaState, setting: Setting) -> str | None:
    host = host_of(setting, state.verticale)
    if host is None or state.organisation is None or state.agent is None:
        return None
    return f"https://{host}/admin/organisations/{state.organisation}/agent_agendas/{state.agent}"
