"""Named stories: what the platform sends, and what the agents' calendars must show at the end.

The expected calendars are written out by hand after the redaction rules, for default policies, and know nothing of the
receiver. Every story ends at its starting instant: its states are at most 90 seconds old, its RDVs lie ahead.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from emitter.payloads import Generation
from emitter.scenarios import single
from emitter.scenarios.stage import Calendars, ExpectedEntry, Stage, Step, Story
from emitter.scenarios.working_day import working_day

__all__ = ["SCENARIOS", "Calendars", "ExpectedEntry", "Scenario", "Step", "Story", "build"]


@dataclass(frozen=True, slots=True)
class Scenario:
    """A story that can be played at any time."""

    tell: Callable[[Stage], Story]
    ordered: bool = False
    """The order of sending is the point: each webhook is answered before the next is sent."""
    generation: Generation = Generation.YEAR_2024
    """The shape it is told in when none is asked for."""
    needs_single_use: bool = False
    """Cannot be told where a lieu's `single_use` is unknown."""

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
        return generation.tells_single_use or not self.needs_single_use


SCENARIOS: dict[str, Scenario] = {
    scenario.name: scenario
    for scenario in (
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
}


def build(name: str, at: datetime, generation: Generation | None = None) -> Story:
    """The story as told at the instant `at` (aware), in its own generation unless one is asked for.

    Raises:
        KeyError: no such scenario.
        ValueError: the generation cannot carry it.

    """
    scenario = SCENARIOS[name]
    chosen = generation or scenario.generation
    if not scenario.tellable_in(chosen):
        raise ValueError(f"{name} cannot be told in generation {chosen}")
    return scenario.tell(Stage(name, at, chosen))
