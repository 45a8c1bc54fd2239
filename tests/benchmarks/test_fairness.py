"""The benchmark of fairness, small: that it measures what it says, not how fair this tree is."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks import fairness
from benchmarks.fair_town import FairTown
from benchmarks.fairness import AGENTS_EACH, LONE_AGENTS, Lone, Size, Waits
from benchmarks.figures import undeclared
from benchmarks.webhooks import agent, uuid_of
from tests.databases import postgres_binaries
from tests.requirements import require

SMALL = Size(webhooks=8, changes=3, every_s=0.1, timeout_s=120, latency_ms=1)


def on_sqlite(folder: Path) -> dict[str, float]:
    return fairness.measure(folder, f"sqlite:///{folder}/store.db", SMALL)


def on_postgresql(folder: Path) -> dict[str, float]:
    require(postgres_binaries(), "PostgreSQL's server programs are not installed")
    return fairness.measure_on_postgresql(folder, SMALL)


@pytest.mark.parametrize("measure", [on_sqlite, on_postgresql])
def test_lone_changes_are_timed_beside_a_backlog(tmp_path: Path, measure: Callable[[Path], dict[str, float]]) -> None:
    figures = measure(tmp_path)
    medians = {name: figures[f"fairness_{name}_median_ms"] for name in ("quiet", "arriving", "unknown")}
    assert all(value > 0 for value in medians.values())
    assert figures["fairness_ratio"] == max(figures["fairness_arriving_ratio"], figures["fairness_unknown_ratio"])
    assert figures["fairness_arriving_ratio"] == pytest.approx(medians["arriving"] / medians["quiet"])
    assert figures["fairness_late"] == 0
    assert not undeclared(figures, fairness.DIRECTIONS)
    assert figures["fairness_mailboxes"] == SMALL.webhooks * AGENTS_EACH
    assert 0 < figures["fairness_tried_mailboxes"] <= figures["fairness_mailboxes"]


def test_each_webhook_of_the_backlog_names_agents_of_its_own() -> None:
    emails = [person["email"] for number in range(3) for person in _data(number)["agents"]]
    assert len(set(emails)) == 3 * AGENTS_EACH
    assert not set(emails) & {agent(number) for number in range(LONE_AGENTS)}
    assert {_data(number)["organisation"]["id"] for number in range(3)} == {FairTown.LARGE}


def _data(number: int) -> dict:
    return json.loads(fairness.backlog(number))["data"]


class Place:
    """A calendar that some entries never reach."""

    def __init__(self, lost: set[int]) -> None:
        self.lost = lost
        self.sent: list[int] = []

    def uids(self, _session: object, _mailbox: str) -> list[str]:
        return [f"Rdv/{uuid_of(number)}@production" for number in self.sent if number not in self.lost]


class Given(Lone):
    def _send(self, number: int) -> None:
        self.place.sent.append(number)  # type: ignore[attr-defined]


def test_who_never_arrives_counts_with_the_time_waited() -> None:
    size = Size(webhooks=0, changes=3, every_s=0.01, timeout_s=0.3, latency_ms=0)
    waits = Given(Place({1}), None, size).waits(3)  # type: ignore[arg-type]
    assert waits.late == 1
    assert len(waits.seconds) == 3
    assert max(waits.seconds) >= 0.3


def test_the_median_is_of_all() -> None:
    assert Waits([1.0, 2.0, 30.0], late=1).median_s == 2.0
