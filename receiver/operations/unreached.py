"""Word that the watch leaves in the store of addresses at which no alert arrives, so that every screen tells it."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

from receiver.core.trouble_rules import Unreached
from receiver.store import Store, counters
from receiver.store.counters import Figure

PREFIX = "alerts/"
RENEWED = timedelta(minutes=1)
FORGOTTEN = timedelta(minutes=3)
"""After so long without a renewal nobody tries any more: the watch is gone, or has nobody to tell."""

Since = Mapping[int, datetime | None]
"""By place in `alerts.to`: since when nothing arrives there; None: what is sent arrives."""


class Word:
    """What the watch says of its recipients."""

    def __init__(self) -> None:
        """Say nothing yet."""
        self._said: Since = {}
        self._due: datetime | None = None

    def leave(self, store: Store, since: Since, now: datetime) -> None:
        """Leave word where there is news, or the last word is about to be forgotten.

        Raises:
            StoreUnavailable: it is left the next time.

        """
        is_over = self._due is None or not self._due - RENEWED <= now < self._due
        if since == self._said and not (is_over and any(since.values())):
            return
        # A place that is gone from the configuration is told to be well, as its last word would be.
        places = dict.fromkeys(self._said) | dict(since)
        store.write(counters.record, {}, {f"{PREFIX}{place}": _stamp(moment) for place, moment in places.items()}, now)
        self._said, self._due = dict(since), now + RENEWED


def _stamp(moment: datetime | None) -> int:
    return int(moment.timestamp()) if moment else 0


def unreached(figures: Mapping[str, Figure], now: datetime) -> tuple[Unreached, ...]:
    """Return the addresses at which nothing arrives."""
    return tuple(_unreached(figures, now))


def _unreached(figures: Mapping[str, Figure], now: datetime) -> Iterator[Unreached]:
    for name, figure in sorted(figures.items()):
        if name.startswith(PREFIX) and figure.value and now - figure.taken_at < FORGOTTEN:
            yield Unreached(f"alerts.to[{name.removeprefix(PREFIX)}]", datetime.fromtimestamp(figure.value, UTC))
