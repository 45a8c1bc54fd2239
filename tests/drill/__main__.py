"""`python -m tests.drill` plays every breakage, some at a time, and writes docs/drill.md; it takes about 15 minutes.

Names that follow choose the breakages that they begin, and no page is written. It needs root, loop devices and
e2fsprogs, a C compiler, and PostgreSQL's server programs.
"""

import logging
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from tests.drill.breakage import Breakage
from tests.drill.breakages import BREAKAGES
from tests.drill.play import Played
from tests.drill.scene import drill
from tests.drill.screens import Screen
from tests.drill.table import DOCUMENT, document

AT_ONCE = 3
"""They wait more than they work."""


def _drilled(breakage: Breakage) -> tuple[str, Played]:
    """Play one, and say so."""
    start = time.monotonic()
    try:
        played = drill(breakage)
    except BaseException as error:
        sys.stderr.write(f"{breakage.name}: FAILED after {time.monotonic() - start:.1f} s: {error}\n")
        raise
    told = ", ".join(f"{screen} {played.told[screen].said} {played.told[screen].after_s:.1f}" for screen in played.told)
    green = ", ".join(f"{screen} {played.green[screen].after_s:.1f}" for screen in played.told)
    sys.stderr.write(f"{breakage.name} ({time.monotonic() - start:.1f} s)\n  told: {told}\n  green again: {green}\n")
    return breakage.name, played


def main(names: list[str]) -> None:
    """Play those whose names begin so; all, where none is given.

    Raises:
        BaseExceptionGroup: what failed.

    """
    logging.disable()
    chosen = [each for each in BREAKAGES if not names or each.name.startswith(tuple(names))]
    with ThreadPoolExecutor(AT_ONCE) as players:
        drills = [players.submit(_drilled, each) for each in chosen]
    if failures := [failure for each in drills if (failure := each.exception())]:
        raise BaseExceptionGroup("no page is written", failures)
    if not names:
        DOCUMENT.write_text(document(dict(each.result() for each in drills)), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
