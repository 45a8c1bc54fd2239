"""Stories in which the same things are told more than once: by two emitters, or all over again after a re-sync."""

from dataclasses import replace
from datetime import datetime, timedelta

from emitter.model import Event, Rdv
from emitter.payloads import Entry
from emitter.platforms import Platform
from emitter.scenarios import cast
from emitter.scenarios.stage import ScenarioSteps, Stage, Step, entry, story
from emitter.schedule import Frequency, Recurrence

CREATED, UPDATED, DESTROYED = Event.CREATED, Event.UPDATED, Event.DESTROYED
PUBLIC, INSERTION = Platform.RDV_SERVICE_PUBLIC, Platform.RDV_INSERTION

PMI = "Consultation PMI & suivi <0-6 ans>"
ARRAS = "Maison du Département Solidarité, 37 rue du Temple, Arras, 62000"


def public_then_insertion(stage: Stage) -> ScenarioSteps:
    """rdv-insertion tells of a RDV later, and of a time that no longer holds: RDV Service Public is believed."""
    rdv, start = _rdv(stage)
    steps = [
        _sent_by(PUBLIC, stage, rdv, CREATED, 10),
        _sent_by(INSERTION, stage, _earlier(rdv), CREATED, 12),
        _sent_by(INSERTION, stage, _earlier(rdv), UPDATED, 14),
    ]
    return story(steps, martine=[entry(PMI, stage.lieu(ARRAS), start, 45)])


def insertion_then_public(stage: Stage) -> ScenarioSteps:
    """rdv-insertion is the first to tell of a RDV; RDV Service Public's facts take its place, though older."""
    rdv, start = _rdv(stage)
    steps = [
        _sent_by(INSERTION, stage, _earlier(rdv), CREATED, 12),
        _sent_by(PUBLIC, stage, rdv, CREATED, 10),
    ]
    return story(steps, martine=[entry(PMI, stage.lieu(ARRAS), start, 45)])


def destroyed_by_public_alone(stage: Stage) -> ScenarioSteps:
    """RDV Service Public deletes a RDV; rdv-insertion still tells of it afterwards."""
    rdv, _start = _rdv(stage)
    steps = [
        _sent_by(PUBLIC, stage, rdv, CREATED, 10),
        _sent_by(INSERTION, stage, rdv, CREATED, 11),
        _sent_by(PUBLIC, stage, rdv, DESTROYED, 12),
        _sent_by(INSERTION, stage, rdv, UPDATED, 13),
    ]
    return story(steps)


def re_sync(stage: Stage) -> ScenarioSteps:
    """A changed endpoint: `created` comes again for everything that exists, with new times of rendering."""
    rdv, start = _rdv(stage)
    moved = replace(rdv, starts_at=start + timedelta(hours=1))
    monday = stage.weekday(0, 9)
    weekly = Recurrence(Frequency.WEEKLY, 1, ("MO",))
    series = stage.absence(2, monday, monday + timedelta(hours=2), recurrence=weekly)
    off = stage.absence(3, stage.day(3, 14), stage.day(3, 18))
    things: tuple[Entry, ...] = (moved, series, off)
    steps = [
        stage.step(rdv, CREATED, 10, "RDV made"),
        stage.step(moved, UPDATED, 11, "RDV moved"),
        *(stage.step(thing, CREATED, 12, "made") for thing in things[1:]),
        *(stage.step(thing, CREATED, 30 + second, "created again") for second, thing in enumerate(things)),
        *(stage.step(thing, CREATED, 60 + second, "and again") for second, thing in enumerate(things)),
    ]
    shown = entry(PMI, stage.lieu(ARRAS), start + timedelta(hours=1), 45)
    return story(steps, martine=[shown, *stage.absent(series), *stage.absent(off)])


def _rdv(stage: Stage) -> tuple[Rdv, datetime]:
    start = stage.day(2, 10)
    return stage.rdv(1, start, organisation=cast.MDS), start


def _earlier(rdv: Rdv) -> Rdv:
    return replace(rdv, starts_at=rdv.starts_at - timedelta(hours=1))


def _sent_by(platform: Platform, stage: Stage, rdv: Rdv, event: Event, second: int) -> Step:
    return stage.step(rdv, event, second, f"{event} by {platform}", platform=platform)
