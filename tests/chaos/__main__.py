"""`python -m tests.chaos`: hold a drill, print its verdict, and write it down where asked to."""

import argparse
import json
import logging
import signal
import sys
from dataclasses import asdict
from pathlib import Path

from tests.chaos.drill import Order, Result, run
from tests.chaos.record import DOCUMENT, again, append, line

LONGEST_LINE = 400


def main() -> int:
    """Return 0 if all was as it must be, 1 if not."""
    options = _parser().parse_args()
    logging.disable()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # everything that was started ends with the drill
    order = Order(options.seed, options.minutes, options.store, options.rate, options.pace)
    result = run(order)
    _tell(result)
    if options.json:
        options.json.write_text(json.dumps(asdict(result), indent=2) + "\n", "utf-8")
    if options.record:
        append(DOCUMENT, result)
    return 0 if result.passed else 1


def _tell(result: Result) -> None:
    counts = {name: value for name, value in asdict(result).items() if name != "violations"}
    lines = [json.dumps(counts), *(violation[:LONGEST_LINE] for violation in result.violations), line(result)]
    if not result.passed:
        lines += [f"left in {result.folder}; the same blows again: {again(result.order)}"]
    sys.stdout.write("\n".join(lines) + "\n")


def _parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    options.add_argument("--seed", type=int, required=True, help="draws the workload, the line and the blows")
    options.add_argument("--minutes", type=float, default=1.0, help="under load and blows; peace comes after")
    options.add_argument("--store", choices=["sqlite", "postgresql"], default="sqlite")
    options.add_argument("--rate", type=float, default=100.0, help="webhooks a second, at most")
    options.add_argument("--pace", type=float, default=1.5, help="seconds between two blows, on average")
    options.add_argument("--json", type=Path, metavar="FILE", help="write the result there as well")
    options.add_argument("--record", action="store_true", help="add a line to docs/chaos.md")
    return options


if __name__ == "__main__":
    sys.exit(main())
