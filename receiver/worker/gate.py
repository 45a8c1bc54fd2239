"""Keeps a worker away from a server that is down: it is probed now and then, not hammered by every mailbox."""

import random
import threading
from datetime import datetime, timedelta

from connectors.base import ConnectorError, Temporary
from receiver.core.backoff import delay_s


class Gate:
    """One calendar server as seen by one worker. Shared by its threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._troubles = 0
        self._closed_until: datetime | None = None
        self._probing = False

    def enter(self, now: datetime) -> bool:
        """Whether a thread may work now. After a trouble one alone goes first, to see. Who enters must leave."""
        with self._lock:
            if self._closed_until is None:
                return True
            if now < self._closed_until or self._probing:
                return False
            self._probing = True
            return True

    def leave(self, error: ConnectorError | None, now: datetime, *, asked: bool) -> None:
        """Say how it went.

        Args:
            error: the server's trouble; None: it has none.
            now: the moment.
            asked: whether anything was asked of the server at all.

        """
        with self._lock:
            self._probing = False
            if error is not None:
                self._close(error, now)
            elif asked:
                self._troubles, self._closed_until = 0, None

    def _close(self, error: ConnectorError, now: datetime) -> None:
        if self._closed_until is not None and now < self._closed_until:
            return  # another thread has just told of the same trouble
        self._troubles += 1
        asked_s = error.retry_after_s if isinstance(error, Temporary) else None
        wait_s = delay_s(self._troubles, asked_s, random.random())
        self._closed_until = now + timedelta(seconds=wait_s)
