"""Compares the figures of this checkout with those of another one, measured in alternation.

Each benchmark runs in the old checkout, then in this one, then in the old one again, and so on, each by its own
checkout's code and environment. For every figure stand the least, the median and the greatest of the ratios new/old.
A figure got worse where all its ratios lie above 1.05 (below 1/1.05 where more is better). A benchmark with such a
figure is measured for some rounds more: of a hundred figures, chance alone puts a few above the bound in three rounds.

Exit status 1: a figure got worse, or a benchmark failed; 2: a checkout cannot be measured; 130: interrupted.
"""

import argparse
import json
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

from benchmarks.checkouts import Checkout, Failed, NotPrepared
from benchmarks.figures import Directions
from benchmarks.ratios import Compared, Round, Verdict, compare

INTERRUPTED = 130
HERE = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Bench:
    """A benchmark, and how it is called."""

    name: str
    directions: Callable[[], Directions]
    arguments: Sequence[str] = ()
    quick: Sequence[str] = ()
    """Used instead of `arguments` with `--quick`."""


def _own(name: str) -> Callable[[], Directions]:
    """Return where a benchmark of this checkout declares its directions."""

    def directions() -> Directions:
        declared: Directions = import_module(f"benchmarks.{name}").DIRECTIONS
        return declared

    return directions


def _bench(name: str, arguments: str, quick: str) -> Bench:
    return Bench(name, _own(name), arguments.split(), quick.split())


BENCHES = (
    _bench("ews_storm", "", "--mailboxes 50 --changes 2000 --known-mailboxes 500 --naive 20"),
    _bench("intake", "--rounds 1 --no-webhook", "--rounds 1 --seconds 2 --no-webhook"),
    _bench("pages", "", "--events 50000 --rounds 10"),
    _bench("growth", "--rounds 20", "--small 1000 --large 20000 --rounds 10"),
    _bench("end_to_end", "", "--changes 15"),
    _bench("memory", "--mailboxes 500 --webhooks 8000", "--mailboxes 50 --webhooks 800"),
    _bench(
        "fairness",
        "--webhooks 2000 --changes 20 --every-s 0.5",
        "--webhooks 200 --changes 10 --every-s 0.5 --no-postgresql",
    ),
)
LEFT_OUT = {"compare", "plot", "lone_change", "soak", "trace_webhook"}
"""Not benchmarks, part of another one, or too long."""


@dataclass
class Comparison:
    """One benchmark in both checkouts."""

    bench: Bench
    rounds: list[Round] = field(default_factory=list)
    problem: str = ""
    """`old_only`, `new_only`, `options_unknown`: it cannot be compared; `failed_old`, `failed_new`: it broke."""

    @property
    def figures(self) -> list[Compared]:
        """Return every figure, compared over the rounds there were."""
        return compare(self.rounds, self.bench.directions()) if self.rounds else []

    @property
    def is_broken(self) -> bool:
        """Whether it failed in one of the checkouts."""
        return self.problem.startswith("failed")

    @property
    def is_bad(self) -> bool:
        """Whether it broke, or a figure got worse."""
        return self.is_broken or any(each.verdict.is_bad for each in self.figures)

    @property
    def is_suspect(self) -> bool:
        """Whether a figure got worse in all rounds so far."""
        return any(each.verdict is Verdict.WORSE for each in self.figures)

    def document(self) -> dict[str, object]:
        """Return it for JSON."""
        figures = {each.name: each.document() for each in self.figures}
        return {"problem": self.problem or None, "rounds": len(self.rounds), "figures": figures}


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured, and how often."""

    benches: Sequence[Bench]
    rounds: int
    more: int
    """Maximum of extra rounds after a figure got worse."""
    quick: bool
    limit_s: float
    """Timeout of one run of a benchmark."""

    def arguments(self, bench: Bench) -> Sequence[str]:
        """Return how a benchmark is called."""
        return bench.quick if self.quick else bench.arguments


def main(arguments: Sequence[str] | None = None, benches: Sequence[Bench] = BENCHES, here: Path = HERE) -> int:
    """Measure, print, and return the exit status."""
    options = _parser([bench.name for bench in benches])
    chosen = options.parse_args(arguments)
    if chosen.rounds < 1 or chosen.more < 0:
        options.error("--rounds must be at least 1, --more at least 0")
    signal.signal(signal.SIGINT, signal.default_int_handler)  # otherwise benchmarks may inherit SIG_IGN
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    wanted = [bench for bench in benches if not chosen.only or bench.name in chosen.only]
    plan = Plan(wanted, chosen.rounds, chosen.more, chosen.quick, chosen.limit_s)
    old, new = Checkout(chosen.old.resolve()), Checkout(here)
    found: list[Comparison] = []
    try:
        _prepare(old, new)
        found = [Comparison(bench) for bench in plan.benches]
        if not chosen.only:
            found += [Comparison(bench, problem="old_only") for bench in _strangers(old, benches)]
        for comparison in found:
            measure(comparison, plan, old, new)
            tell(comparison)
        _sum_up(found)
    except NotPrepared as error:
        options.error(str(error))
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    finally:
        if chosen.json and found:
            _write(chosen.json, old, new, found)
    return 1 if any(comparison.is_bad for comparison in found) else 0


def _prepare(old: Checkout, new: Checkout) -> None:
    if old == new:
        raise NotPrepared("OLD must be another checkout than this one")
    for checkout in (old, new):
        checkout.prepare()
    if old.path.stat().st_dev != new.path.stat().st_dev:
        print("note: the checkouts are on different file systems, which may differ in speed", file=sys.stderr)


def _strangers(old: Checkout, benches: Sequence[Bench]) -> list[Bench]:
    """Return benchmarks of the old checkout that this one does not know."""
    known = {bench.name for bench in benches} | LEFT_OUT
    return [Bench(name, dict) for name in sorted(old.programs() - known)]


def _parser(names: Sequence[str]) -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(
        prog="python -m benchmarks.compare",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    options.add_argument("old", type=Path, help="path of the other checkout")
    options.add_argument("--only", action="append", choices=names, help="a benchmark; may be given again")
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--more", type=int, default=3, help="rounds at most that follow where a figure got worse")
    options.add_argument("--quick", action="store_true", help="small sizes: all in about 10 minutes")
    options.add_argument("--limit-s", type=float, default=1800, help="for one run of one benchmark")
    options.add_argument("--json", type=Path, metavar="FILE", help="write values and ratios there")
    return options


def measure(comparison: Comparison, plan: Plan, old: Checkout, new: Checkout) -> None:
    """Run one benchmark in alternation, with extra rounds if a figure got worse."""
    name = comparison.bench.name
    in_old, in_new = name in old.programs(), name in new.programs()
    if not (in_old and in_new):
        comparison.problem = "new_only" if in_new else "old_only"
        return
    done = 0
    while done < plan.rounds or (done < plan.rounds + plan.more and comparison.is_suspect):
        begun = time.monotonic()
        before, after = (_run(comparison, plan, checkout, side) for checkout, side in ((old, "old"), (new, "new")))
        print(f"{name}: round {done + 1}, {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)
        if before is None or after is None:
            return
        comparison.rounds.append((before, after))
        done += 1


def _run(comparison: Comparison, plan: Plan, checkout: Checkout, side: str) -> Mapping[str, float] | None:
    """Run a benchmark once; None: it cannot be compared; the comparison says why."""
    if comparison.problem:
        return None
    bench = comparison.bench
    try:
        return checkout.run(bench.name, plan.arguments(bench), plan.limit_s)
    except Failed as error:
        if error.usage and side == "old":
            comparison.problem = "options_unknown"
        else:
            comparison.problem = f"failed_{side}"
            print(f"{bench.name}: failed in {checkout.path}: {error}\n{error.said}", file=sys.stderr)
        return None


def tell(comparison: Comparison) -> None:
    """Print the figures, one a line."""
    name = comparison.bench.name
    if comparison.problem:
        print(f"{name}: {comparison.problem}")
    for figure in comparison.figures:
        print(f"{name}.{figure.line()}")
    sys.stdout.flush()


def _sum_up(found: Sequence[Comparison]) -> None:
    """Print the reasons of the exit status."""
    for comparison in found:
        names = [figure.name for figure in comparison.figures if figure.verdict.is_bad]
        if comparison.is_bad:
            print(
                f"not good: {comparison.bench.name}: {', '.join([comparison.problem] * comparison.is_broken + names)}"
            )


def _write(file: Path, old: Checkout, new: Checkout, found: Sequence[Comparison]) -> None:
    benches = {each.bench.name: each.document() for each in found if each.rounds or each.problem}
    document = {"old": str(old.path), "new": str(new.path), "benches": benches}
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(document, indent=2), "utf-8")


if __name__ == "__main__":
    sys.exit(main())
