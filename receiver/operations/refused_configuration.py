"""Word that a process leaves of itself in the store, so that all others tell it: a configuration that it refused."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

from receiver.core.health import Refusal
from receiver.store import Figure

PREFIX = "configuration/"
RENEWED = timedelta(minutes=1)
FORGOTTEN = timedelta(minutes=3)
"""After so long without a renewal the process is gone, and its configuration with it."""
CAUSES = ("file", "csv")


def refusal(process: str, cause: str, since: datetime) -> Mapping[str, int]:
    """Return the figures that say that a process goes on with an old configuration."""
    return {_name(process, each): int(since.timestamp()) if each == cause else 0 for each in CAUSES}


def none_refused(process: str) -> Mapping[str, int]:
    """Return the figures that say that it goes on with the newest."""
    return {_name(process, each): 0 for each in CAUSES}


def refusals(figures: Mapping[str, Figure], now: datetime) -> Iterator[Refusal]:
    """Return what processes that live refused."""
    for name, figure in sorted(figures.items()):
        if name.startswith(PREFIX) and figure.value and now - figure.taken_at < FORGOTTEN:
            _, cause, process = name.split("/", 2)
            yield Refusal(process, cause, datetime.fromtimestamp(figure.value, UTC))


def _name(process: str, cause: str) -> str:
    return f"{PREFIX}{cause}/{process}"
