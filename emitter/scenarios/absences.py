"""Stories of one absence each. Its title is private; the calendar says "Absence" and no place."""

from dataclasses import replace

from emitter.model import Event
from emitter.scenarios.stage import ScenarioSteps, Stage, story

CREATED, UPDATED, DESTROYED = Event.CREATED, Event.UPDATED, Event.DESTROYED


def absence(stage: Stage) -> ScenarioSteps:
    """An afternoon off."""
    off = stage.absence(1, stage.day(1, 14), stage.day(1, 17, 30))
    return story([stage.step(off, CREATED, 10, "afternoon off")], martine=stage.absent(off))


def absence_of_several_days(stage: Stage) -> ScenarioSteps:
    """From a morning to an evening days later: one entry, not one a day."""
    off = stage.absence(1, stage.day(1, 8), stage.day(4, 18))
    return story([stage.step(off, CREATED, 10, "four days off")], martine=stage.absent(off))


def absence_by_ical_only(stage: Stage) -> ScenarioSteps:
    """Without the structured fields the `ical` text is all there is; its SUMMARY goes no further."""
    off = stage.absence(1, stage.day(2, 9), stage.day(2, 12))
    return story([stage.step(off, CREATED, 10, "told by ical only", ical_only=True)], martine=stage.absent(off))


def absence_without_organisation(stage: Stage) -> ScenarioSteps:
    """An absence may name no organisation at all."""
    off = stage.absence(1, stage.day(2, 13), stage.day(2, 15), organisation=None)
    return story([stage.step(off, CREATED, 10, "names no organisation")], martine=stage.absent(off))


def absence_moved(stage: Stage) -> ScenarioSteps:
    """An absence moves to another day and grows."""
    off = stage.absence(1, stage.day(1, 9), stage.day(1, 10))
    moved = stage.absence(1, stage.day(3, 9), stage.day(4, 16))
    steps = [stage.step(off, CREATED, 10, "made"), stage.step(moved, UPDATED, 11, "moved, over two days now")]
    return story(steps, martine=stage.absent(moved))


def absence_renamed(stage: Stage) -> ScenarioSteps:
    """Only the title changes, which nobody is shown."""
    off = stage.absence(1, stage.day(1, 16), stage.day(1, 18))
    renamed = replace(off, title="Oncologue")
    steps = [stage.step(off, CREATED, 10, "made"), stage.step(renamed, UPDATED, 11, "renamed")]
    return story(steps, martine=stage.absent(off))


def absence_destroyed(stage: Stage) -> ScenarioSteps:
    """An absence made by mistake is deleted."""
    off = stage.absence(1, stage.day(2, 8), stage.day(2, 11))
    return story([stage.step(off, CREATED, 10, "made"), stage.step(off, DESTROYED, 11, "deleted")])


def absence_late(stage: Stage) -> ScenarioSteps:
    """An older state of an absence arrives after a newer one."""
    off = stage.absence(1, stage.day(1, 8), stage.day(1, 9))
    between = stage.absence(1, stage.day(1, 8), stage.day(1, 11))
    newest = stage.absence(1, stage.day(2, 8), stage.day(2, 12))
    steps = [
        stage.step(off, CREATED, 10, "made"),
        stage.step(newest, UPDATED, 20, "moved to the day after"),
        stage.step(between, UPDATED, 15, "lengthened: an older state, late"),
    ]
    return story(steps, martine=stage.absent(newest))


def absence_out_of_order(stage: Stage) -> ScenarioSteps:
    """The update of an absence overtakes its create."""
    off = stage.absence(1, stage.day(3, 8), stage.day(3, 9))
    moved = stage.absence(1, stage.day(3, 10), stage.day(3, 11))
    steps = [stage.step(moved, UPDATED, 11, "moved"), stage.step(off, CREATED, 10, "made: overtaken")]
    return story(steps, martine=stage.absent(moved))


def absence_deletion_overtakes(stage: Stage) -> ScenarioSteps:
    """The deletion of an absence arrives before its create."""
    off = stage.absence(1, stage.day(3, 14), stage.day(3, 16))
    return story([stage.step(off, DESTROYED, 11, "deleted"), stage.step(off, CREATED, 10, "made: overtaken")])
