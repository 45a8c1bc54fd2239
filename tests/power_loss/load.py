"""Webhooks from several threads at once, and the moment in the disk's log at which each was acknowledged."""

import itertools
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import requests

from benchmarks.webhooks import Appointments
from emitter.platforms import Platform, signer
from tests.power_loss.programs import SECRET

THREADS = 8
AGENTS = 40
PATIENCE_S = 120.0
STRIDE = 1_000_000
"""Between the numbers of two threads' appointments: no body is ever sent twice."""
_BACK = 5
"""An appointment moves so many appointments after it was made, and goes after twice as many."""


class TooSlow(Exception):
    """Too few webhooks were acknowledged in time; the receiver's log tells why."""


@dataclass
class Load:
    """What was sent into one disk, and answered. Thread-safe."""

    log: Path
    first: int
    """Number of the first appointment; no other load over the same store may come near it."""
    acknowledged: dict[bytes, int] = field(default_factory=dict)
    """Body to the length of the disk's log when its 2xx had arrived."""
    unacknowledged: int = 0
    """Answered otherwise, or not at all: may be there or not."""

    def __post_init__(self) -> None:
        self._bodies = [_bodies(self.first + thread * STRIDE) for thread in range(THREADS)]

    @property
    def written(self) -> int:
        """The length of the disk's log at this moment."""
        return self.log.stat().st_size

    def run(self, url: str, count: int) -> None:
        """Send to an address until so many more are acknowledged.

        Raises:
            TooSlow: they were not in time.

        """
        wanted, deadline = len(self.acknowledged) + count, time.monotonic() + PATIENCE_S
        with ThreadPoolExecutor(THREADS, thread_name_prefix="load") as pool:
            running = [pool.submit(self._send, url, bodies, wanted, deadline) for bodies in self._bodies]
        for each in running:
            each.result()
        if len(self.acknowledged) < wanted:
            raise TooSlow

    def _send(self, url: str, bodies: Iterator[bytes], wanted: int, deadline: float) -> None:
        sign = signer(Platform.RDV_SERVICE_PUBLIC, SECRET)
        with requests.Session() as session:
            while len(self.acknowledged) < wanted and time.monotonic() < deadline:
                body = next(bodies)
                try:
                    status = session.post(url, body, headers=dict(sign(body)), timeout=20).status_code
                except requests.RequestException:
                    status = 0
                if 200 <= status < 300:
                    self.acknowledged[body] = self.written
                else:
                    self.unacknowledged += 1


def _bodies(first: int) -> Iterator[bytes]:
    """Tell of appointments that come, move and go: each body another."""
    appointments = Appointments(AGENTS)
    for number in itertools.count(first):
        yield appointments.created(number)
        if number >= first + _BACK:
            yield appointments.moved(number - _BACK)
        if number >= first + 2 * _BACK:
            yield appointments.destroyed(number - 2 * _BACK)
