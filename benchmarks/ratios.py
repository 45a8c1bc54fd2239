"""Compares a figure of two checkouts that were measured in alternation: ratios new/old, their spread, and a verdict."""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from benchmarks.figures import Direction, Directions, direction

TOLERATED = 1.05
"""A figure got worse if it is worse by more than this factor in every round."""

Round = tuple[Mapping[str, float], Mapping[str, float]]
"""The figures of the old checkout, and those of the new one measured right after it."""


class Verdict(StrEnum):
    """The verdict on one figure."""

    WORSE = "worse"
    BETTER = "better"
    """By more than is tolerated, in every round."""
    SAME = "same"
    NEUTRAL = "neutral"
    NO_RATIO = "no_ratio"
    """A value is negative: a ratio would be meaningless."""
    OLD_ONLY = "old_only"
    NEW_ONLY = "new_only"
    UNDECLARED = "undeclared"
    """No direction is declared for this figure."""

    @property
    def is_bad(self) -> bool:
        """Whether a comparison that holds such a figure fails."""
        return self in {Verdict.WORSE, Verdict.UNDECLARED}


@dataclass(frozen=True, slots=True)
class Compared:
    """One figure in both checkouts."""

    name: str
    direction: Direction | None
    old: tuple[float, ...]
    """By round; empty: it exists in the new checkout alone."""
    new: tuple[float, ...]
    verdict: Verdict

    @property
    def ratios(self) -> tuple[float, ...]:
        """Return new/old by round; empty where these are not compared."""
        if self.verdict in {Verdict.NO_RATIO, Verdict.OLD_ONLY, Verdict.NEW_ONLY, Verdict.UNDECLARED}:
            return ()
        return tuple(_ratio(old, new) for old, new in zip(self.old, self.new, strict=True))

    def line(self) -> str:
        """Return one `name: value` line: least, median and greatest ratio, and the verdict."""
        spread = " ".join(f"{value:.3f}" for value in spread_of(self.ratios).values())
        better = f"{self.direction} is better" if self.direction in {Direction.LESS, Direction.MORE} else ""
        return f"{self.name}: " + ", ".join(word for word in (spread, self.verdict, better) if word)

    def document(self) -> dict[str, object]:
        """Return it for JSON; null: an infinite ratio."""
        return {
            "verdict": self.verdict,
            "direction": self.direction,
            "old": self.old,
            "new": self.new,
            "ratios": [_finite(ratio) for ratio in self.ratios],
            **{word: _finite(value) for word, value in spread_of(self.ratios).items()},
        }


def _finite(ratio: float) -> float | None:
    """JSON knows no infinite number."""
    return ratio if math.isfinite(ratio) else None


def spread_of(ratios: Sequence[float]) -> dict[str, float]:
    """Return minimum, median and maximum; empty for no values."""
    return {"min": min(ratios), "median": statistics.median(ratios), "max": max(ratios)} if ratios else {}


def compare(rounds: Sequence[Round], directions: Directions) -> list[Compared]:
    """Compare every figure of a benchmark that ran to its end in both checkouts, at least once."""
    names = dict.fromkeys(name for pair in rounds for figures in pair for name in figures)
    return [_compared(name, rounds, directions) for name in names]


def _compared(name: str, rounds: Sequence[Round], directions: Directions) -> Compared:
    pairs = [(old[name], new[name]) for old, new in rounds if name in old and name in new]
    towards = direction(name, directions)
    if not pairs:
        old_values = tuple(old[name] for old, _ in rounds if name in old)
        new_values = tuple(new[name] for _, new in rounds if name in new)
        return Compared(name, towards, old_values, new_values, Verdict.OLD_ONLY if old_values else Verdict.NEW_ONLY)
    olds, news = (tuple(values) for values in zip(*pairs, strict=True))
    return Compared(name, towards, olds, news, judge(pairs, towards))


def judge(pairs: Sequence[tuple[float, float]], towards: Direction | None) -> Verdict:
    """Judge a figure by its values (old, new), one pair for each round."""
    if towards is None:
        return Verdict.UNDECLARED
    if any(min(pair) < 0 for pair in pairs):
        return Verdict.NO_RATIO
    if towards is Direction.NEUTRAL:
        return Verdict.NEUTRAL
    turned = pairs if towards is Direction.LESS else [(new, old) for old, new in pairs]
    harm = [_ratio(good, bad) for good, bad in turned]
    if min(harm) > TOLERATED:
        return Verdict.WORSE
    return Verdict.BETTER if all(_ratio(bad, good) > TOLERATED for good, bad in turned) else Verdict.SAME


def _ratio(old: float, new: float) -> float:
    """Return new/old: 1 for two zeros, infinite if only the old value is 0."""
    if old == 0:
        return 1.0 if new == 0 else float("inf")
    return new / old
