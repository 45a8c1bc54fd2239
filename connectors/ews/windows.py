"""Windows of time into which a search is divided when the server does not answer all of its results. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from connectors.ews.errors import INCOMPLETE, CallFailed

SECOND = timedelta(seconds=1)
"""What EWS measures in."""


@dataclass(frozen=True, slots=True)
class Window:
    """The moments from `start` on and before `end`; None: without a bound."""

    start: datetime | None = None
    end: datetime | None = None

    def divided(self, seen: Iterable[datetime]) -> tuple["Window", "Window"]:
        """Return two halves of about as many results, by some of the results' moments in this window.

        Raises:
            CallFailed: nothing was seen, or all results are within one second: the search cannot be completed.

        """
        moments = sorted(seen)
        if not moments:
            raise CallFailed(INCOMPLETE)
        middle = moments[len(moments) // 2]
        if self.start is not None and middle <= self.start:
            middle = next((each for each in moments if each > self.start), self.start + SECOND)
        if self.end is not None and middle >= self.end:
            raise CallFailed(INCOMPLETE)
        return Window(self.start, middle), Window(middle, self.end)
