"""Intake under load: signed webhooks a second, against a server that does nothing and against Debian's `webhook`.

Everything is real: Debian's `wrk` with 16 clients sends signed bodies, each another appointment; the receiver verifies,
decodes and commits on a disk before it answers. The no-op is the same gunicorn with as many processes and threads and a
view that reads the body and answers. `webhook` (in Go) verifies the same signature and runs a hook that writes the body
to a file, synchronously. The three run one after the other in rounds, so that a noisy neighbour hits all alike; what
counts is the ratio of the medians.
"""

import argparse
import hashlib
import hmac
import json
import os
import re
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import requests

from demo import processes
from emitter.scenarios import build
from receiver.operations.check import file_system, mount_table

CLIENTS = 16
PROCESSES, THREADS = 2, 16
BODIES = 40_000
AGENTS = 200
SECRET_NAME = "RDV_BENCH_SECRET"  # a variable's name
IN_MEMORY = {"tmpfs", "ramfs"}
PATIENCE_S = 30.0

WRK_SCRIPT = """\
local lines = {}
for line in io.lines(os.getenv("RDV_BENCH_BODIES")) do lines[#lines + 1] = line end
local at = tonumber(os.getenv("RDV_BENCH_OFFSET"))
request = function()
  at = at % #lines + 1
  local line = lines[at]
  local headers = {["Content-Type"] = "application/json; charset=utf-8", ["X-Lapin-Signature"] = line:sub(1, 64)}
  return wrk.format("POST", os.getenv("RDV_BENCH_PATH"), headers, line:sub(66))
end
done = function(summary, latency, _)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.write(string.format("RESULT %d %d %d %f %f\\n", summary.requests, summary.duration, failed,
    latency:percentile(50), latency:percentile(99)))
end
"""

HOOK = """\
#!/bin/sh
exec dd of="$SPOOL/$HOOK_ID" conv=fsync status=none <<BODY
$HOOK_BODY
BODY
"""

NOOP = """\
from flask import Flask, jsonify, request

def app():
    app = Flask("noop")

    @app.post("/webhooks/mds")
    def receive():
        request.get_data(cache=False)
        return jsonify(status="accepted"), 202

    @app.get("/readyz")
    def ready():
        return jsonify(status="ready")

    return app
"""


@dataclass(frozen=True, slots=True)
class Burst:
    """One run of wrk."""

    per_s: float
    failed: int
    median_ms: float
    p99_ms: float
    requests: int


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--seconds", type=int, default=8)
    options.add_argument("--without-webhook", action="store_true", help="leave Debian's webhook out")
    options.add_argument("--json", type=Path, metavar="FILE")
    arguments = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="rdv-bench-", dir=".") as name:
        folder = Path(name).resolve()
        kind = file_system(folder, mount_table())
        if kind in IN_MEMORY:
            sys.exit(f"{folder} is in memory ({kind}): a commit there costs nothing")
        print(f"# file system: {kind}")
        figures = measure(folder, arguments.rounds, arguments.seconds, with_webhook=not arguments.without_webhook)
    for figure, value in figures.items():
        print(f"{figure}: {value:.3f}")
    if arguments.json:
        arguments.json.write_text(json.dumps(figures | {"file_system": kind}, indent=2), "utf-8")


class Server(Protocol):
    """Something that takes webhooks."""

    def running(self) -> AbstractContextManager[str]:
        """Run it afresh; yield the address that webhooks go to."""
        ...


def measure(folder: Path, rounds: int, seconds: int, *, with_webhook: bool) -> dict[str, float]:
    """Return the figures; see the module's docstring."""
    secret = uuid.uuid4().hex
    bodies = write_bodies(folder / "bodies.txt", secret)
    (folder / "post.lua").write_text(WRK_SCRIPT, "utf-8")
    servers: dict[str, Server] = {"receiver": Receiver(folder, secret), "noop": NoOp(folder)}
    if with_webhook:
        servers["webhook"] = GoWebhook(folder, secret)
    bursts: dict[str, list[Burst]] = {name: [] for name in servers}
    for turn in range(rounds):
        for name, server in servers.items():
            with server.running() as url:
                wrk(folder, url, bodies, 1, offset=BODIES - 1)
                bursts[name].append(wrk(folder, url, bodies, seconds, offset=turn * BODIES // rounds))
    return _figures(bursts) | {"fsync_us": fsync_us(folder)}


def _figures(bursts: dict[str, list[Burst]]) -> dict[str, float]:
    rate = {name: statistics.median(burst.per_s for burst in run) for name, run in bursts.items()}
    ours = bursts["receiver"]
    figures = {f"intake_{name}_per_s": value for name, value in rate.items()}
    figures |= {f"intake_ratio_{name}": rate["receiver"] / value for name, value in rate.items() if name != "receiver"}
    return figures | {
        "intake_median_ms": statistics.median(burst.median_ms for burst in ours),
        "intake_p99_ms": statistics.median(burst.p99_ms for burst in ours),
        "intake_failed": float(sum(burst.failed for burst in ours)),
    }


def write_bodies(path: Path, secret: str) -> Path:
    """Write one line for each body, its signature first."""
    template = json.loads(build("create", datetime.now(UTC)).steps[0].body)
    agents = template["data"]["agents"]
    with path.open("w", encoding="utf-8") as out:
        for number in range(BODIES):
            data = template["data"] | {"id": 1_000_000 + number, "uuid": str(uuid.uuid4())}
            agent = agents[0] | {"id": 100 + number % AGENTS, "email": f"agent{number % AGENTS}@departement.example"}
            body = json.dumps(template | {"data": data | {"agents": [agent]}}, separators=(",", ":"))
            out.write(f"{hmac.new(secret.encode(), body.encode(), hashlib.sha256).hexdigest()} {body}\n")
    return path


@dataclass(frozen=True, slots=True)
class Receiver:
    """Ours, its web processes alone, over an empty store."""

    folder: Path
    secret: str

    @contextmanager
    def running(self) -> Iterator[str]:
        """Run it afresh; yield the address that webhooks go to."""
        port = processes.free_port()
        for file in self.folder.glob("store.db*"):
            file.unlink()
        config = self.folder / "config.yaml"
        config.write_text(json.dumps(self._configuration(port)), "utf-8")
        environment = {SECRET_NAME: self.secret}
        command = ["receiver", "--config", str(config)]
        subprocess.run([sys.executable, "-m", *command, "migrate"], env=os.environ | environment, check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
        with processes.running([*command, "serve"], environment, self.folder / "receiver.log"):
            _wait_for(f"http://127.0.0.1:{port}/healthz")
            yield f"http://127.0.0.1:{port}/webhooks/mds"
        self._check()

    def _configuration(self, port: int) -> dict[str, object]:
        source = {"emitter": "rdv_service_public", "platform": "production", "secrets": [{"env": SECRET_NAME}]}
        return {
            "store": {"url": f"sqlite:///{self.folder}/store.db"},
            "sources": {"mds": source},
            "calendars": {"files": {"kind": "ics_folder", "path": str(self.folder / "ics")}},
            "mailboxes": {"domains": {"departement.example": "departement.example"}},
            "web": {"listen": f"127.0.0.1:{port}", "processes": PROCESSES, "threads": THREADS},
        }

    def _check(self) -> None:
        """A fast answer that kept nothing would be worth nothing."""
        with closing(sqlite3.connect(self.folder / "store.db")) as connection:
            [[kept]] = connection.execute("SELECT count(*) FROM inbox").fetchall()
        if not kept:
            sys.exit("the receiver kept nothing: see its log")


@dataclass(frozen=True, slots=True)
class NoOp:
    """The same server, a view that does nothing."""

    folder: Path

    @contextmanager
    def running(self) -> Iterator[str]:
        """Run it; yield the address that webhooks go to."""
        port = processes.free_port()
        (self.folder / "noop.py").write_text(NOOP, "utf-8")
        options = ["--workers", str(PROCESSES), "--threads", str(THREADS), "--worker-class", "gthread"]
        command = ["gunicorn", "--chdir", str(self.folder), "--bind", f"127.0.0.1:{port}", *options, "noop:app()"]
        with processes.running(command, {}, self.folder / "noop.log"):
            _wait_for(f"http://127.0.0.1:{port}/readyz")
            yield f"http://127.0.0.1:{port}/webhooks/mds"


@dataclass(frozen=True, slots=True)
class GoWebhook:
    """Debian's `webhook` with a hook that is done when the body is on the disk."""

    folder: Path
    secret: str

    @contextmanager
    def running(self) -> Iterator[str]:
        """Run it; yield the address that webhooks go to."""
        program = shutil.which("webhook")
        if program is None:
            sys.exit("Debian's package `webhook` is not installed (or use --without-webhook)")
        port = processes.free_port()
        spool = self.folder / "spool"
        shutil.rmtree(spool, ignore_errors=True)
        spool.mkdir()
        hook = self.folder / "hook.sh"
        hook.write_text(HOOK, "utf-8")
        hook.chmod(0o755)
        (self.folder / "hooks.json").write_text(json.dumps([self._hook(hook)]), "utf-8")
        command = [program, "-hooks", str(self.folder / "hooks.json"), "-ip", "127.0.0.1", "-port", str(port)]
        quiet = subprocess.DEVNULL
        environment = os.environ | {"SPOOL": str(spool)}
        server = subprocess.Popen(command, env=environment, stdout=quiet, stderr=quiet, text=True)
        try:
            _wait_for(f"http://127.0.0.1:{port}/")
            yield f"http://127.0.0.1:{port}/hooks/rdv"
        finally:
            processes.stop(server)
        if not any(spool.iterdir()):
            sys.exit("webhook kept nothing")

    def _hook(self, script: Path) -> dict[str, object]:
        parameter = {"source": "header", "name": "X-Lapin-Signature"}
        signed = {"type": "payload-hmac-sha256", "secret": self.secret, "parameter": parameter}
        given = [{"source": "raw-request-body", "envname": "HOOK_BODY"}]
        given += [{"source": "header", "name": "X-Lapin-Signature", "envname": "HOOK_ID"}]
        return {
            "id": "rdv",
            "execute-command": str(script),
            "command-working-directory": str(self.folder),
            "include-command-output-in-response": True,  # it answers when the hook is done
            "pass-environment-to-command": given,
            "trigger-rule": {"match": signed},
        }


def wrk(folder: Path, url: str, bodies: Path, seconds: int, offset: int) -> Burst:
    """Send for some seconds, beginning at a body; return what came of it."""
    program = shutil.which("wrk")
    if program is None:
        sys.exit("Debian's package `wrk` is not installed")
    environment = os.environ | {
        "RDV_BENCH_BODIES": str(bodies),
        "RDV_BENCH_OFFSET": str(offset),
        "RDV_BENCH_PATH": url[url.index("/", len("http://")) :],
    }
    command = [program, "-t1", f"-c{CLIENTS}", f"-d{seconds}s", "--timeout", "10s", "-s", str(folder / "post.lua"), url]
    output = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    found = re.search(r"^RESULT (\d+) (\d+) (\d+) (\S+) (\S+)$", output, re.MULTILINE)
    if found is None:
        sys.exit(output)
    count, microseconds, failed = (int(word) for word in found.groups()[:3])
    median, p99 = (float(word) / 1000 for word in found.groups()[3:])
    return Burst(count / (microseconds / 1_000_000), failed, median, p99, count)


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


def _wait_for(url: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        try:
            requests.get(url, timeout=5)
        except requests.RequestException:
            time.sleep(0.1)
        else:
            return
    sys.exit(f"{url} never answered")


if __name__ == "__main__":
    main()
