"""How every benchmark says what it found: one `name: value` a line, and the same in a file where one is asked for."""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what all benchmarks take."""
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    parser.add_argument("--folder", type=Path, default=Path(), help="on a disk: stores are made in there")


def report(figures: Mapping[str, float], file: Path | None) -> None:
    """Print the figures, and write them down."""
    for name, value in figures.items():
        print(f"{name}: {value:.3f}")
    if file:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(figures, indent=2), "utf-8")
