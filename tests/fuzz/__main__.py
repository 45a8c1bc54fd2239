"""Try many bodies, or one again: ``python -m tests.fuzz --bodies 1000000 --seed 1``."""

import argparse
import json
import os
import sys
import warnings
from pathlib import Path

from tests.fuzz.mutation import body
from tests.fuzz.run import Tally, many, one

TOLD = 20


def main(words: list[str] | None = None) -> int:
    """Return 0 where everything held."""
    options = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    options.add_argument("--bodies", type=int, default=100_000)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--seconds", type=float, metavar="LIMIT", help="stop after so long, however many it was")
    options.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    options.add_argument("--json", type=Path, metavar="FILE", help="write the figures down")
    options.add_argument("--only", type=int, metavar="NUMBER", help="try this one body of the seed again, and show it")
    arguments = options.parse_args(words)
    if arguments.only is not None:
        with warnings.catch_warnings(action="error"):
            return _replay(arguments.seed, arguments.only)
    tally = many(arguments.seed, arguments.bodies, arguments.jobs, arguments.seconds)
    figures = _figures(tally)
    _print(*(f"{name}: {value}" for name, value in figures.items()), *_details(arguments.seed, tally))
    if arguments.json:
        arguments.json.write_text(json.dumps({"seed": arguments.seed, **figures}, indent=2), "utf-8")
    return 1 if tally.failures else 0


def _replay(seed: int, number: int) -> int:
    """Try one body, and let what does not hold come out with its traceback. It is an invented one: it is shown."""
    tried = body(seed, number)
    _print(" ".join(tried.kinds), f"{tried.emitter} {len(tried.content)} bytes", ascii(tried.content[:20_000]))
    result, _ = one(seed, number)
    _print(f"{result.verdict.value} in {result.spent_us:.0f} us")
    return 0


def _figures(tally: Tally) -> dict[str, float]:
    verdicts = {name: tally.verdicts[name] for name in ("accepted", "irrelevant", "invalid")}
    return {
        "bodies": tally.bodies,
        **verdicts,
        "unholdable": tally.unholdable,
        "failures": len(tally.failures),
        "bodies_per_second": round(tally.bodies / tally.spent_s),
        "slowest_us": round(tally.slowest[0].spent_us) if tally.slowest else 0,
    }


def _details(seed: int, tally: Tally) -> list[str]:
    """Say which bodies were slow and which failed; nothing of what stands in them."""
    slow = [
        f"slow: {it.spent_us:.0f} us, {it.size} bytes, --seed {seed} --only {it.number} ({' '.join(it.kinds)})"
        for it in tally.slowest
    ]
    failed = [f"FAILED: {it.what}: --seed {seed} --only {it.number}" for it in tally.failures[:TOLD]]
    return slow + failed


def _print(*lines: str) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))


if __name__ == "__main__":
    sys.exit(main())
