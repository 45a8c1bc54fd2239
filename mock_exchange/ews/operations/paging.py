"""Pages of a list of results, with the attributes by which a client continues."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from mock_exchange.errors import EwsError
from mock_exchange.xml.elements import Element

MAX_RESULTS = 1000
"""Exchange's default throttling policy answers at most so many at once (EwsFindCountLimit)."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some results, and where they stand among all."""

    results: Sequence[T]
    attributes: dict[str, str]


def page(results: Sequence[T], view: Element | None, limit: int = MAX_RESULTS) -> Page[T]:
    """Return the window that an IndexedPage view asks for; as many as the limit lets where there is no view.

    Raises:
        EwsError: the view's offset is negative.

    """
    offset, asked, backward = 0, limit, False
    if view is not None:
        offset, backward = int(view.get("Offset", "0")), view.get("BasePoint") == "End"
        asked = min(limit, int(view.get("MaxEntriesReturned", str(limit))))
    if offset < 0:
        raise EwsError("ErrorInvalidIndexedPagingParameters", "The offset must not be negative.")
    if backward:
        return _from_end(results, offset, asked)
    end = min(len(results), offset + asked)
    return Page(results[offset:end], _attributes(len(results), end >= len(results), end))


def _from_end(results: Sequence[T], offset: int, asked: int) -> Page[T]:
    end = max(0, len(results) - offset)
    start = max(0, end - asked)
    return Page(results[start:end], _attributes(len(results), start == 0, len(results) - start))


def _attributes(total: int, last: bool, next_offset: int) -> dict[str, str]:
    return {
        "IndexedPagingOffset": str(next_offset),
        "TotalItemsInView": str(total),
        "IncludesLastItemInRange": "true" if last else "false",
    }
