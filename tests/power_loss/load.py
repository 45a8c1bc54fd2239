"""Webhooks from several threads at once, and the moment in the disk's log at which each was acknowledged."""

import itertools
import threading
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
STRIDE = 1_000_000
"""Between the numbers of two threads' appointments: no body is ever sent twice."""
_BACK = 5
"""An appointment moves so many appointments after it was made, and goes after twice as many."""


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
    _stopping: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._bodies = [_bodies(self.first + thread * STRIDE) for thread in range(THREADS)]

    def run(self, url: str, seconds: float) -> None:
        """Send to an address for so long; what went wrong in a thread is raised at the end."""
        self._stopping.clear()
        with ThreadPoolExecutor(THREADS, thread_name_prefix="load") as pool:
            running = [pool.submit(self._send, url, bodies) for bodies in self._bodies]
            self._stopping.wait(seconds)
            self._stopping.set()
        for each in running:
            each.result()

    def _send(self, url: str, bodies: Iterator[bytes]) -> None:
        sign = signer(Platform.RDV_SERVICE_PUBLIC, SECRET)
        with requests.Session() as session:
            while not self._stopping.is_set():
                body = next(bodies)
                try:
                    status = session.post(url, body, headers=dict(sign(body)), timeout=20).status_code
                except requests.RequestException:
                    status = 0
                if 200 <= status < 300:
                    self.acknowledged[body] = self.log.stat().st_size
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
