"""Named stories: what the platform sends, and what the agents' calendars must show at the end.

The expected calendars are written out by hand after the redaction rules and know nothing of the receiver; series are
expanded by a library that the receiver does not use. Every story ends at its starting instant: its states are at most
90 seconds old, what they plan lies ahead.

`SCENARIOS` are of RDVs alone, and any source under default policies will do. `CALENDAR_SCENARIOS` are of all else; some
need policies, another zone or two sources, and say so in `needs`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from emitter.payloads import Generation
from emitter.platforms import Platform
from emitter.scenarios import absences, agents, overseas, plages, series, several_sources, single
from emitter.scenarios.stage import Calendars, ExpectedEntry, Needs, ScenarioSteps, Stage, Step, Story
from emitter.scenarios.working_day import working_day

__all__ = [
    "CALENDAR_SCENARIOS",
    "EVERY_SCENARIO",
    "SCENARIOS",
    "Calendars",
    "ExpectedEntry",
    "Needs",
    "Scenario",
    "Step",
    "Story",
    "build",
]


@dataclass(frozen=True, slots=True)
class Scenario:
    """A story that can be played at any time."""

    tell: Callable[[Stage], ScenarioSteps]
    ordered: bool = False
    """The order of sending is the point: each webhook is answered before the next is sent."""
    generation: Generation = Generation.YEAR_2024
    """The shape it is told in when none is asked for."""
    needs_single_use: bool = False
    """Cannot be told where a lieu's `single_use` is unknown."""
    needs_slots: bool = False
    """Tells of absences or openings."""
    needs_rule: bool = False
    """Tells of an absence's rule or of its `ical` text."""
    needs: Needs = field(default_factory=Needs)
    """What the receiver's configuration must say."""

    @property
    def name(self) -> str:
        """What it is called on the command line."""
        return self.tell.__name__

    @property
    def summary(self) -> str:
        """One line."""
        return (self.tell.__doc__ or "").partition("\n")[0]

    def tellable_in(self, generation: Generation) -> bool:
        """Whether this shape of the wire can carry the story."""
        return (
            (generation.tells_single_use or not self.needs_single_use)
            and (generation.tells_slots or not (self.needs_slots or self.needs.platforms))
            and (generation.tells_absences_rule or not self.needs_rule)
        )


def _registry(*scenarios: Scenario) -> dict[str, Scenario]:
    return {scenario.name: scenario for scenario in scenarios}


SCENARIOS = _registry(
    Scenario(single.create),
    Scenario(single.moved_to_another_month, ordered=True),
    Scenario(single.moved_on_the_31st, ordered=True),
    Scenario(single.moved_from_the_31st, ordered=True),
    Scenario(single.agent_swapped),
    Scenario(single.cancelled_by_usager),
    Scenario(single.cancelled_by_service),
    Scenario(single.un_cancelled),
    Scenario(single.destroyed),
    Scenario(single.repeated),
    Scenario(single.late, ordered=True),
    Scenario(single.out_of_order, ordered=True),
    Scenario(single.same_second, ordered=True),
    Scenario(single.updated_after_destroyed, ordered=True),
    Scenario(single.intervenant),
    Scenario(single.home_visit),
    Scenario(single.phone),
    Scenario(single.collective),
    Scenario(single.visio_guadeloupe, generation=Generation.YEAR_2026),
    Scenario(single.single_use_place, needs_single_use=True),
    Scenario(working_day),
)

_OPEN = Needs(policies={"plages_ouverture": True})
_CLOSED = Needs(policies={"plages_ouverture": False})
_KEEP = Needs(policies={"on_agent_departure": "keep"})
_DEPARTURES = Needs(policies={"on_agent_departure": "delete_future"})
_BOTH = Needs(platforms=frozenset(Platform))


def _slots(tell: Callable[[Stage], ScenarioSteps], needs: Needs | None = None, *, ordered: bool = False) -> Scenario:
    return Scenario(tell, ordered=ordered, needs_slots=True, needs=needs or Needs())


def _rule(tell: Callable[[Stage], ScenarioSteps], needs: Needs | None = None, *, ordered: bool = False) -> Scenario:
    return Scenario(tell, ordered=ordered, needs_slots=True, needs_rule=True, needs=needs or Needs())


CALENDAR_SCENARIOS = _registry(
    _slots(absences.absence),
    _slots(absences.absence_of_several_days),
    _rule(absences.absence_by_ical_only),
    _slots(absences.absence_without_organisation),
    _slots(absences.absence_moved),
    _slots(absences.absence_renamed),
    _slots(absences.absence_destroyed),
    _slots(absences.absence_late, ordered=True),
    _slots(absences.absence_out_of_order, ordered=True),
    _slots(absences.absence_deletion_overtakes, ordered=True),
    _rule(series.series_across_summer_time),
    _rule(series.series_by_bare_rule),
    _rule(series.series_every_other_week),
    _rule(series.series_of_weekends),
    _rule(series.series_monthly_by_weekday),
    _rule(series.series_monthly_by_date),
    _rule(series.series_days_changed, ordered=True),
    _rule(series.series_times_changed, ordered=True),
    _rule(series.series_shortened, ordered=True),
    _rule(series.series_lengthened, ordered=True),
    _rule(series.series_becomes_single, ordered=True),
    _rule(series.single_becomes_series, ordered=True),
    _rule(series.series_destroyed, ordered=True),
    _rule(series.series_out_of_order, ordered=True),
    _slots(plages.plage_unwanted, _CLOSED),
    _slots(plages.plage_weekly_until, _OPEN),
    _slots(plages.plage_monthly_second_wednesday, _OPEN),
    _slots(plages.plage_changed, _OPEN),
    _slots(plages.plage_without_place, _OPEN),
    _slots(plages.plage_destroyed, _OPEN),
    _rule(overseas.overseas_guadeloupe, Needs(time_zone="America/Guadeloupe")),
    _rule(overseas.overseas_reunion, Needs(time_zone="Indian/Reunion")),
    _rule(overseas.overseas_mayotte, Needs(time_zone="Indian/Mayotte")),
    _rule(overseas.overseas_noumea, Needs(time_zone="Pacific/Noumea")),
    _rule(agents.agent_email_changed, ordered=True),
    _rule(agents.agent_email_changed_first, ordered=True),
    _rule(agents.agent_email_seen, ordered=True),
    _rule(agents.agent_departed, _KEEP, ordered=True),
    _rule(agents.agent_departed_and_removed, _DEPARTURES, ordered=True),
    _rule(agents.one_of_two_roles_destroyed, ordered=True),
    _rule(agents.last_role_destroyed, ordered=True),
    _rule(agents.last_role_destroyed_with_openings, _OPEN, ordered=True),
    Scenario(several_sources.public_then_insertion, ordered=True, needs=_BOTH),
    Scenario(several_sources.insertion_then_public, ordered=True, needs=_BOTH),
    Scenario(several_sources.destroyed_by_public_alone, ordered=True, needs=_BOTH),
    _rule(several_sources.re_sync, ordered=True),
)

EVERY_SCENARIO = SCENARIOS | CALENDAR_SCENARIOS


def build(
    name: str,
    at: datetime,
    generation: Generation | None = None,
    *,
    days_later: int = 0,
    minutes_later: int = 0,
) -> Story:
    """The story as told at the instant `at` (aware), in its own generation unless one is asked for.

    `days_later` (working days) and `minutes_later` move what the story plans, not the age of its states.

    Raises:
        KeyError: no such scenario.
        ValueError: the generation cannot carry it.

    """
    scenario = EVERY_SCENARIO[name]
    chosen = generation or scenario.generation
    if not scenario.tellable_in(chosen):
        raise ValueError(f"{name} cannot be told in generation {chosen}")
    stage = Stage(name, at, chosen, ZoneInfo(scenario.needs.time_zone), days_later, minutes_later)
    told = scenario.tell(stage)
    return Story(told.steps, told.expected, stage.window, scenario.needs)
