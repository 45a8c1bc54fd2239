"""Limits how many connections to a server are used for mailboxes that may not exist there.

As long as most of them turn out to exist, as on the first day, there is no limit.
"""

import threading
from collections import deque

from receiver.store import MailboxWork

REMEMBERED = 8
"""How many of the last attempts count for the limit."""
SHARE = 4
"""Unknown mailboxes get one of this number of connections, and one of this number of turns."""

KNOWN_FIRST, UNKNOWN_FIRST, KNOWN_ONLY = (True, False), (False, True), (True,)


class UnknownMailboxes:
    """Shared by the threads of one server."""

    def __init__(self, connections: int) -> None:
        self._connections = connections
        self._lock = threading.Lock()
        self._at_work = 0
        self._turns = 0
        self._failed: deque[bool] = deque(maxlen=REMEMBERED)

    def admit(self) -> tuple[bool, ...]:
        """Return which mailboxes a thread may claim, in order. If unknown ones are among them, it must call `leave`."""
        with self._lock:
            if self._at_work >= self._bound():
                return KNOWN_ONLY
            self._at_work += 1
            self._turns += 1
            # Otherwise, if known mailboxes always had work, a new mailbox would never be tried.
            return UNKNOWN_FIRST if self._turns % SHARE == 0 else KNOWN_FIRST

    def leave(self, kinds: tuple[bool, ...], work: MailboxWork | None, *, failed: bool) -> None:
        """Report which mailbox was claimed under these kinds, and whether nothing could be done in it."""
        with self._lock:
            if kinds != KNOWN_ONLY:
                self._at_work -= 1
            if work is not None and not work.known:
                self._failed.append(failed)

    def claimed(self, kinds: tuple[bool, ...], work: MailboxWork | None) -> tuple[bool, ...]:
        """Give the place back at once if a known mailbox was claimed, or none; return the kinds to pass to `leave`."""
        if kinds == KNOWN_ONLY or (work is not None and not work.known):
            return kinds
        with self._lock:
            self._at_work -= 1
        return KNOWN_ONLY

    def _bound(self) -> int:
        if sum(self._failed) * 2 <= len(self._failed):
            return self._connections
        return max(self._connections // SHARE, 1)
