"""Makes a client that sends wrong tokens wait, longer each time; other clients do not wait.

Tokens cannot be guessed; this protects the server from the load of attempts.
"""

import math
import threading
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta

FREE = 5
"""This number of mistakes has no consequence: people may paste a part of a token."""
LONGEST_S = 60
FORGOTTEN_AFTER = timedelta(hours=1)
REMEMBERED = 1000
"""The most clients that are kept; the one without attempts for longest is dropped first."""


class LoginThrottle:
    """The wrong tokens of one process, by client. Thread-safe."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._wrong: OrderedDict[str, tuple[int, datetime]] = OrderedDict()

    def note(self, client: str) -> None:
        """Record a mistake."""
        with self._lock:
            times, _ = self._known(client)
            self._wrong[client] = times + 1, self._clock()
            self._wrong.move_to_end(client)
            while len(self._wrong) > REMEMBERED:
                self._wrong.popitem(last=False)

    def forgive(self, client: str) -> None:
        """Delete this client's mistakes: a right token came."""
        with self._lock:
            self._wrong.pop(client, None)

    def pause_s(self, client: str) -> int:
        """Return for how many seconds this client's attempts are refused; 0: they are not."""
        with self._lock:
            times, last = self._known(client)
        if times < FREE:
            return 0
        pause = min(1 << min(times - FREE, 10), LONGEST_S)
        return max(0, math.ceil(pause - (self._clock() - last).total_seconds()))

    def _known(self, client: str) -> tuple[int, datetime]:
        times, last = self._wrong.get(client, (0, self._clock()))
        return (0, last) if self._clock() - last > FORGOTTEN_AFTER else (times, last)
