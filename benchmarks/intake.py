"""Intake under load: signed webhooks a second, against a server that does nothing and against Debian's `webhook`.

Everything is real: Debian's `wrk` with 16 clients sends signed bodies, each another appointment; the receiver verifies,
decodes and commits on a disk before it answers. All run one after the other in rounds, each afresh, so that a noisy
neighbour hits all alike; what counts is the ratio of the medians.

- `receiver`: the web processes alone. `with_worker`: with a worker beside them, which judges, settles and writes into a
  folder of .ics files meanwhile; `intake_judged_share` is how much of what was kept it had judged at the end.
- `noop`: the same gunicorn with as many processes and threads, and a view that reads the body and answers.
- `webhook` (in Go) verifies the same signature and runs a hook that writes the body to a file. The hook is done when
  the file and its name in the folder are on the disk (`fsync` of both): a commit of ours promises no less, and
  `intake_ratio_webhook` is against this one. `webhook_file_only` leaves the name out, which no standard promises to be
  there after a power cut, though Linux's usual file systems keep it.
- `postgresql_*`, where its server is installed: two hosts, each with one web process, over one PostgreSQL that waits
  for the disk; wrk sends to both. Its no-op stands on two hosts too.

After each turn as many webhooks must be on the disk as were answered by 2xx, the warm-up's too, each counted once; ours
is killed before they are counted. Else there are no figures. `intake_cpu_ms` is the processor time that the web
processes used for each webhook: of all figures the one that a noisy neighbour changes least. PostgreSQL's own processes
are not in it.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.ews_storm import refuse_memory
from benchmarks.figures import Direction, Directions, add_options, report
from benchmarks.go_webhook import HOOK_FILE_ONLY, GoWebhook
from benchmarks.intake_servers import NoOp, Receiver, Server, postgresql
from benchmarks.wrk import Load
from tests.databases import postgres_binaries

HOSTS = 2
"""Over one PostgreSQL."""
OTHERS = ("noop", "webhook", "webhook_file_only")
DIRECTIONS: Directions = {
    **{f"intake_{name}_per_s": Direction.NEUTRAL for name in OTHERS},
    "intake_*_per_s": Direction.MORE,
    "intake_ratio_*": Direction.MORE,
    "intake_judged_share": Direction.MORE,
    "intake_noop_cpu_ms": Direction.NEUTRAL,
    "intake_*_ms": Direction.LESS,
    "intake_failed": Direction.LESS,
    "fsync_us": Direction.NEUTRAL,
}


@dataclass(frozen=True, slots=True)
class Turn:
    """One server, once."""

    per_s: float
    failed: int
    median_ms: float
    p99_ms: float
    cpu_ms: float
    """For each webhook; 0: not known."""
    judged_share: float


Turns = Mapping[str, Sequence[Turn]]
"""By server."""


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--seconds", type=int, default=6, help="of each server in each round")
    either = argparse.BooleanOptionalAction
    options.add_argument("--webhook", action=either, default=True, help="compare with Debian's `webhook`")
    options.add_argument("--postgresql", action=either, default=postgres_binaries() is not None)
    add_options(options)
    arguments = options.parse_args()
    refuse_memory(arguments.folder)
    with tempfile.TemporaryDirectory(prefix="rdv-bench-", dir=arguments.folder) as name:
        folder, secret = Path(name).resolve(), uuid.uuid4().hex
        databases = {"": on_sqlite(folder, secret, with_webhook=arguments.webhook)}
        if arguments.postgresql:
            refuse_memory(Path(tempfile.gettempdir()))
            databases["postgresql_"] = on_postgresql(folder, secret)
        load = Load.prepared(folder, secret, arguments.seconds)
        figures = measure(databases, load, arguments.rounds, arguments.seconds) | {"fsync_us": fsync_us(folder)}
    report(figures, arguments.json, DIRECTIONS)


def on_sqlite(folder: Path, secret: str, *, with_webhook: bool) -> dict[str, Server]:
    """Return the servers of one machine."""
    servers: dict[str, Server] = {
        "receiver": Receiver(folder, secret),
        "with_worker": Receiver(folder, secret, with_worker=True),
        "noop": NoOp(folder),
    }
    if with_webhook:
        servers["webhook"] = GoWebhook(folder, secret)
        servers["webhook_file_only"] = GoWebhook(folder, secret, HOOK_FILE_ONLY)
    return servers


def on_postgresql(folder: Path, secret: str) -> dict[str, Server]:
    """Return the servers of several hosts."""
    return {"receiver": Receiver(folder, secret, postgresql, HOSTS), "noop": NoOp(folder, HOSTS)}


def measure(databases: Mapping[str, Mapping[str, Server]], load: Load, rounds: int, seconds: int) -> dict[str, float]:
    """Let all servers take their turns; return the figures, those of each database under its prefix."""
    turns: dict[str, dict[str, list[Turn]]] = {
        prefix: {name: [] for name in servers} for prefix, servers in databases.items()
    }
    for _ in range(rounds):
        for prefix, servers in databases.items():
            for name, server in servers.items():
                turns[prefix][name].append(take_turn(name, server, load, seconds))
    return {f"{prefix}{name}": value for prefix, taken in turns.items() for name, value in _figures(taken).items()}


def take_turn(name: str, server: Server, load: Load, seconds: int) -> Turn:
    """Run one server and send to it; exit with an error if it lost a webhook that it acknowledged."""
    with server.running() as running:
        warm_up = load.warm_up(running.ports, running.path)
        before = running.cpu_s()
        burst = load.send(running.ports, running.path, seconds)
        used_s = running.cpu_s() - before
        kept = running.kept() if running.kept else None
    if not burst.answered:
        sys.exit(f"{name} answered nothing by 2xx")
    if kept and burst.answered > load.bodies:
        sys.exit(f"{name} was sent some bodies twice: {load.bodies} are not enough")
    answered = warm_up.answered + burst.answered
    if kept and kept.webhooks < answered:
        sys.exit(f"{name} answered {answered} webhooks by 2xx and kept {kept.webhooks}")
    return Turn(
        per_s=burst.answered / burst.seconds,
        failed=warm_up.failed + burst.failed,
        median_ms=burst.median_ms,
        p99_ms=burst.p99_ms,
        cpu_ms=used_s * 1000 / burst.answered,
        judged_share=kept.judged / kept.webhooks if kept else 0.0,
    )


def _figures(turns: Turns) -> dict[str, float]:
    rates = {name: statistics.median(turn.per_s for turn in taken) for name, taken in turns.items()}
    ours = turns["receiver"]
    figures = {f"intake_{name}_per_s": value for name, value in rates.items()}
    figures |= {f"intake_ratio_{name}": rates["receiver"] / rates[name] for name in OTHERS if name in rates}
    figures |= {
        "intake_median_ms": statistics.median(turn.median_ms for turn in ours),
        "intake_p99_ms": statistics.median(turn.p99_ms for turn in ours),
        "intake_cpu_ms": statistics.median(turn.cpu_ms for turn in ours),
        "intake_noop_cpu_ms": statistics.median(turn.cpu_ms for turn in turns["noop"]),
        "intake_failed": float(sum(turn.failed for taken in turns.values() for turn in taken)),
    }
    if beside := turns.get("with_worker"):
        figures["intake_with_worker_p99_ms"] = statistics.median(turn.p99_ms for turn in beside)
        figures["intake_judged_share"] = statistics.median(turn.judged_share for turn in beside)
    return figures


def fsync_us(folder: Path, count: int = 200) -> float:
    """Return how long a small synchronous write takes here."""
    times = []
    with (folder / "fsync").open("wb") as out:
        for _ in range(count):
            begun = time.perf_counter()
            out.write(b"x" * 512)
            out.flush()
            os.fsync(out.fileno())
            times.append(time.perf_counter() - begun)
    return statistics.median(times) * 1_000_000


if __name__ == "__main__":
    main()
