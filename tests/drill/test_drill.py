"""People are told of what breaks, once, and of its end, once. All breakages are played by ``python -m tests.drill``."""

import re

import pytest

from tests.drill.breakage import Breakage
from tests.drill.breakages import BREAKAGES
from tests.drill.play import RUNBOOK, Played
from tests.drill.scene import drill, missing
from tests.drill.screens import Noted, Screen
from tests.drill.table import DOCUMENT, declared, declared_cells, document
from tests.requirements import require

CHOSEN = [each for each in BREAKAGES if each.in_ci]


@pytest.mark.parametrize("breakage", CHOSEN, ids=lambda each: each.name)
def test_people_are_told_once_of_what_breaks_and_once_of_its_end(breakage: Breakage) -> None:
    absent = missing(breakage)
    require(not absent, absent)
    told = drill(breakage)
    assert numberless(told.sentence).startswith(numberless(told.alert)), "what the alert says, the page says"


def numberless(text: str) -> str:
    """Leave out what counts on between two looks: the room that is left, requests that were refused."""
    return re.sub(r"\d+", "#", text)


def test_the_page_tells_of_these_breakages_and_of_no_others() -> None:
    """Whoever changes a breakage plays all of them anew."""
    assert declared(DOCUMENT.read_text("utf-8")) == [declared_cells(each) for each in BREAKAGES]


def test_the_page_can_be_read_back() -> None:
    noted = {screen: Noted("alarm", 1.0) for screen in Screen}
    told = Played("alert", noted, "sentence", "", noted, "")
    page = document({each.name: told for each in BREAKAGES})
    assert declared(page) == [declared_cells(each) for each in BREAKAGES]


def test_each_breakage_has_a_name_of_its_own_and_a_chapter_in_the_runbook() -> None:
    runbook = RUNBOOK.read_text("utf-8")
    assert len({each.name for each in BREAKAGES}) == len(BREAKAGES)
    for each in BREAKAGES:
        for code in (each.code, *each.along):
            assert f"\n## {code}\n" in runbook
