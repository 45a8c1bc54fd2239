"""How much one authority may take out of calendars before somebody is asked. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

ALWAYS_ALLOWED = 20
"""So many entries may go in any case, within an hour and within a day."""


class Span(StrEnum):
    """The spans of time over which losses are added up."""

    HOUR = "hour"
    DAY = "day"


SHARES = {Span.HOUR: 0.25, Span.DAY: 0.5}
"""Of the entries that there were when the span began, so many may go."""
KEPT = timedelta(days=2)


def begin_of(span: Span, now: datetime) -> datetime:
    """Return when the hour or the day of a moment began, in UTC."""
    begin = now.replace(minute=0, second=0, microsecond=0)
    return begin if span is Span.HOUR else begin.replace(hour=0)


@dataclass(frozen=True, slots=True)
class RemovalCounts:
    """What an authority took out of calendars within one span."""

    span: Span
    removed: int = 0
    cancelled: int = 0
    """Counted apart: they are never held."""
    live: int | None = None
    """Entries to come that it had when the span began; None: so little went that nobody counted."""

    def may_remove(self, entries: int) -> bool:
        """Whether so many more entries may go; where that needs `live`, it is there."""
        return self._is_within(self.removed + entries)

    def may_cancel(self, entries: int) -> bool:
        """Whether so many more entries may go because their appointments were cancelled."""
        return self._is_within(self.cancelled + entries)

    def needs_live(self, entries: int) -> bool:
        """Whether so many more entries can be judged only by how many there were."""
        return self.live is None and max(self.removed, self.cancelled) + entries > ALWAYS_ALLOWED

    def began_with(self, left: int, left_of_all: int) -> "RemovalCounts":
        """Add how many entries there were when the span began.

        Args:
            left: so many are left of those.
            left_of_all: of those that were added since, too. They count where hardly any were there, which may all go
                in any case. Else who adds entries first would take out as many more.

        """
        gone = self.removed + self.cancelled
        return replace(self, live=gone + (left if left + gone > ALWAYS_ALLOWED else left_of_all))

    def with_removed(self, entries: int) -> "RemovalCounts":
        """Add what went."""
        return replace(self, removed=self.removed + entries)

    def with_cancelled(self, entries: int) -> "RemovalCounts":
        """Add what was cancelled."""
        return replace(self, cancelled=self.cancelled + entries)

    def _is_within(self, total: int) -> bool:
        return total <= ALWAYS_ALLOWED or total <= (self.live or 0) * SHARES[self.span]
