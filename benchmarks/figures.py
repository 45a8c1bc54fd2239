"""Output of all benchmarks: one `name: value` a line, and the same as JSON in a file.

Each benchmark declares of every figure whether less or more of it is better, so that two checkouts can be compared.
"""

import argparse
import json
from collections.abc import Mapping
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import Path

POSTGRESQL = "postgresql_"
"""Begins the name of what was measured over PostgreSQL."""


class Direction(StrEnum):
    """Which way a figure gets better."""

    LESS = "less"
    MORE = "more"
    NEUTRAL = "neutral"
    """Neither: an input, or a property of something else than the receiver."""


Directions = Mapping[str, Direction]
"""By the name of a figure, or a pattern of `fnmatch`; the first that fits holds. Without the prefix of PostgreSQL."""


class Undeclared(Exception):
    """Figures without a declared direction; the arguments are their names."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of all benchmarks."""
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    parser.add_argument("--folder", type=Path, default=Path(), help="on a disk: stores are made in there")


def report(figures: Mapping[str, float], file: Path | None, directions: Directions) -> None:
    """Print the figures, and write them down.

    Raises:
        Undeclared: after that; a figure has no direction.

    """
    for name, value in figures.items():
        print(f"{name}: {value:.3f}")
    if file:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(figures, indent=2), "utf-8")
    if missing := undeclared(figures, directions):
        raise Undeclared(*missing)


def undeclared(figures: Mapping[str, float], directions: Directions) -> list[str]:
    """Return the names of the figures that have no direction."""
    return [name for name in figures if direction(name, directions) is None]


def direction(name: str, directions: Directions) -> Direction | None:
    """Return the direction in which a figure gets better; None: not declared."""
    plain = name.removeprefix(POSTGRESQL)
    return next((found for pattern, found in directions.items() if fnmatchcase(plain, pattern)), None)
