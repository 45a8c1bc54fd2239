"""Stories of absences that repeat: what is changed is the whole series, in place."""

from dataclasses import replace
from datetime import date, datetime, timedelta

from emitter.model import Event
from emitter.scenarios.stage import ScenarioSteps, Stage, story
from emitter.schedule import Absence, Frequency, Recurrence

CREATED, UPDATED, DESTROYED = Event.CREATED, Event.UPDATED, Event.DESTROYED
WEEKLY = Recurrence(Frequency.WEEKLY)
MONDAYS = Recurrence(Frequency.WEEKLY, 1, ("MO",))


def series_across_summer_time(stage: Stage) -> ScenarioSteps:
    """Every week without end, at the same time on the clock through both changes of the clocks."""
    off = _on_mondays(stage, replace(MONDAYS, days=("MO", "TH")))
    return story([stage.step(off, CREATED, 10, "every Monday and Thursday")], martine=stage.absent(off))


def series_by_bare_rule(stage: Stage) -> ScenarioSteps:
    """`FREQ=WEEKLY;` names no day: the day of the first occurrence is meant."""
    off = _on_mondays(stage, WEEKLY)
    return story([stage.step(off, CREATED, 10, "every week")], martine=stage.absent(off))


def series_every_other_week(stage: Stage) -> ScenarioSteps:
    """Every other week on three days, to the whole of a last day."""
    rule = Recurrence(Frequency.WEEKLY, 2, ("MO", "TU", "WE"), _weeks_on(stage, 12, days=2))
    off = _on_mondays(stage, rule)
    return story([stage.step(off, CREATED, 10, "every other week")], martine=stage.absent(off))


def series_of_weekends(stage: Stage) -> ScenarioSteps:
    """Each occurrence spans days: from Friday evening to Monday morning."""
    friday = stage.weekday(4, 18)
    monday = stage.weekday(4, 8) + timedelta(days=3)
    off = stage.absence(1, friday, monday, recurrence=replace(WEEKLY, until=friday.date() + timedelta(weeks=30)))
    return story([stage.step(off, CREATED, 10, "every weekend")], martine=stage.absent(off))


def series_monthly_by_weekday(stage: Stage) -> ScenarioSteps:
    """Every second Wednesday of the month."""
    start = _next_nth(stage.weekday(2, 9), 2)
    off = stage.absence(1, start, start + timedelta(hours=3), recurrence=_monthly("2WE"))
    return story([stage.step(off, CREATED, 10, "every second Wednesday")], martine=stage.absent(off))


def series_monthly_by_date(stage: Stage) -> ScenarioSteps:
    """`FREQ=MONTHLY;` names no day: the first one's date is meant."""
    start = stage.day(1, 11)
    while start.day > 28:
        start += timedelta(days=1)
    off = stage.absence(1, start, start + timedelta(hours=1), recurrence=_monthly())
    return story([stage.step(off, CREATED, 10, "every month")], martine=stage.absent(off))


def series_days_changed(stage: Stage) -> ScenarioSteps:
    """The days of a series change."""
    return _changed(stage, _on_mondays(stage, replace(MONDAYS, days=("MO", "WE", "FR"))), "three days instead of one")


def series_times_changed(stage: Stage) -> ScenarioSteps:
    """The times of a series change."""
    start = stage.weekday(0, 15)
    return _changed(stage, stage.absence(1, start, start + timedelta(hours=3), recurrence=MONDAYS), "afternoons")


def series_shortened(stage: Stage) -> ScenarioSteps:
    """A series without end gets one: what lay behind it goes; the whole of the last day counts."""
    until = replace(MONDAYS, until=_weeks_on(stage, 5))
    return _changed(stage, _on_mondays(stage, until), "ends after six weeks")


def series_lengthened(stage: Stage) -> ScenarioSteps:
    """A series goes on for longer."""
    short = _on_mondays(stage, replace(MONDAYS, until=_weeks_on(stage, 3)))
    long = _on_mondays(stage, replace(MONDAYS, until=_weeks_on(stage, 9)))
    steps = [stage.step(short, CREATED, 10, "four weeks"), stage.step(long, UPDATED, 11, "ten weeks")]
    return story(steps, martine=stage.absent(long))


def series_becomes_single(stage: Stage) -> ScenarioSteps:
    """A series becomes one absence."""
    return _changed(stage, _on_mondays(stage, None), "once only")


def single_becomes_series(stage: Stage) -> ScenarioSteps:
    """One absence becomes a series."""
    steps = [
        stage.step(_on_mondays(stage, None), CREATED, 10, "once"),
        stage.step(_on_mondays(stage, MONDAYS), UPDATED, 11, "every Monday"),
    ]
    return story(steps, martine=stage.absent(_on_mondays(stage, MONDAYS)))


def series_destroyed(stage: Stage) -> ScenarioSteps:
    """A series is deleted, every occurrence of it."""
    off = _on_mondays(stage, MONDAYS)
    return story([stage.step(off, CREATED, 10, "every Monday"), stage.step(off, DESTROYED, 11, "deleted")])


def series_out_of_order(stage: Stage) -> ScenarioSteps:
    """A series that became single arrives before the series."""
    once = _on_mondays(stage, None)
    steps = [
        stage.step(once, UPDATED, 11, "once only"),
        stage.step(_on_mondays(stage, MONDAYS), CREATED, 10, "every Monday: overtaken"),
    ]
    return story(steps, martine=stage.absent(once))


def _changed(stage: Stage, after: Absence, what: str) -> ScenarioSteps:
    before = _on_mondays(stage, MONDAYS)
    steps = [stage.step(before, CREATED, 10, "every Monday"), stage.step(after, UPDATED, 11, what)]
    return story(steps, martine=stage.absent(after))


def _on_mondays(stage: Stage, rule: Recurrence | None) -> Absence:
    start = stage.weekday(0, 9)
    return stage.absence(1, start, start + timedelta(hours=3), recurrence=rule)


def _weeks_on(stage: Stage, weeks: int, days: int = 0) -> date:
    """The Monday so many weeks after the first one, or some days later."""
    return stage.weekday(0, 9).date() + timedelta(weeks=weeks, days=days)


def _monthly(*days: str) -> Recurrence:
    return Recurrence(Frequency.MONTHLY, days=days)


def _next_nth(instant: datetime, position: int) -> datetime:
    """The same weekday and time, on the next one that has that position in its month."""
    while (instant.day - 1) // 7 + 1 != position:
        instant += timedelta(weeks=1)
    return instant
