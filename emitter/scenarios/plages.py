"""Stories of openings: shown only where a policy wants them, free, with motifs and place."""

from dataclasses import replace
from datetime import timedelta

from emitter.model import Event
from emitter.scenarios import cast
from emitter.scenarios.stage import ScenarioSteps, Stage, story
from emitter.schedule import Frequency, PlageOuverture, Recurrence

CREATED, UPDATED, DESTROYED = Event.CREATED, Event.UPDATED, Event.DESTROYED

PMI = "Plage d'ouverture : Consultation PMI & suivi <0-6 ans>"
PMI_AND_BCG = "Plage d'ouverture : Consultation PMI & suivi <0-6 ans>, Vaccination BCG"
ARRAS = "Maison du Département Solidarité, 37 rue du Temple, Arras, 62000"
BAPAUME = "Antenne de Bapaume, 2 place Faidherbe, Bapaume, 62450"


def plage_unwanted(stage: Stage) -> ScenarioSteps:
    """Under default policies an opening is not shown."""
    return story([stage.step(_weekly(stage), CREATED, 10, "opening every Monday and Thursday")])


def plage_weekly_until(stage: Stage) -> ScenarioSteps:
    """Every week to the whole of a last day."""
    plage = _weekly(stage)
    steps = [stage.step(plage, CREATED, 10, "opening every Monday and Thursday")]
    return story(steps, martine=stage.open(plage, PMI, ARRAS))


def plage_monthly_second_wednesday(stage: Stage) -> ScenarioSteps:
    """Every second Wednesday of the month, without end."""
    start = stage.weekday(2, 9)
    while not 8 <= start.day <= 14:
        start += timedelta(weeks=1)
    rule = Recurrence(Frequency.MONTHLY, days=("2WE",))
    plage = stage.plage(1, start, start + timedelta(hours=3), recurrence=rule)
    steps = [stage.step(plage, CREATED, 10, "opening every second Wednesday")]
    return story(steps, martine=stage.open(plage, PMI, ARRAS))


def plage_changed(stage: Stage) -> ScenarioSteps:
    """One opening gets another motif and another place."""
    start = stage.day(2, 14)
    plage = stage.plage(1, start, start + timedelta(hours=2))
    changed = replace(plage, motifs=(cast.CONSULTATION, cast.VACCINATION), lieu=cast.BRANCH)
    steps = [stage.step(plage, CREATED, 10, "opening"), stage.step(changed, UPDATED, 11, "in Bapaume, two motifs")]
    return story(steps, martine=stage.open(changed, PMI_AND_BCG, BAPAUME))


def plage_without_place(stage: Stage) -> ScenarioSteps:
    """An opening for telephone calls has no place."""
    start = stage.day(1, 8)
    plage = stage.plage(1, start, start + timedelta(hours=1), motifs=(cast.PHONE_CALL,), lieu=None)
    title = "Plage d'ouverture : Être rappelé par la PMI"
    return story([stage.step(plage, CREATED, 10, "opening without place")], martine=stage.open(plage, title, ""))


def plage_destroyed(stage: Stage) -> ScenarioSteps:
    """An opening is closed for good."""
    plage = _weekly(stage)
    return story([stage.step(plage, CREATED, 10, "opening"), stage.step(plage, DESTROYED, 11, "deleted")])


def _weekly(stage: Stage) -> PlageOuverture:
    start = stage.weekday(0, 13)
    until = start.date() + timedelta(weeks=26, days=3)
    rule = Recurrence(Frequency.WEEKLY, 1, ("MO", "TH"), until)
    return stage.plage(1, start, start + timedelta(hours=3), recurrence=rule)
