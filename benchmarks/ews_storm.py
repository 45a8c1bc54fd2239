"""A burst of 20,000 changes over 500 mailboxes, compared with a lower bound and with a naive receiver.

Everything is real: the store on a disk, the worker process, the EWS connector with NTLM over four connections; Exchange
is the mock, in a process of its own, with 40 ms before each answer. The worker was down while the changes came in, as
after a failure; its time runs from its start until the last change is recorded, so deciding what changed is part of it.

The storm meets a running system: the mailboxes were asked about (four POSTs each, once in a mailbox's life) when their
first entries were written. That first installation is run before, and printed as figures of its own.

The bound is, summed over mailboxes and verbs, one POST for 100 changes, 40 ms each over four connections, plus the
processor time that exchangelib alone needs to write the requests and read the answers. The mock's own processor time is
in none of it, though it is part of our time: it is printed, so that a slow mock can be told from a slow receiver.
"""

import argparse
import json
import math
import os
import secrets
import sqlite3
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import requests

from benchmarks import exchangelib_alone, lone_change
from benchmarks.figures import Direction, Directions, add_options, report
from benchmarks.proc import cpu_s, peak_mb
from benchmarks.storm_facts import Size, address, first_states, storm
from demo import configuration, processes
from demo.processes import ACCOUNT, Secrets
from receiver.operations.support.check import file_system, mount_table
from receiver.store import Incoming, Store
from receiver.store.intake import judge_batch

LATENCY_MS = 40.0
CONNECTIONS = 4
BATCH = 100
INTAKE_BATCH = 500
TIMEOUT_S = 120.0
NAIVE_MAILBOX = "naive@departement.example"
IN_MEMORY = {"tmpfs", "ramfs"}
DIRECTIONS: Directions = {
    "storm_ratio_bound": Direction.LESS,
    "storm_ratio_naive": Direction.MORE,
    "posts_per_lone_change": Direction.LESS,
    "client_cpu_ms_per_change": Direction.LESS,
    "worker_*": Direction.LESS,
    "storm_seconds": Direction.LESS,
    "storm_posts": Direction.LESS,
    "storm_largest_batch": Direction.NEUTRAL,
    "bound_*": Direction.NEUTRAL,
    "exchangelib_cpu_ms_per_change": Direction.NEUTRAL,
    "naive_seconds_per_change": Direction.NEUTRAL,
    "mock_cpu_*": Direction.NEUTRAL,
    "installation_changes": Direction.NEUTRAL,
    "installation_*": Direction.LESS,
    "known_mailboxes": Direction.NEUTRAL,
    "cores": Direction.NEUTRAL,
    "load": Direction.NEUTRAL,
}


@dataclass(frozen=True, slots=True)
class Run:
    """What one run of the worker took."""

    seconds: float
    worker_cpu_s: float
    mock_cpu_s: float
    posts: Counter[str]
    largest_batch: int
    rss_mb: float


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--mailboxes", type=int, default=500)
    options.add_argument("--changes", type=int, default=20_000, help="in all, the same number in each mailbox")
    options.add_argument(
        "--known-mailboxes", type=int, default=5_000, help="in the store, those of the storm among them"
    )
    options.add_argument("--naive", type=int, default=60, help="changes that the naive way is tried on")
    add_options(options)
    arguments = options.parse_args()
    refuse_memory(arguments.folder)
    size = Size(arguments.mailboxes, arguments.changes // arguments.mailboxes)
    with tempfile.TemporaryDirectory(prefix="rdv-bench-", dir=arguments.folder) as folder:
        figures = measure(Path(folder).resolve(), size, arguments.known_mailboxes, arguments.naive)
    report(figures, arguments.json, DIRECTIONS)


def refuse_memory(folder: Path) -> None:
    """Exit with an error if the folder is not on a disk: commits would cost nothing."""
    path = folder.resolve()
    kind = file_system(path, mount_table())
    if kind in IN_MEMORY:
        raise SystemExit(f"{path} is on {kind}; choose a --folder on a disk")


def measure(folder: Path, size: Size, known_mailboxes: int, naive: int) -> dict[str, float]:
    """Return the figures."""
    (folder / "lone").mkdir()
    lone = lone_change.measure(folder / "lone", 5)
    keys = Secrets(webhook=secrets.token_hex(16), exchange=secrets.token_urlsafe(16))
    boxes = [NAIVE_MAILBOX, *(address(mailbox) for mailbox in range(size.mailboxes))]
    with exchange(boxes, keys, folder / "mock.log") as (server, mock):
        config = configuration.write(folder, server, processes.free_port(), timeout_s=30)
        store = Store(f"sqlite:///{folder}/store.db")
        store.migrate()
        accept(store, first_states(size, datetime.now(UTC)))
        installation = run_worker(folder, config, server, mock, keys)
        know_mailboxes(folder / "store.db", known_mailboxes - size.mailboxes)
        accept(store, storm(size, datetime.now(UTC)))
        store.close()
        ours = run_worker(folder, config, server, mock, keys)
        check(server, size)
        alone_ms = exchangelib_alone.cpu_ms(size.created, size.updated, size.deleted)
        naive_s = measure_naive(server, keys, size, naive)
    bound_s = bound(size, alone_ms)
    return {
        "storm_ratio_bound": ours.seconds / bound_s,
        "storm_ratio_naive": naive_s * size.total / ours.seconds,
        "posts_per_lone_change": lone["posts_per_lone_change"],
        "client_cpu_ms_per_change": ours.worker_cpu_s * 1000 / size.total,
        "worker_rss_mb": ours.rss_mb,
        "storm_seconds": ours.seconds,
        "bound_seconds": bound_s,
        "bound_posts": bound_posts(size),
        "exchangelib_cpu_ms_per_change": alone_ms,
        "naive_seconds_per_change": naive_s,
        "storm_posts": ours.posts.total(),
        "storm_largest_batch": ours.largest_batch,
        "mock_cpu_seconds": ours.mock_cpu_s,
        "mock_cpu_ms_per_post": ours.mock_cpu_s * 1000 / ours.posts.total(),
        "worker_cpu_seconds": ours.worker_cpu_s,
        "installation_seconds": installation.seconds,
        "installation_changes": size.mailboxes * size.before,
        "installation_posts": installation.posts.total(),
        "installation_cpu_ms_per_change": installation.worker_cpu_s * 1000 / (size.mailboxes * size.before),
        "known_mailboxes": known_mailboxes,
        "cores": os.cpu_count() or 0,
        "load": os.getloadavg()[0],
    }


def bound_posts(size: Size) -> int:
    """Return the fewest POSTs: one for each mailbox, verb and 100 changes."""
    return size.mailboxes * sum(math.ceil(count / BATCH) for count in (size.created, size.updated, size.deleted))


def bound(size: Size, alone_ms: float) -> float:
    """Return a lower bound, in seconds, for a receiver that uses exchangelib."""
    return bound_posts(size) * LATENCY_MS / 1000 / CONNECTIONS + size.total * alone_ms / 1000


@contextmanager
def exchange(boxes: Sequence[str], keys: Secrets, log: Path) -> Iterator[tuple[str, int]]:
    """Run the mock; yield its address and its process id."""
    options = [word for box in boxes for word in ("--mailbox", box)]
    account = ["--auth", "ntlm", "--user", ACCOUNT, "--password-env", "RDV_EXCHANGE_PASSWORD"]
    command = ["mock_exchange", *options, *account, "--latency-ms", str(LATENCY_MS)]
    with processes.running(command, keys.environment, log) as process:
        line = process.stdout.readline() if process.stdout else ""
        if not line:
            raise processes.NotStarted(str(log))
        yield json.loads(line)["url"], process.pid


def accept(store: Store, news: Sequence[Incoming]) -> None:
    """Post webhooks while no worker runs."""
    for start in range(0, len(news), INTAKE_BATCH):
        store.write(judge_batch.take, news[start : start + INTAKE_BATCH], datetime.now(UTC))


def know_mailboxes(database: Path, more: int) -> None:
    """Make mailboxes that the storm does not touch, each with an entry, as a large office has them."""
    numbers = [
        {"number": 900_000 + number, "address": f"other.{number:04}@departement.example"} for number in range(more)
    ]
    with closing(sqlite3.connect(database)) as connection, connection:
        for table, changed in _COPIES:
            columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
            values = ", ".join(changed.get(column, column) for column in columns)
            connection.executemany(
                f"INSERT INTO {table} ({', '.join(columns)}) SELECT {values} FROM {table} WHERE id = "
                f"(SELECT min(id) FROM {table})",
                numbers,
            )


_COPIES: tuple[tuple[str, Mapping[str, str]], ...] = (
    ("mailboxes", {"id": ":number", "address": ":address", "identity": ":address"}),
    ("events", {"id": ":number", "uid": "uid || :number", "wire_id": ":number", "uuid": "uuid || :number"}),
    ("placements", {"id": ":number", "event_id": ":number", "mailbox_id": ":number", "item_id": "item_id || :number"}),
)


def run_worker(folder: Path, config: Path, server: str, mock: int, keys: Secrets) -> Run:
    """Start the worker; return what it took until the calendars are right."""
    control = server.partition("/EWS")[0] + "/mock"
    requests.delete(f"{control}/requests", timeout=30).raise_for_status()
    log = folder / f"worker-{time.monotonic_ns()}.log"
    with processes.running(["receiver", "--config", str(config), "worker"], keys.environment, log) as worker:
        _until(lambda: "worker_started" in log.read_text("utf-8"), worker, log, 0.01)
        before = cpu_s(worker.pid), cpu_s(mock)
        _until(lambda: _is_done(folder / "store.db"), worker, log, 0.5)
        after = cpu_s(worker.pid), cpu_s(mock)
        rss = peak_mb(worker.pid)
    records = requests.get(f"{control}/requests", timeout=60).json()
    return Run(
        seconds=_seconds(log),
        worker_cpu_s=after[0] - before[0],
        mock_cpu_s=after[1] - before[1],
        posts=Counter(str(record["verb"]) for record in records),
        largest_batch=max(int(record["batch"]) for record in records),
        rss_mb=rss,
    )


def _until(condition: Callable[[], bool], worker: "subprocess.Popen[str]", log: Path, pause_s: float) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while not condition():
        if worker.poll() is not None or time.monotonic() > deadline:
            raise processes.NotStarted(str(log))
        time.sleep(pause_s)


def _is_done(database: Path) -> bool:
    """Whether nothing is left to settle, to write or to look up."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        unsettled = connection.execute("SELECT 1 FROM events WHERE unsettled_at IS NOT NULL LIMIT 1").fetchone()
        if unsettled:
            return False
        return connection.execute("SELECT 1 FROM placements WHERE due_at IS NOT NULL LIMIT 1").fetchone() is None


def _seconds(log: Path) -> float:
    """Return the time from the worker's start to its last record of a write."""
    started = last = None
    for line in log.read_text("utf-8").splitlines():
        record = json.loads(line)
        if record["event"] == "worker_started":
            started = datetime.fromisoformat(record["ts"])
        elif record["event"] == "write":
            last = datetime.fromisoformat(record["ts"])
    if started is None or last is None:
        raise processes.NotStarted(str(log))
    return (last - started).total_seconds()


def check(server: str, size: Size) -> None:
    """Exit with an error unless a sample of calendars is right."""
    control = server.partition("/EWS")[0] + "/mock"
    for mailbox in sorted({0, size.mailboxes // 2, size.mailboxes - 1}):
        found = requests.get(f"{control}/items", {"mailbox": address(mailbox)}, timeout=30).json()
        if len(found) != size.updated + size.created:
            raise SystemExit(f"{address(mailbox)} holds {len(found)} entries")


def measure_naive(server: str, keys: Secrets, size: Size, sample: int) -> float:
    """Return the seconds that one change takes a naive receiver."""
    account = exchangelib_alone.account_of(NAIVE_MAILBOX, server, ACCOUNT, keys.exchange)
    try:
        share = sample / size.changes
        return exchangelib_alone.naive_s(
            account, *(max(1, round(count * share)) for count in (size.created, size.updated, size.deleted))
        )
    finally:
        account.protocol.close()


if __name__ == "__main__":
    main()
