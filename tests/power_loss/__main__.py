"""`python -m tests.power_loss`: cut the power at so many moments, print what was found, write it down if asked to."""

import argparse
import logging
import math
import signal
import sys
from collections.abc import Iterable

from tests.power_loss import disk
from tests.power_loss.drill import Examined, Order, Result, run
from tests.power_loss.record import DOCUMENT, HEADER, append, line
from tests.power_loss.stores import KINDS

CUTS_IN_A_LIFE, CARELESS_CUTS = 25, 5


def main() -> int:
    """Return 0 if all was as it must be, 1 if not, 2 if the power cannot be cut here."""
    options = _parser().parse_args()
    if missing := disk.missing():
        sys.stderr.write(f"missing here: {missing}\n")
        return 2
    logging.disable()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what was started and mounted ends with the drill
    stores = [options.store] if options.store else list(KINDS)
    results = [_held(options, store) for store in stores]
    return 0 if all(result.passed for result in results) else 1


def _held(options: argparse.Namespace, store: str) -> Result:
    lives = math.ceil(options.cuts / CUTS_IN_A_LIFE)
    cuts = math.ceil(options.cuts / lives)
    careless = options.careless_webhooks, min(cuts, CARELESS_CUTS), options.careless
    result = run(Order(store, options.seed, lives, options.webhooks, cuts, *careless))
    sys.stdout.write("\n".join([*_told(result.failures), HEADER, line(result), ""]))
    sys.stdout.flush()
    if options.record:
        append(DOCUMENT, result)
    return result


def _told(failures: Iterable[Examined]) -> Iterable[str]:
    for each in failures:
        yield f"life {each.life}, {each.cut}, {each.fate}: {each.verdict}; left in {each.left}"


def _parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(prog="python -m tests.power_loss", description=__doc__)
    options.add_argument("--seed", type=int, required=True, help="draws the cuts and what outlives them")
    options.add_argument("--cuts", type=int, default=100, help="moments that are looked at, of each kind of store")
    options.add_argument("--store", choices=list(KINDS), help="one kind alone")
    options.add_argument("--webhooks", type=int, default=1500, help="acknowledged in each life")
    options.add_argument("--careless-webhooks", type=int, default=500, help="acknowledged with durability switched off")
    options.add_argument(
        "--careless", metavar="WAY", default="", help="how: NORMAL or OFF; fsync or synchronous_commit"
    )
    options.add_argument("--record", action="store_true", help="add a line to docs/power-loss.md")
    return options


if __name__ == "__main__":
    sys.exit(main())
