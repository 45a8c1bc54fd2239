"""Putting a defect back changes the plan for a while, and nothing else; `test_page.py` has each found."""

import inspect

import pytest

from receiver.core import plan
from tests.proof.defects import DEFECTS, Defect, put_back


def test_a_defect_is_gone_once_the_plan_is_itself_again() -> None:
    before = vars(plan).copy()
    defect = DEFECTS[0]
    with put_back(defect):
        assert vars(plan) != before
    assert vars(plan) == before


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.name)
def test_each_defect_changes_what_the_plan_says_today(defect: Defect) -> None:
    assert inspect.getsource(plan).count(defect.text) == 1
