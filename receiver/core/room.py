"""How much free space the store's disk must have: one rule for refusing webhooks, for the trouble and for `check`.

It combines bytes and a share. Bytes alone would refuse on a small disk that is nearly empty; a share alone would raise
an alarm on a large disk with hundreds of gigabytes free.
"""

from dataclasses import dataclass
from enum import StrEnum

MIB = 1024 * 1024
LEFT_FREE_BYTES, LEFT_FREE_SHARE = 100 * MIB, 0.05
"""Reserved for the worker, whichever is less: it must be able to record what it wrote into calendars."""
LEAST_BYTES = 4 * MIB
"""Reserved in any case: the journal of one transaction must fit, however small the disk."""
LOW_BYTES, LOW_SHARE = 2048 * MIB, 0.10
"""Below both, an administrator should free space."""


class Room(StrEnum):
    """How much space is free."""

    ENOUGH = "enough"
    LOW = "low"
    """Webhooks are still accepted."""
    LACKING = "lacking"
    """Webhooks are refused; the emitter will retry them."""


@dataclass(frozen=True, slots=True)
class Disk:
    """The disk that holds the store, in bytes, as an unprivileged process may use it."""

    free: int
    total: int

    @property
    def share(self) -> float:
        """The free share, from 0 to 1."""
        return self.free / self.total if self.total else 0.0

    @property
    def room(self) -> Room:
        """How much space is free, by the rule above."""
        if self.free < LEAST_BYTES or (self.free < LEFT_FREE_BYTES and self.share < LEFT_FREE_SHARE):
            return Room.LACKING
        if self.free < LOW_BYTES and self.share < LOW_SHARE:
            return Room.LOW
        return Room.ENOUGH
