"""Sleeps until there may be something new: PostgreSQL notifies all hosts; SQLite is polled."""

import socket
import time
from contextlib import suppress
from select import POLLIN, poll
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from receiver.store.database.engine import own_connection
from receiver.store.database.errors import StoreUnavailable

CHANNEL = "rdv_receiver"
"""Channel of PostgreSQL's NOTIFY: appending webhooks notifies it when they are on disk."""
POLL_S = 0.1
"""Longest sleep without notifications: with SQLite, and while the listening connection is lost."""
RECONNECT_S = 5.0


class Wakeup:
    """One sleeper. `wake` may be called from any thread and from a signal handler, all else from one thread."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        # A pipe, as a wait on the database connection alone would not notice a signal handler.
        self._alarm, self._button = socket.socketpair()
        self._alarm.setblocking(False)
        self._button.setblocking(False)
        self._ears: Any = None
        """The driver's connection that listens; None: none, or lost."""
        self._listen_due = 0.0 if engine.dialect.name == "postgresql" else float("inf")

    def wait(self, timeout_s: float) -> bool:
        """Sleep until something may be new, or the timeout; return whether something may be new. Raises nothing."""
        if self._begin_to_listen():
            return True  # listening begins only now: something may have come before
        if self._ears is None:
            timeout_s = min(timeout_s, POLL_S)
        try:
            if not self._sleep(timeout_s):
                return False
            # Read both to the end: what is left would end the next sleep.
            return self._is_woken() | self._has_news()
        except self._engine.dialect.loaded_dbapi.Error:
            self._stop_listening()
            return True

    def wake(self) -> None:
        """End the sleep, or the next one."""
        with suppress(OSError):  # the pipe is full, so it wakes up anyway, or it is closed
            self._button.send(b"!")

    def close(self) -> None:
        """Stop listening, and close everything."""
        self._stop_listening()
        self._listen_due = float("inf")
        self._alarm.close()
        self._button.close()

    def _sleep(self, timeout_s: float) -> bool:
        """Return whether something came in."""
        awaited = poll()
        awaited.register(self._alarm, POLLIN)
        if self._ears is not None:
            awaited.register(self._ears.fileno(), POLLIN)
        return bool(awaited.poll(timeout_s * 1000))

    def _is_woken(self) -> bool:
        with suppress(BlockingIOError):
            return bool(self._alarm.recv(4096))
        return False

    def _has_news(self) -> bool:
        return self._ears is not None and bool(list(self._ears.notifies(timeout=0)))

    def _begin_to_listen(self) -> bool:
        if self._ears is not None or time.monotonic() < self._listen_due:
            return False
        with suppress(SQLAlchemyError, StoreUnavailable, self._engine.dialect.loaded_dbapi.Error):
            self._ears = own_connection(self._engine)
            self._ears.execute(f"LISTEN {CHANNEL}")
            return True
        self._stop_listening()
        self._listen_due = time.monotonic() + RECONNECT_S
        return False

    def _stop_listening(self) -> None:
        if self._ears is not None:
            self._ears.close()
        self._ears = None
