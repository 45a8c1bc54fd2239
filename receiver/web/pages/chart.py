"""The bars of a week: successes upwards, failures downwards, so that no colour needs to be distinguished."""

from collections.abc import Sequence
from dataclasses import dataclass

from receiver.web.views.week import Bucket

STEP, BAR = 10, 8
UP, DOWN = 100, 40
"""Heights above and below the line."""
SMALLEST = 2
"""The least height, so that one event is visible beside a thousand."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar."""

    x: int
    y: float
    height: float
    good: bool


@dataclass(frozen=True, slots=True)
class Panel:
    """Bars over one axis."""

    bars: tuple[Bar, ...]
    width: int
    highest: int
    """The largest number of one bucket."""
    good: int
    """All successes."""
    bad: int


def panel(week: Sequence[Bucket], good: str, bad: str) -> Panel:
    """Return the bars of two series of the buckets, by name: successes and failures."""
    ups, downs = [getattr(each, good) for each in week], [getattr(each, bad) for each in week]
    unit = max(max(ups) / UP, max(downs) / DOWN, 1e-9)
    bars: list[Bar] = []
    for number, (up, down) in enumerate(zip(ups, downs, strict=True)):
        x = number * STEP + (STEP - BAR) // 2
        if up:
            height = _height(up / unit)
            bars.append(Bar(x, round(UP - height, 1), height, good=True))
        if down:
            bars.append(Bar(x, UP, _height(down / unit), good=False))
    return Panel(tuple(bars), len(week) * STEP, max(*ups, *downs), sum(ups), sum(downs))


def _height(value: float) -> float:
    return round(max(value, SMALLEST), 1)
