"""Plays one breakage: all well, broken, told, repaired, told again, all well."""

import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from tests.drill.breakages import Breakage
from tests.drill.ground import Ground, sentence_on, until
from tests.drill.letters import Kind, counted

RUNBOOK = Path(__file__).parents[2] / "docs" / "fr" / "depannage.md"
CALM_S = 2.0
"""For what must not come."""


@dataclass(frozen=True, slots=True)
class Played:
    """What one breakage brought."""

    alert: str
    alert_after_s: float
    """From the break."""
    sentence: str
    """The page's, and the cure that it names."""
    end: str
    end_after_s: float
    """From the repair."""
    remark: str
    """What was counted beside."""


def play(breakage: Breakage, ground: Ground) -> Played:
    """Play it to its end.

    Raises:
        AssertionError: somebody was not told, or told twice, or wrongly; or a calendar is wrong.

    """
    until(ground.is_well, "all to be well before the break")
    assert ground.letters == []

    broken_at = time.monotonic()
    repair = breakage.strike(ground)
    until(lambda: ground.came(Kind.BEGUN, breakage.code), "the alert")
    alert_after_s = time.monotonic() - broken_at
    sentence = _shown(breakage, ground)

    repaired_at = time.monotonic()
    remark = repair() or ""
    ground.send_again()
    until(lambda: ground.came(Kind.ENDED, breakage.code), "the end of the trouble")
    end_after_s = time.monotonic() - repaired_at
    ground.wait_for_calendar()
    ground.book_and_see()  # and it goes on as if nothing had been
    time.sleep(CALM_S)
    begun, ended = _judged(breakage, ground)
    return Played(begun, alert_after_s, sentence, ended, end_after_s, remark)


def _shown(breakage: Breakage, ground: Ground) -> str:
    """Return the page's sentence; `status` says the same, and the runbook has a chapter on it."""
    [trouble] = [each for each in ground.status() if each.code is breakage.code]
    assert trouble.cause == breakage.cause
    assert f"\n## {trouble.code}\n" in RUNBOOK.read_text("utf-8")
    return sentence_on(ground.page(), trouble)


def _judged(breakage: Breakage, ground: Ground) -> tuple[str, str]:
    """Return the titles of the alert and of its end, once all that came is found to be right."""
    letters = ground.letters
    assert counted(letters, Kind.BEGUN) == Counter([breakage.code, *breakage.along]), letters
    assert counted(letters, Kind.ENDED) == Counter([breakage.code]), letters
    assert ground.mailed == ground.posted
    assert {each.code for each in ground.status()} == breakage.along
    begun, ended = (next(each for each in letters if (each.kind, each.code) == (kind, breakage.code)) for kind in Kind)
    return begun.title, ended.title
