"""Many bodies, on several cores."""

import time
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from heapq import nlargest
from multiprocessing import get_context
from random import Random

from tests.fuzz.mutation import body
from tests.fuzz.oracle import Result, Violated, examine

CHUNK = 1000
SLOWEST = 5


@dataclass(frozen=True, slots=True, order=True)
class Slow:
    """A body that the receiver took long over; never what stands in it."""

    spent_us: float
    number: int
    size: int
    kinds: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Failure:
    """A body of which something did not hold."""

    number: int
    what: str


@dataclass(slots=True)
class Tally:
    """What many bodies came to."""

    bodies: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)
    unholdable: int = 0
    spent_s: float = 0.0
    slowest: list[Slow] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)

    def add(self, other: "Tally") -> None:
        """Take in what another came to."""
        self.bodies += other.bodies
        self.verdicts += other.verdicts
        self.unholdable += other.unholdable
        self.slowest = nlargest(SLOWEST, self.slowest + other.slowest)
        self.failures += other.failures


def one(seed: int, number: int) -> tuple[Result, Slow]:
    """Try one body.

    Raises:
        Exception: what did not hold, or what nobody named.

    """
    tried = body(seed, number)
    result = examine(tried, Random(f"{seed}/{number}/oracle"))
    return result, Slow(result.spent_us, number, len(tried.content), tried.kinds)


def some(seed: int, first: int, last: int) -> Tally:
    """Try the bodies from one number up to another."""
    tally = Tally()
    for number in range(first, last):
        tally.bodies += 1
        try:
            result, slow = one(seed, number)
        except Violated as error:
            tally.failures.append(Failure(number, str(error)))
        except Exception as error:  # noqa: BLE001  # that none comes out is what is being tried
            tally.failures.append(Failure(number, type(error).__name__))
        else:
            tally.verdicts[result.verdict.value] += 1
            tally.unholdable += result.unholdable
            tally.slowest.append(slow)
    tally.slowest = nlargest(SLOWEST, tally.slowest)
    return tally


def many(seed: int, bodies: int, jobs: int, limit_s: float | None) -> Tally:
    """Try that many bodies, or as many as the time allows."""
    started = time.monotonic()
    total = Tally()
    with get_context("spawn").Pool(jobs, warnings.simplefilter, ("error",)) as pool:
        for tally in pool.imap_unordered(_chunk, _chunks(seed, bodies)):
            total.add(tally)
            if limit_s is not None and time.monotonic() - started > limit_s:
                break
    total.spent_s = time.monotonic() - started
    total.slowest = sorted((_again(seed, slow) for slow in total.slowest), reverse=True)
    return total


def _chunks(seed: int, bodies: int) -> Iterator[tuple[int, int, int]]:
    for first in range(0, bodies, CHUNK):
        yield seed, first, min(first + CHUNK, bodies)


def _chunk(span: tuple[int, int, int]) -> Tally:
    return some(*span)


def _again(seed: int, slow: Slow) -> Slow:
    """Measure once more: on a busy machine, any body may have been waiting for its turn."""
    return min([slow, *(one(seed, slow.number)[1] for _ in range(3))])
