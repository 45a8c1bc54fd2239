"""How many entries one authority may remove before an operator must decide. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

ALWAYS_ALLOWED = 20
"""This number of entries may be removed in any case, within an hour and within a day."""


class Span(StrEnum):
    """The spans of time over which removals are added up."""

    HOUR = "hour"
    DAY = "day"


SHARES = {Span.HOUR: 0.25, Span.DAY: 0.5}
"""The share of the entries at the beginning of the span that may be removed."""
KEPT = timedelta(days=2)
"""How long the counts are stored."""


def begin_of(span: Span, now: datetime) -> datetime:
    """Return the beginning of the hour or day of a moment, in UTC."""
    begin = now.replace(minute=0, second=0, microsecond=0)
    return begin if span is Span.HOUR else begin.replace(hour=0)


@dataclass(frozen=True, slots=True)
class RemovalCounts:
    """What an authority removed within one span."""

    span: Span
    removed: int = 0
    cancelled: int = 0
    """Entries of cancelled appointments; counted apart, as cancellations are never held."""
    live: int | None = None
    """Coming entries at the beginning of the span; None: not counted, as too little was removed to need it."""

    def may_remove(self, entries: int) -> bool:
        """Whether the given number of further entries may be removed. `live` must be known if `needs_live` says so."""
        return self._is_within(self.removed + entries)

    def may_cancel(self, entries: int) -> bool:
        """Whether the given number of further entries of cancelled appointments may be removed; see `may_remove`."""
        return self._is_within(self.cancelled + entries)

    def needs_live(self, entries: int) -> bool:
        """Whether `live` must be counted before the given number of further entries can be judged."""
        return self.live is None and max(self.removed, self.cancelled) + entries > ALWAYS_ALLOWED

    def began_with(self, left: int, left_of_all: int) -> "RemovalCounts":
        """Set `live`, the number of coming entries at the beginning of the span.

        Args:
            left: how many of those entries are left.
            left_of_all: how many are left, entries added since included. These count only if hardly any entries
                existed, all of which may be removed in any case. Otherwise adding entries would raise the limit.

        """
        gone = self.removed + self.cancelled
        return replace(self, live=gone + (left if left + gone > ALWAYS_ALLOWED else left_of_all))

    def with_removed(self, entries: int) -> "RemovalCounts":
        """Add removed entries."""
        return replace(self, removed=self.removed + entries)

    def with_cancelled(self, entries: int) -> "RemovalCounts":
        """Add cancelled entries."""
        return replace(self, cancelled=self.cancelled + entries)

    def _is_within(self, total: int) -> bool:
        return total <= ALWAYS_ALLOWED or total <= (self.live or 0) * SHARES[self.span]
