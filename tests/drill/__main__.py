"""`python -m tests.drill` plays every breakage, some at a time, and writes docs/drill.md; it takes about 15 minutes.

It needs root, loop devices and
e2fsprogs, a C compiler, and PostgreSQL's server programs.
"""

import argparse
import logging
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.drill.breakage import Breakage
from tests.drill.breakages import BREAKAGES
from tests.drill.record import Record
from tests.drill.scene import drill
from tests.drill.table import DOCUMENT, document

AT_ONCE = 3
"""They wait more than they work."""


def _drilled(breakage: Breakage, record: Record) -> None:
    """Play one, say so, and write it down."""
    start = time.monotonic()
    try:
        played = drill(breakage)
    except BaseException as error:
        sys.stderr.write(f"{breakage.name}: FAILED after {time.monotonic() - start:.1f} s: {error}\n")
        raise
    told = ", ".join(f"{screen} {played.told[screen].said} {played.told[screen].after_s:.1f}" for screen in played.told)
    green = ", ".join(f"{screen} {played.green[screen].after_s:.1f}" for screen in played.told)
    sys.stderr.write(f"{breakage.name} ({time.monotonic() - start:.1f} s)\n  told: {told}\n  green again: {green}\n")
    record.add(breakage, played)


def main(arguments: argparse.Namespace) -> None:
    """Play those that were chosen; write the page where every one has been played.

    Raises:
        BaseExceptionGroup: what failed.

    """
    logging.disable()
    record = Record(arguments.resume)
    names = tuple(arguments.names)
    chosen = [each for each in BREAKAGES if not names or each.name.startswith(names)]
    with ThreadPoolExecutor(arguments.at_once) as players:
        drills = [players.submit(_drilled, each, record) for each in chosen if record.of(each) is None]
    if failures := [failure for each in drills if (failure := each.exception())]:
        raise BaseExceptionGroup("no page is written", failures)
    played = {each.name: found for each in BREAKAGES if (found := record.of(each))}
    if len(played) == len(BREAKAGES):
        DOCUMENT.write_text(document(played), encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser("python -m tests.drill", description=__doc__)
    parser.add_argument("names", nargs="*", help="how the breakages begin that are played; all, where none is given")
    parser.add_argument("--at-once", type=int, default=AT_ONCE, help="so many are played at a time")
    parser.add_argument("--resume", type=Path, help="a file of what has been played: that is not played again")
    main(parser.parse_args())
