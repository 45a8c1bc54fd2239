"""Counts in memory and writes the sums a little later, so that a thousand events do not need a thousand commits."""

import threading
from collections import Counter
from collections.abc import Callable
from datetime import datetime

from receiver.store import Store, StoreUnavailable, counters
from receiver.store.counters import Tally

FLUSH_AFTER_S = 10.0


class Counting:
    """The counts of one process that are not written yet. Thread-safe."""

    def __init__(self, store: Store, clock: Callable[[], datetime], flush_after_s: float | None) -> None:
        self._store = store
        self._clock = clock
        self._flush_after_s = flush_after_s
        self._lock = threading.Lock()
        self._counts: Counter[Tally] = Counter()
        self._seen: dict[str, int] = {}
        self._timer: threading.Timer | None = None

    def count(self, tally: Tally) -> None:
        """Count one. Names are configured ones, never values from a request."""
        with self._lock:
            self._counts[tally] += 1
            self._flush_later()

    def saw(self, figure: str) -> None:
        """Note the present moment as the last time of something, under its figure's name."""
        with self._lock:
            self._seen[figure] = self._seen.get(figure, 0) + 1
            self._flush_later()

    def _flush_later(self) -> None:
        if self._timer is None and self._flush_after_s is not None:
            self._timer = threading.Timer(self._flush_after_s, self.flush)
            self._timer.daemon = True
            self._timer.start()

    def flush(self) -> None:
        """Write the counts; those that cannot be written are kept for the next time."""
        with self._lock:
            counts, self._counts = self._counts, Counter()
            seen, self._seen = self._seen, {}
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
        if not counts and not seen:
            return
        try:
            self._store.write(counters.record, counts, seen, self._clock())
        except StoreUnavailable:
            with self._lock:
                self._counts.update(counts)
                self._seen = seen | self._seen
                self._flush_later()
