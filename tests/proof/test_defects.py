"""The explorer is worth something: it finds each defect that the plan once had, within a minute, and tells its story."""

import inspect

import pytest

from receiver.core import plan
from tests.proof.defects import DEFECTS, Defect, put_back
from tests.proof.explorer import explore
from tests.proof.life import Life


@pytest.mark.slow
@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.name)
def test_a_defect_that_is_put_back_is_found(defect: Defect) -> None:
    with put_back(defect):
        explored = explore(Life(defect.rules))
    assert explored.story, f"nobody notices that {defect.name}"
    assert explored.seconds < 60
    assert explored.story[0].startswith("0. The beginning.")


def test_a_defect_is_gone_once_the_plan_is_itself_again() -> None:
    before = vars(plan).copy()
    defect = DEFECTS[0]
    with put_back(defect):
        assert vars(plan) != before
    assert vars(plan) == before


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.name)
def test_each_defect_changes_what_the_plan_says_today(defect: Defect) -> None:
    assert inspect.getsource(plan).count(defect.text) == 1
