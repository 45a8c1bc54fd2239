"""People are told of what breaks, once, and of its end, once. All breakages are played by ``python -m tests.drill``."""

from tests.drill.breakages import BREAKAGES
from tests.drill.play import RUNBOOK


def test_each_breakage_has_a_name_of_its_own_and_a_chapter_in_the_runbook() -> None:
    runbook = RUNBOOK.read_text("utf-8")
    assert len({each.name for each in BREAKAGES}) == len(BREAKAGES)
    for each in BREAKAGES:
        for code in (each.code, *each.along):
            assert f"\n## {code}\n" in runbook
