"""Lists of values too long for one statement, in parts that every database takes."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")

AT_ONCE = 500
"""So many values in one statement are within what every database takes."""


def chunks(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """Yield the values in their order, `AT_ONCE` at a time."""
    for start in range(0, len(values), AT_ONCE):
        yield values[start : start + AT_ONCE]
