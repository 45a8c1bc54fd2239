"""Counts refused requests in memory and writes the sums down now and then: a stranger's request costs no commit."""

import threading
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta

from receiver.store import Store, StoreUnavailable

FLUSH_EVERY = timedelta(seconds=30)


class Rejections:
    """Counts by (source, reason) of one process."""

    def __init__(self, store: Store, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock
        self._lock = threading.Lock()
        self._counts: Counter[tuple[str, str]] = Counter()
        self._flush_due = clock() + FLUSH_EVERY

    def count(self, source: str, reason: str) -> None:
        """Count one refusal. `source` is a configured name, never what the request said."""
        with self._lock:
            self._counts[source, reason] += 1
            if self._clock() < self._flush_due:
                return
        self.flush()

    def flush(self) -> None:
        """Write the counts down; those that cannot be written are kept for the next time."""
        now = self._clock()
        with self._lock:
            counts, self._counts = self._counts, Counter()
            self._flush_due = now + FLUSH_EVERY
        try:
            if counts:
                self._store.count_rejections(counts, now)
        except StoreUnavailable:
            with self._lock:
                self._counts.update(counts)
