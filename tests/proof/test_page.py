"""docs/proof.md says what the bounds, the promises and the assumptions of today are, and what comes of them.

The slow tests explore the full bounds, put each defect back, and judge every order: each is also held to the page.
"""

import pytest

from tests.faults.table import row
from tests.proof import bounds, exceptions, page
from tests.proof.defects import DEFECTS, Defect, put_back
from tests.proof.explorer import Explored, explore
from tests.proof.groups import GROUPS
from tests.proof.judging import MANY, every_order
from tests.proof.life import Life
from tests.proof.page import DOCUMENT, bounds_row, defect_row, judging_rows
from tests.proof.rules import Rules
from tests.proof.survivors import SURVIVORS

PAGE = DOCUMENT.read_text("utf-8") if DOCUMENT.exists() else ""
NOTHING = Explored(states=0, transitions=0, depth=0, at_rest=0, seconds=0.0)


def chapter(title: str) -> str:
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


@pytest.mark.parametrize("title", ["Method", "Promises", "Assumptions and stated exceptions", "Mutants", "Not covered"])
def test_what_is_not_measured_stands_on_the_page_as_the_code_says_it(title: str) -> None:
    nothing = dict.fromkeys(DEFECTS, NOTHING)
    written = page.document([{}, {}, {}], nothing, {})
    assert chapter(title)
    assert chapter(title) == written.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def test_the_page_has_every_exploration_and_no_other() -> None:
    lines = [line for line in chapter("What was explored").splitlines() if line.startswith("| ")]
    rows = [line.split(" | ")[:2] for line in lines if not line.startswith(("| bounds ", "| --- "))]
    expected = (*bounds.QUICK, *bounds.FULL, *bounds.WIDE)
    assert rows == [[f"| {rules.name}", bounds.described(rules)] for rules in expected]


def test_the_page_has_every_defect_and_every_group_of_arrivals() -> None:
    put_back, judging = chapter("Defects, put back"), chapter("Judging")
    for defect in DEFECTS:
        assert f"| {defect.name} | {defect.since} | " in put_back
    for name in GROUPS:
        assert f"| {name}: any order ends the same | " in judging
    for name in SURVIVORS:
        assert name in chapter("Mutants")


@pytest.mark.slow
@pytest.mark.parametrize("rules", [*bounds.QUICK, *bounds.FULL], ids=lambda rules: rules.name)
def test_no_promise_is_broken_and_there_are_as_many_states_as_the_page_says(rules: Rules) -> None:
    explored = explore(Life(rules))
    assert not explored.story, explored.told
    assert explored.complete
    assert f"\n{bounds_row(rules, explored)} " in chapter("What was explored")


@pytest.mark.slow
@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.name)
def test_a_defect_that_is_put_back_is_found_as_the_page_says(defect: Defect) -> None:
    with put_back(defect):
        explored = explore(Life(defect.rules))
    assert explored.story, f"nobody notices that {defect.name}"
    assert explored.seconds < 60
    assert explored.story[0].startswith("0. The beginning.")
    assert row(defect_row(defect, explored)) in PAGE.splitlines()


@pytest.mark.slow
@pytest.mark.parametrize("name", GROUPS)
def test_every_order_of_up_to_five_states_ends_as_the_page_says(name: str) -> None:
    table = exceptions.table(GROUPS[name], every_order(GROUPS[name], MANY))
    assert not table.unexplained
    assert [row(line) for line in judging_rows(name, table)] == [
        line for line in chapter("Judging").splitlines() if line.startswith(f"| {name}: ")
    ]
