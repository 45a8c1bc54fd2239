"""The judgment of a figure that two checkouts were measured for; and that figures declare which way is better."""

import json
from pathlib import Path

import pytest

from benchmarks import figures, ratios
from benchmarks.figures import Direction, Directions
from benchmarks.ratios import Verdict

LESS, MORE = Direction.LESS, Direction.MORE


@pytest.mark.parametrize(
    ("direction", "pairs", "verdict"),
    [
        (LESS, [(100, 105), (100, 200)], Verdict.SAME),
        (LESS, [(100, 105.001), (100, 200)], Verdict.WORSE),
        (LESS, [(105, 100), (200, 100)], Verdict.SAME),
        (LESS, [(105.001, 100), (200, 100)], Verdict.BETTER),
        (MORE, [(105, 100), (200, 100)], Verdict.SAME),
        (MORE, [(105.001, 100), (200, 100)], Verdict.WORSE),
        (MORE, [(100, 105.001), (100, 200)], Verdict.BETTER),
        (Direction.NEUTRAL, [(100, 900)], Verdict.NEUTRAL),
        (LESS, [(0, 0)], Verdict.SAME),
        (LESS, [(0, 1)], Verdict.WORSE),
        (LESS, [(0, 1), (0, 0)], Verdict.SAME),
        (LESS, [(1, 0)], Verdict.BETTER),
        (MORE, [(1, 0)], Verdict.WORSE),
        (MORE, [(0, 1)], Verdict.BETTER),
        (LESS, [(-1, 5)], Verdict.NO_RATIO),
        (LESS, [(1, 5), (1, -5)], Verdict.NO_RATIO),
        (None, [(1, 1)], Verdict.UNDECLARED),
    ],
)
def test_judgments_at_the_bounds(
    direction: Direction | None, pairs: list[tuple[float, float]], verdict: Verdict
) -> None:
    assert ratios.judge(pairs, direction) is verdict


def test_what_is_infinitely_more_is_written_as_json() -> None:
    [found] = ratios.compare([({"failed": 0}, {"failed": 2})], {"failed": LESS})
    document = json.loads(json.dumps(found.document(), allow_nan=False))
    assert document["ratios"] == [None]
    assert document["verdict"] == "worse"


def test_the_first_pattern_holds_and_databases_share_it() -> None:
    directions: Directions = {"a_count": Direction.NEUTRAL, "a_*": LESS}
    assert figures.direction("a_count", directions) is Direction.NEUTRAL
    assert figures.direction("postgresql_a_ms", directions) is LESS
    assert figures.direction("b", directions) is None


def test_a_figure_without_a_direction_is_an_error_once_all_are_written(tmp_path: Path) -> None:
    with pytest.raises(figures.Undeclared) as error:
        figures.report({"a": 1.0, "b": 2.0}, tmp_path / "figures.json", {"a": LESS})
    assert error.value.args == ("b",)
    assert json.loads((tmp_path / "figures.json").read_text()) == {"a": 1.0, "b": 2.0}
