"""Detects that a source's platform may be a known one under a new name.

Under a new name each webhook would make a second event, and a second entry besides the existing one.
"""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

from receiver.config import Settings, Source
from receiver.operations.lost_names import configured_platforms
from receiver.store import Store, StoreUnavailable
from receiver.store.reports import names

LOOK_EVERY = timedelta(seconds=5)


class Platforms:
    """Checks the store until a platform is known there, and then not again."""

    def __init__(self, settings: Settings, store: Store, clock: Callable[[], datetime]) -> None:
        self._configured = configured_platforms(settings)
        self._store = store
        self._clock = clock
        self._lock = threading.Lock()
        self._known: set[str] = set()
        self._looked: dict[str, tuple[datetime, bool]] = {}
        """By source: when it was last checked, and the result."""

    def is_doubtful(self, source: Source) -> bool:
        """Whether a source's platform is unknown, and one that is not configured has events of the same emitter."""
        if source.platform in self._known:
            return False
        with self._lock:
            now = self._clock()
            looked_at, found = self._looked.get(source.name, (None, False))
            if looked_at is None or not looked_at <= now < looked_at + LOOK_EVERY:
                found = self._check(source, now)
                self._looked[source.name] = now, found
            return found

    def _check(self, source: Source, now: datetime) -> bool:
        try:
            if self._store.read(names.is_known_platform, source.platform):
                self._known.add(source.platform)
                return False
            return self._store.read(names.has_lost_events, self._configured, source.emitter, source.organisations, now)
        except StoreUnavailable:  # or a web host without pages, which may not read: the alarm reports it
            return False
