"""One change on an idle receiver: how many POSTs Exchange gets, and how long until the entry is there.

Everything is real (processes, SQLite on disk, NTLM, HTTP); Exchange is the mock. The baseline, in the same run, is one
bare create through exchangelib with the connection already open: what no receiver could beat.
"""

import argparse
import secrets
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import requests
from exchangelib import CalendarItem, EWSDateTime
from exchangelib.protocol import close_connections

from benchmarks.exchangelib_alone import account_of
from benchmarks.figures import Direction, Directions, add_options, report
from demo import configuration, processes
from demo.processes import ACCOUNT, Secrets
from emitter.delivery import Courier, Delivery
from emitter.platforms import Platform, signer
from emitter.scenarios import build
from emitter.scenarios.cast import KARIM_EMAIL, MARTINE_EMAIL

TIMEOUT_S = 20.0
DIRECTIONS: Directions = {
    "posts_per_lone_change": Direction.LESS,
    "latency_*": Direction.LESS,
    "bare_create_median_ms": Direction.NEUTRAL,
}


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--changes", type=int, default=30)
    add_options(options)
    arguments = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="rdv-bench-", dir=arguments.folder) as folder:
        figures = measure(Path(folder).resolve(), arguments.changes)
    report(figures, arguments.json, DIRECTIONS)


def measure(folder: Path, changes: int) -> dict[str, float]:
    """Return the figures of `changes` lone changes, each after the one before has arrived."""
    keys = Secrets(webhook=secrets.token_hex(16), exchange=secrets.token_urlsafe(16))
    port = processes.free_port()
    with processes.exchange([MARTINE_EMAIL, KARIM_EMAIL], keys, folder / "exchange.log") as server:
        config = configuration.write(folder, server, port)
        with processes.receiver(config, port, keys, folder / "receiver.log"):
            courier = Courier(
                f"http://127.0.0.1:{port}/webhooks/mds", signer(Platform.RDV_SERVICE_PUBLIC, keys.webhook), jobs=1
            )
            control = server.partition("/EWS")[0] + "/mock"
            _lone_change(courier, control)  # the handshake of the first connection is not measured
            before = _posts(control)
            waits = [_lone_change(courier, control) for _ in range(changes)]
            posts = _posts(control) - before
        bare = _bare_creates(server, keys, changes)
    return {
        "posts_per_lone_change": posts / changes,
        "latency_median_ms": statistics.median(waits) * 1000,
        "latency_p99_ms": statistics.quantiles(waits, n=100)[98] * 1000,
        "bare_create_median_ms": statistics.median(bare) * 1000,
        "latency_ratio_bare": statistics.median(waits) / statistics.median(bare),
    }


def _lone_change(courier: Courier, control: str) -> float:
    """Send one new appointment; return the seconds until its entry is in the mailbox."""
    count = _entries(control)
    step = build("create", datetime.now(UTC)).steps[0]
    begun = time.monotonic()
    courier.deliver([Delivery(step.body)])
    _until(lambda: _entries(control) > count)
    return time.monotonic() - begun


def _entries(control: str) -> int:
    items: int = requests.get(f"{control}/state", timeout=10).json()["items"]
    return items


def _posts(control: str) -> int:
    posts: int = requests.get(f"{control}/state", timeout=10).json()["requests"]
    return posts


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("the entry never came")
        time.sleep(0.002)


def _bare_creates(server: str, keys: Secrets, count: int) -> list[float]:
    """Time creates with nothing around them, the connection open and the folder known."""
    account = account_of(KARIM_EMAIL, server, ACCOUNT, keys.exchange)
    start = EWSDateTime.from_datetime(datetime.now(UTC) + timedelta(days=1))
    times = []
    for _ in range(count + 1):
        item = CalendarItem(folder=account.calendar, subject="bare", start=start, end=start + timedelta(hours=1))
        begun = time.monotonic()
        account.bulk_create(account.calendar, [item])
        times.append(time.monotonic() - begun)
    close_connections()
    return times[1:]


if __name__ == "__main__":
    main()
