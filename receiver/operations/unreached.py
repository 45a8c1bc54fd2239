"""Addresses at which no alert arrives: `watch` writes them into the store, so that every screen shows them."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from receiver.core.trouble_rules import Unreached
from receiver.store import Store, counters
from receiver.store.counters import Figure

PREFIX = "alerts/"
RENEWED = timedelta(minutes=1)
FORGOTTEN = timedelta(minutes=3)
"""A note that was not renewed for this time is ignored: `watch` has ended, or has no recipient."""

Since = Mapping[int, datetime | None]
"""By place in `alerts.to`: since when nothing arrives there; None: messages arrive."""


class Notice:
    """The notes of `watch` about its recipients."""

    def __init__(self) -> None:
        """Write nothing yet."""
        self._written: Since = {}
        self._due: datetime | None = None

    def write(self, store: Store, since: Since, now: datetime) -> None:
        """Write the notes that changed or are about to expire.

        Raises:
            StoreUnavailable: it is written the next time.

        """
        is_over = self._due is None or not self._due - RENEWED <= now < self._due
        if since == self._written and not (is_over and any(since.values())):
            return
        # Otherwise the last note of a place that is no longer configured would stay.
        places = dict.fromkeys(self._written) | dict(since)
        stamps = {place: int(moment.timestamp()) if moment else 0 for place, moment in places.items()}
        store.write(counters.record, {}, {f"{PREFIX}{place}": stamp for place, stamp in stamps.items()}, now)
        self._written, self._due = dict(since), now + RENEWED


def unreached(figures: Mapping[str, Figure], now: datetime) -> tuple[Unreached, ...]:
    """Return the addresses at which nothing arrives."""
    return tuple(
        Unreached(f"alerts.to[{name.removeprefix(PREFIX)}]", datetime.fromtimestamp(figure.value, UTC))
        for name, figure in sorted(figures.items())
        if name.startswith(PREFIX) and figure.value and now - figure.taken_at < FORGOTTEN
    )
