"""Notes in the store of processes that refused a new configuration, so that every screen shows it."""

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
"""A note that was not renewed for this time is of a process that has ended."""
CAUSES = ("file", "csv")


class Notice:
    """Writes the notes of one process about its configuration."""

    def __init__(self, command: str) -> None:
        """Write nothing yet.

        Args:
            command: the command of the process: ``serve``, ``worker``...

        """
        self._process = f"{command}/{socket.gethostname()[:60]}"
        self._written: Refused | None = None
        self._due: datetime | None = None

    def is_due(self, refused: Refused | None, now: datetime) -> bool:
        """Whether there is a change, or the last note is about to expire."""
        if self._due is None or refused != self._written:
            return True
        return refused is not None and not self._due - RENEWED <= now < self._due

    def write(self, store: Store, refused: Refused | None, now: datetime) -> None:
        """Write the note if it is due.

        Raises:
            StoreUnavailable: it is written the next time.

        """
        if not self.is_due(refused, now):
            return
        since = {refused.cause: int(refused.since.timestamp())} if refused is not None else {}
        store.write(
            counters.record, {}, {f"{PREFIX}{each}/{self._process}": since.get(each, 0) for each in CAUSES}, now
        )
        self._written, self._due = refused, now + RENEWED


def refusals(figures: Mapping[str, Figure], now: datetime) -> Iterator[RefusedConfiguration]:
    """Return the configurations that running processes refused."""
    for name, figure in sorted(figures.items()):
        if name.startswith(PREFIX) and figure.value and now - figure.taken_at < FORGOTTEN:
            _, cause, process = name.split("/", 2)
            yield RefusedConfiguration(process, cause, datetime.fromtimestamp(figure.value, UTC))
