"""`python -m tests.proof` explores all bounds and writes docs/proof.md; it takes some ten minutes."""

import argparse
import sys
from collections.abc import Sequence

from tests.proof import bounds, exceptions, page
from tests.proof.defects import DEFECTS, put_back
from tests.proof.explorer import Explored, explore
from tests.proof.groups import GROUPS
from tests.proof.judging import MANY, every_order
from tests.proof.life import Life
from tests.proof.rules import Rules


def main() -> int:
    """Return 1 where a promise is broken: its story is printed then, and nothing is written."""
    options = argparse.ArgumentParser(prog="python -m tests.proof", description=__doc__)
    options.add_argument(
        "--only", metavar="WORD", help="explore the bounds with this word in their name; write nothing"
    )
    arguments = options.parse_args()
    if arguments.only:
        chosen = [rules for rules in (*bounds.FULL, *bounds.WIDE) if arguments.only in rules.name]
        return 0 if _all(chosen) else 1
    explored = [_all(each) for each in (bounds.QUICK, bounds.FULL, bounds.WIDE)]
    tables = {name: exceptions.table(pool, every_order(pool, MANY)) for name, pool in GROUPS.items()}
    unexplained = [each for table in tables.values() for each in table.unexplained]
    _say("\n".join(unexplained) or f"judging: {sum(table.arrivals for table in tables.values())} arrivals")
    if not all(explored) or unexplained:
        return 1
    defects = {}
    for defect in DEFECTS:
        with put_back(defect):
            defects[defect] = _explored(defect.rules)
        _say(f"found, with {len(defects[defect].story) - 1} steps: {defect.name}")
    page.DOCUMENT.write_text(page.document(explored, defects, tables), encoding="utf-8")
    return 0


def _all(chosen: Sequence[Rules]) -> dict[Rules, Explored]:
    """Explore some bounds; return nothing where a promise is broken."""
    explored = {}
    for rules in chosen:
        explored[rules] = found = _explored(rules)
        _say(f"{rules.name}: {found.states} states, {found.transitions} transitions, {found.seconds:.0f} s")
        if found.story:
            _say(found.told)
            return {}
    return explored


def _explored(rules: Rules) -> Explored:
    return explore(Life(rules), progress=_progress if sys.stderr.isatty() else None)


def _progress(depth: int, states: int) -> None:
    sys.stderr.write(f"\rdepth {depth}: {states} states ")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
