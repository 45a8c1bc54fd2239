"""`python -m tests.drill` plays every breakage, two at a time, and writes docs/drill.md; it takes some minutes.

It needs root, loop devices and e2fsprogs, a C compiler, and PostgreSQL's server programs.
"""

import logging
import sys
from concurrent.futures import ThreadPoolExecutor

from tests.drill.breakages import BREAKAGES, Breakage
from tests.drill.play import Played
from tests.drill.scene import drill
from tests.drill.table import DOCUMENT, document


def _drilled(breakage: Breakage) -> tuple[str, Played]:
    """Play one, and say so."""
    played = drill(breakage)
    times = f"told after {played.alert_after_s:.1f} s, its end after {played.end_after_s:.1f} s"
    sys.stderr.write(f"{breakage.name}: {times}\n")
    return breakage.name, played


if __name__ == "__main__":
    logging.disable()
    with ThreadPoolExecutor(2) as players:
        drills = [players.submit(_drilled, each) for each in BREAKAGES]
    if failures := [failure for each in drills if (failure := each.exception())]:
        raise BaseExceptionGroup("no page is written", failures)
    DOCUMENT.write_text(document(dict(each.result() for each in drills)), encoding="utf-8")
