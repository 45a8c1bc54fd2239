"""Absences told on clocks far from Paris: the zone is the source's, for the payload names none.

The hours are chosen so that the day of the week differs from that of UTC or of Paris: whoever expands or ends a rule on
another clock is off by a day.
"""

from datetime import timedelta

from emitter.model import Event
from emitter.scenarios.stage import ScenarioSteps, Stage, story
from emitter.schedule import Absence, Frequency, Recurrence


def overseas_guadeloupe(stage: Stage) -> ScenarioSteps:
    """Evenings in Guadeloupe, already the next day in Paris; the last evening counts."""
    return _story_of(stage, _weekly(stage, hour=20, hours=3))


def overseas_reunion(stage: Stage) -> ScenarioSteps:
    """Early mornings on La Réunion, still the day before in UTC."""
    return _story_of(stage, _weekly(stage, hour=1, hours=5))


def overseas_mayotte(stage: Stage) -> ScenarioSteps:
    """A night off on Mayotte, across midnight there."""
    start = stage.day(2, 22)
    return _story_of(stage, stage.absence(1, start, start + timedelta(hours=8)))


def overseas_noumea(stage: Stage) -> ScenarioSteps:
    """Mornings in Nouméa, eleven hours ahead of UTC: still the evening before in Paris."""
    return _story_of(stage, _weekly(stage, hour=7, hours=2))


def _story_of(stage: Stage, off: Absence) -> ScenarioSteps:
    return story([stage.step(off, Event.CREATED, 10, "absence overseas")], martine=stage.absent(off))


def _weekly(stage: Stage, hour: int, hours: int) -> Absence:
    start = stage.weekday(1, hour)
    until = start.date() + timedelta(weeks=8, days=2)
    rule = Recurrence(Frequency.WEEKLY, 1, ("TU", "TH"), until)
    return stage.absence(1, start, start + timedelta(hours=hours), recurrence=rule)
