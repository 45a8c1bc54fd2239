"""What a recording disk was told, in order, and what a cut of power leaves of it.

A write outlives the cut if a flush was answered after it. Of the writes since the last flush any part may: a drive
keeps them in memory and writes them when and in which order it likes, sector by sector.
"""

import os
import struct
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from random import Random

from tests.power_loss import disk

WRITE, FLUSH = 1, 2
SECTOR = 512
BUSY = 2
"""So many writes between two flushes are more than usual."""
_HEAD = struct.Struct("<BQI")


def header(kind: int, offset: int, size: int) -> bytes:
    """Return the head of a record; the data of a write stands behind it."""
    return _HEAD.pack(kind, offset, size)


class Survival(StrEnum):
    """What becomes of the writes that no flush has made sure of."""

    NONE = "none"
    ALL = "all"
    SOME = "some"
    """Each by chance, whatever came before or after it."""
    TORN = "torn"
    """Each sector of each by chance."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A cut of power."""

    after: int
    """So many records were answered before it."""
    survival: Survival
    seed: int


@dataclass(frozen=True, slots=True)
class _Write:
    at: int
    """Where its data stands in the log."""
    offset: int
    """Where on the disk it belongs."""
    size: int


@dataclass(frozen=True)
class Recording:
    """All that one disk was told while it was mounted."""

    log: Path
    records: tuple[_Write | None, ...]
    """In order; None is a flush."""
    ends: tuple[int, ...]
    """Position in the log where each record ends."""

    @cached_property
    def flushes(self) -> Sequence[int]:
        """How many records were answered before each flush."""
        return [number for number, record in enumerate(self.records) if record is None]

    @property
    def busy(self) -> Sequence[int]:
        """Those of the flushes that at least `BUSY` writes had waited for."""
        return [flush for before, flush in pairwise([-1, *self.flushes]) if flush - before > BUSY]

    def answered(self, position: int) -> int:
        """Return how many records were complete when the log had that length."""
        return bisect_right(self.ends, position)

    def flushed(self, after: int) -> int:
        """Return how many of so many records outlive a cut for certain: those up to the last flush."""
        flushes = bisect_left(self.flushes, after)
        return self.flushes[flushes - 1] + 1 if flushes else 0


def read(log: Path) -> Recording:
    """Read a log, up to a last record that was never finished."""
    records: list[_Write | None] = []
    ends: list[int] = []
    at, size = 0, log.stat().st_size
    with log.open("rb") as file:
        while at + _HEAD.size <= size:
            kind, offset, length = _HEAD.unpack(os.pread(file.fileno(), _HEAD.size, at))
            data = at + _HEAD.size
            at = data + length
            if at > size:
                break
            records.append(_Write(data, offset, length) if kind == WRITE else None)
            ends.append(at)
    return Recording(log, tuple(records), tuple(ends))


@dataclass(frozen=True, slots=True)
class Fate:
    """What a cut did to the writes that were under way."""

    pending: int
    """Writes since the last flush."""
    lost: int
    """How many of their bytes are gone."""


class Aftermath:
    """Rebuilds the disk as cuts have left it: one after the other, never back in time."""

    def __init__(self, recording: Recording, before: Path, folder: Path) -> None:
        self._recording, self._folder = recording, folder
        self._sure = folder / "sure.img"
        self._applied = 0
        disk.copy(before, self._sure)

    def image(self, cut: Cut, made: Path) -> Fate:
        """Write the disk as this cut left it."""
        flushed = self._recording.flushed(cut.after)
        with self._recording.log.open("rb") as log:
            self._bring_up_to(flushed, log.fileno())
            disk.copy(self._sure, made)
            return self._add_survivors(range(flushed, cut.after), cut, log.fileno(), made)

    def _bring_up_to(self, flushed: int, log: int) -> None:
        if flushed < self._applied:
            raise ValueError("cuts must be asked for in order")
        with self._sure.open("r+b") as file:
            for number in range(self._applied, flushed):
                if write := self._recording.records[number]:
                    os.pwrite(file.fileno(), os.pread(log, write.size, write.at), write.offset)
        self._applied = flushed

    def _add_survivors(self, pending: range, cut: Cut, log: int, made: Path) -> Fate:
        chance, lost = Random(cut.seed), 0
        likely = chance.choice((0.1, 0.5, 0.9))
        with made.open("r+b") as file:
            for number in pending:
                write = self._recording.records[number]
                if write is None:
                    continue
                data = os.pread(log, write.size, write.at)
                for start, end in _survivors(write.size, cut.survival, chance, likely):
                    os.pwrite(file.fileno(), data[start:end], write.offset + start)
                    lost -= end - start
                lost += write.size
        return Fate(len(pending), lost)


def _survivors(size: int, survival: Survival, chance: Random, likely: float) -> Iterator[tuple[int, int]]:
    """Yield the parts of a write that reach the disk, as (start, end)."""
    whole = survival is Survival.ALL or (survival is Survival.SOME and chance.random() < likely)
    if whole:
        yield 0, size
    if survival is Survival.TORN:
        for start in range(0, size, SECTOR):
            if chance.random() < likely:
                yield start, min(start + SECTOR, size)
