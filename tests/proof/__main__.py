"""`python -m tests.proof` explores all bounds and writes docs/proof.md; it takes some five minutes."""

import argparse
import os
import sys
from multiprocessing import get_context

from tests.proof import bounds, exceptions, page
from tests.proof.defects import DEFECTS, put_back
from tests.proof.exceptions import Table
from tests.proof.explorer import Explored, explore
from tests.proof.groups import GROUPS
from tests.proof.judging import MANY, every_order
from tests.proof.life import Life
from tests.proof.rules import Rules

ALL = (*bounds.QUICK, *bounds.FULL, *bounds.WIDE)


def main() -> int:
    """Return 1 where a promise is broken: its story is printed then, and nothing is written."""
    options = argparse.ArgumentParser(prog="python -m tests.proof", description=__doc__)
    options.add_argument("--only", metavar="WORD", help="explore bounds with this word in their name; write nothing")
    options.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes")
    arguments = options.parse_args()
    chosen = [number for number, rules in enumerate(ALL) if not arguments.only or arguments.only in rules.name]
    # Numbers, and forked processes: an error of a connector cannot be sent to another process.
    with get_context("fork").Pool(arguments.jobs) as pool:
        explored = dict(zip((ALL[number] for number in chosen), pool.imap(_life, chosen), strict=True))
        if arguments.only:
            return 1 if any(each.story for each in explored.values()) else 0
        tables = dict(zip(GROUPS, pool.imap(_judging, GROUPS), strict=True))
        found = dict(zip(DEFECTS, pool.imap(_defect, range(len(DEFECTS))), strict=True))
    wrong = [each for table in tables.values() for each in table.unexplained]
    wrong += [each.promise for each in explored.values() if each.story]
    wrong += [f"nobody notices that {defect.name}" for defect, each in found.items() if not each.story]
    if wrong:
        _say("\n".join(wrong))
        return 1
    parts = [{rules: explored[rules] for rules in each} for each in (bounds.QUICK, bounds.FULL, bounds.WIDE)]
    page.DOCUMENT.write_text(page.document(parts, found, tables), encoding="utf-8")
    return 0


def _life(number: int) -> Explored:
    rules: Rules = ALL[number]

    def progress(depth: int, states: int) -> None:
        if depth % 10 == 0:
            _say(f"{rules.name}: depth {depth}, {states} states so far")

    explored = explore(Life(rules), progress=progress)
    _say(f"{rules.name}: {explored.states} states, {explored.transitions} transitions, {explored.seconds:.0f} s")
    if explored.story:
        _say(explored.told)
    return explored


def _judging(name: str) -> Table:
    table = exceptions.table(GROUPS[name], every_order(GROUPS[name], MANY))
    _say(f"judging, {name}: {table.arrivals} arrivals of {table.sets} sets")
    return table


def _defect(number: int) -> Explored:
    defect = DEFECTS[number]
    with put_back(defect):
        explored = explore(Life(defect.rules))
    _say(f"put back: {defect.name}: {len(explored.story) - 1} steps, {explored.seconds:.0f} s")
    return explored


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
