"""Word that a process leaves of itself in the store, so that all others tell it: a configuration that it refused."""

import socket
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

from receiver.config.reload import Refused
from receiver.core.trouble_rules import RefusedConfiguration
from receiver.store import Store, counters
from receiver.store.counters import Figure

PREFIX = "configuration/"
RENEWED = timedelta(minutes=1)
FORGOTTEN = timedelta(minutes=3)
"""After so long without a renewal the process is gone, and its configuration with it."""
CAUSES = ("file", "csv")


class Word:
    """What one process says of the configuration that it runs with."""

    def __init__(self, command: str) -> None:
        """Say nothing yet.

        Args:
            command: what the process is: ``serve``, ``worker``...

        """
        self._process = f"{command}/{socket.gethostname()[:60]}"
        self._said: Refused | None = None
        self._due: datetime | None = None

    def is_due(self, refused: Refused | None, now: datetime) -> bool:
        """Whether there is news, or the last word is about to be forgotten."""
        if self._due is None or refused != self._said:
            return True
        return refused is not None and not self._due - RENEWED <= now < self._due

    def leave(self, store: Store, refused: Refused | None, now: datetime) -> None:
        """Leave word where it is due.

        Raises:
            StoreUnavailable: it is left the next time.

        """
        if not self.is_due(refused, now):
            return
        store.write(
            counters.record, {}, {f"{PREFIX}{each}/{self._process}": _since(refused, each) for each in CAUSES}, now
        )
        self._said, self._due = refused, now + RENEWED


def _since(refused: Refused | None, cause: str) -> int:
    return int(refused.since.timestamp()) if refused is not None and refused.cause == cause else 0


def refusals(figures: Mapping[str, Figure], now: datetime) -> Iterator[RefusedConfiguration]:
    """Return what processes that live refused."""
    for name, figure in sorted(figures.items()):
        if name.startswith(PREFIX) and figure.value and now - figure.taken_at < FORGOTTEN:
            _, cause, process = name.split("/", 2)
            yield RefusedConfiguration(process, cause, datetime.fromtimestamp(figure.value, UTC))
