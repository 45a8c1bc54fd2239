"""How long a re-sync is watched: with a clock of the test's own, so that hours pass in a moment."""

from collections.abc import Callable, Mapping

import pytest

from receiver.core.facts import Model
from receiver.operations.resync.missing import may_go
from receiver.operations.resync.progress import Clock, End, PollTimings, follow

TIMINGS = PollTimings(every_s=10, first_s=600, still_s=100, settled_s=20, most_s=3600)
RDV, ABSENCE = Model.RDV, Model.ABSENCE


class World:
    """Counts events as time passes."""

    def __init__(self, arrived: Callable[[float], Mapping[Model, int]]) -> None:
        self.now_s = 0.0
        self.arrived = arrived
        self.shown: list[Mapping[Model, int]] = []

    def sleep_s(self, duration_s: float) -> None:
        self.now_s += duration_s

    def watch(self, expected: Mapping[Model, int], *models: Model) -> End:
        clock = Clock(lambda: self.now_s, self.sleep_s)
        count = lambda: self.arrived(self.now_s)  # noqa: E731  # the shortest name of it
        return follow(count, expected, models or (RDV,), self.shown.append, TIMINGS, clock)


def test_all_that_is_known_to_come_has_come() -> None:
    world = World(lambda now_s: {RDV: min(int(now_s), 250)})
    assert world.watch({RDV: 250}) is End.COMPLETE
    assert (world.shown[-1], world.now_s) == ({RDV: 250}, 270)


def test_more_than_is_known_may_come() -> None:
    """The account sees a part of the appointments; the webhooks tell of all."""
    world = World(lambda now_s: {RDV: min(int(now_s), 250)})
    assert world.watch({RDV: 100}) is End.COMPLETE
    assert world.shown[-1] == {RDV: 250}


def test_a_kind_whose_number_is_not_known_is_waited_for() -> None:
    """The API counts no plages: there is no telling when the last has come."""
    world = World(lambda now_s: {RDV: min(int(now_s), 100), Model.PLAGE_OUVERTURE: min(int(now_s), 300)})
    assert world.watch({RDV: 100}, RDV, Model.PLAGE_OUVERTURE) is End.STILL
    assert world.shown[-1] == {RDV: 100, Model.PLAGE_OUVERTURE: 300}


def test_what_does_not_come_is_not_waited_for_for_ever() -> None:
    world = World(lambda now_s: {RDV: min(int(now_s), 90)})
    assert world.watch({RDV: 100}) is End.STILL
    assert world.now_s == 190


def test_the_platform_may_take_its_time_to_begin() -> None:
    world = World(lambda now_s: {RDV: 50} if now_s >= 500 else {})
    assert world.watch({RDV: 50}) is End.COMPLETE


def test_nothing_at_all_is_a_finding_of_its_own() -> None:
    world = World(lambda now_s: {ABSENCE: 5})
    assert world.watch({RDV: 50}) is End.NOTHING_CAME
    assert world.now_s == 600


def test_there_is_nothing_to_come() -> None:
    assert World(lambda now_s: {}).watch({RDV: 0}) is End.COMPLETE


def test_ordinary_traffic_does_not_keep_anybody_for_ever() -> None:
    world = World(lambda now_s: {RDV: int(now_s)})
    assert world.watch({}) is End.TOO_LONG
    assert world.now_s == 3600


@pytest.mark.parametrize(
    ("count", "live", "allowed"), [(0, 0, True), (20, 20, True), (21, 30, False), (50, 1000, True), (51, 1000, False)]
)
def test_more_than_a_share_waits_for_a_confirmation(count: int, live: int, allowed: bool) -> None:
    assert may_go(count, live) is allowed
