"""The memory of each process of the receiver with 5,000 mailboxes.

One real `run` with web processes, worker and watch: 5,000 appointments, one in each mailbox, are written into the mock
Exchange; then webhooks follow that no calendar shows (somebody typed a note), 100,000 in all. The figures are the most
that a process has had (`VmHWM`), of the web processes the larger one; beside it stands by how much it grew over the
second half of the webhooks.
"""

import argparse
import http.client
import math
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from benchmarks.ews_storm import refuse_memory
from benchmarks.figures import Direction, Directions, add_options, report
from benchmarks.proc import peak_mb, receiver_processes, resident_mb
from benchmarks.town import Town, town
from benchmarks.webhooks import Appointments

CLIENTS = 8
TIMEOUT_S = 600.0
DIRECTIONS: Directions = {
    "*_rss_mb": Direction.LESS,
    "web_rss_growth_mb": Direction.LESS,
    "memory_writing_s": Direction.LESS,
    "memory_*": Direction.NEUTRAL,
}


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--mailboxes", type=int, default=5_000)
    options.add_argument("--webhooks", type=int, default=100_000, help="in all")
    add_options(options)
    arguments = options.parse_args()
    refuse_memory(arguments.folder)
    with tempfile.TemporaryDirectory(prefix="rdv-bench-", dir=arguments.folder) as folder:
        figures = measure(Path(folder).resolve(), arguments.mailboxes, arguments.webhooks)
    report(figures, arguments.json, DIRECTIONS)


def measure(folder: Path, mailboxes: int, webhooks: int) -> dict[str, float]:
    """Return the figures."""
    appointments = Appointments(mailboxes)
    with town(folder, mailboxes) as place:
        begun = time.monotonic()
        flood(place, mailboxes, appointments.created)
        _wait_for_entries(place, mailboxes)
        written_s = time.monotonic() - begun
        half = (webhooks - mailboxes) // 2
        flood(place, half, lambda turn: appointments.annotated(turn % mailboxes, turn))
        before = _now_mb(place, "web")
        flood(place, half, lambda turn: appointments.annotated(turn % mailboxes, half + turn))
        _wait_until_judged(folder / "store.db")
        return {
            **_peaks(place),
            "web_rss_growth_mb": _now_mb(place, "web") - before,
            "memory_mailboxes": mailboxes,
            "memory_webhooks": mailboxes + 2 * half,
            "memory_writing_s": written_s,
        }


class Endpoint(Protocol):
    """Where webhooks go."""

    @property
    def webhooks(self) -> str:
        """Return the address."""
        ...

    def signed(self, body: bytes) -> dict[str, str]:
        """Return the headers of a webhook."""
        ...


def flood(place: Endpoint, count: int, body: Callable[[int], bytes]) -> None:
    """Send so many webhooks from several clients at once, as fast as they are answered.

    Raises:
        RuntimeError: one was not accepted.

    """
    share = math.ceil(count / CLIENTS)
    shares = [range(start, min(start + share, count)) for start in range(0, count, share)]
    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(lambda numbers: _client(place, numbers, body), shares))


def _client(place: Endpoint, numbers: Sequence[int], body: Callable[[int], bytes]) -> None:
    """Send over one connection, which the server keeps open."""
    url = urlsplit(place.webhooks)
    with closing(http.client.HTTPConnection(url.hostname or "", url.port, timeout=30)) as connection:
        for number in numbers:
            content = body(number)
            connection.request("POST", url.path, content, place.signed(content))
            answer = connection.getresponse()
            answer.read()
            if answer.status != 202:
                raise RuntimeError(f"webhook {number} was answered by {answer.status}")


def _wait_for_entries(place: Town, count: int) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while place.state()["items"] < count:
        if time.monotonic() > deadline:
            raise TimeoutError("the entries never came")
        time.sleep(0.5)


def _wait_until_judged(database: Path) -> None:
    """Wait for the worker: it comes behind the webhooks."""
    deadline = time.monotonic() + TIMEOUT_S
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        while connection.execute("SELECT 1 FROM inbox LIMIT 1").fetchone():
            if time.monotonic() > deadline:
                raise TimeoutError("webhooks are left that nobody judges")
            time.sleep(0.5)


def _peaks(place: Town) -> dict[str, float]:
    peaks: dict[str, float] = {}
    for process in receiver_processes(place.supervisor):
        name = f"{process.role}_rss_mb"
        peaks[name] = max(peaks.get(name, 0.0), peak_mb(process.pid))
    return peaks


def _now_mb(place: Town, role: str) -> float:
    sizes: Iterator[float | None] = (
        resident_mb(each.pid) for each in receiver_processes(place.supervisor) if each.role == role
    )
    return max(size for size in sizes if size is not None)


if __name__ == "__main__":
    main()
