"""A table for people."""

import sys
from collections.abc import Iterable, Sequence

from receiver.cli import output

WIDTH_OF_FILES = 200
"""Where the report goes into a file, lines need not fit a screen."""


def print_table(columns: Iterable[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows under the names of their columns; what could steer a terminal is defused."""
    # Imported where it is drawn: it costs what no service needs.
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table()
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(output.printable(cell)) for cell in row))
    Console(width=None if sys.stdout.isatty() else WIDTH_OF_FILES).print(table)
