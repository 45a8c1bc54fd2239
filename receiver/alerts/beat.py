"""The heartbeats of the watch, by which a dead or hanging one is noticed. A failure to write one delays no alert."""

import threading
import time
from contextlib import closing, suppress
from datetime import timedelta

from receiver import logs
from receiver.alerts.check import OpenStore
from receiver.config import Settings
from receiver.operations.support.check import STORE_ERRORS
from receiver.store import heartbeats

BEAT_EVERY_S = 15.0
ONCE_EVERY = timedelta(minutes=1)
"""How often `watch --once` is run, where no watch runs all the time."""

log = logs.get("watch")


class Beat:
    """Writes the heartbeats of the loop, each in a thread of its own. The next one waits until the thread has ended."""

    def __init__(self, open_store: OpenStore) -> None:
        self._open_store = open_store
        self._due = 0.0
        self._thread: threading.Thread | None = None

    def turn(self, settings: Settings) -> None:
        """Begin to write a heartbeat if one is due. Never waits."""
        is_writing = self._thread is not None and self._thread.is_alive()
        if is_writing or time.monotonic() < self._due:
            return
        self._due = time.monotonic() + BEAT_EVERY_S
        # A daemon: a thread that never ends must not keep the process from ending.
        self._thread = threading.Thread(target=beat, args=(settings, self._open_store), daemon=True)
        self._thread.start()


def beat(settings: Settings, open_store: OpenStore, ahead: timedelta = timedelta()) -> None:
    """Write one heartbeat if possible. If not, the checks find out why.

    Args:
        settings: those in force.
        open_store: opens the configured store.
        ahead: when the next run is due, for a watch that ends meanwhile.

    """
    try:
        with suppress(*STORE_ERRORS), closing(open_store(settings)) as store:
            if store.standing().usable:
                store.write(heartbeats.beat, heartbeats.WATCH, store.now() + ahead)
    except Exception:  # alerts must go on: no other process sends them
        log.exception("unforeseen", errand="heartbeat")
