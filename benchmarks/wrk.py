"""Debian's `wrk`: 16 clients that send signed webhooks, each another appointment."""

import hashlib
import hmac
import json
import os
import re
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from emitter.scenarios import build

CLIENTS = 16
AGENTS = 200
WARM_UP_S = 1
PER_S = 5_000
"""So many bodies are made for each second: who is faster, and keeps them, needs more."""

SCRIPT = """\
local ports, started = {}, 0
for port in os.getenv("RDV_BENCH_PORTS"):gmatch("%d+") do ports[#ports + 1] = port end

function setup(thread)
  thread.addr = wrk.lookup("127.0.0.1", ports[started + 1])[1]
  thread:set("share", started)
  started = started + 1
end

function init(_)
  lines, at = {}, 0
  local number = 0
  for line in io.lines(os.getenv("RDV_BENCH_BODIES")) do
    if number % #ports == share then lines[#lines + 1] = line end
    number = number + 1
  end
end

function request()
  at = at % #lines + 1
  local line = lines[at]
  local headers = {["Content-Type"] = "application/json; charset=utf-8", ["X-Lapin-Signature"] = line:sub(1, 64)}
  return wrk.format("POST", os.getenv("RDV_BENCH_PATH"), headers, line:sub(66))
end

function done(summary, latency, _)
  local errors = summary.errors
  io.write(string.format("RESULT %d %d %d %d %f %f\\n", summary.duration, summary.requests, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout, latency:percentile(50), latency:percentile(99)))
end
"""
_RESULT = re.compile(r"^RESULT (\d+) (\d+) (\d+) (\d+) (\S+) (\S+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Burst:
    """One run of wrk."""

    seconds: float
    answered: int
    """By 2xx."""
    failed: int
    """Answered otherwise, or not at all."""
    median_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True)
class Load:
    """Bodies in files, ready to be sent; those of the warm-up are its own."""

    folder: Path
    bodies: int
    """How many there are, the warm-up's left out. After these the first come again."""

    @classmethod
    def prepared(cls, folder: Path, secret: str, seconds: int) -> "Load":
        """Write signed bodies for so many seconds into a folder."""
        load = cls(folder, seconds * PER_S)
        (folder / "post.lua").write_text(SCRIPT, "utf-8")
        _write(load._file(warm_up=True), secret, range(WARM_UP_S * PER_S))
        _write(load._file(warm_up=False), secret, range(WARM_UP_S * PER_S, WARM_UP_S * PER_S + load.bodies))
        return load

    def warm_up(self, ports: Sequence[int], path: str) -> Burst:
        """Send for a second; see `send`."""
        return self._send(ports, path, WARM_UP_S, self._file(warm_up=True))

    def send(self, ports: Sequence[int], path: str, seconds: int) -> Burst:
        """Send for some seconds, one thread to each port; return what came of it."""
        return self._send(ports, path, seconds, self._file(warm_up=False))

    def _file(self, *, warm_up: bool) -> Path:
        return self.folder / ("warm-up.txt" if warm_up else "bodies.txt")

    def _send(self, ports: Sequence[int], path: str, seconds: int, bodies: Path) -> Burst:
        program = shutil.which("wrk")
        if program is None:
            sys.exit("Debian's package `wrk` is not installed")
        environment = os.environ | {
            "RDV_BENCH_BODIES": str(bodies),
            "RDV_BENCH_PATH": path,
            "RDV_BENCH_PORTS": " ".join(map(str, ports)),
        }
        size = [f"-t{len(ports)}", f"-c{CLIENTS}", f"-d{seconds}s", "--timeout", "10s"]
        command = [program, *size, "-s", str(self.folder / "post.lua"), f"http://127.0.0.1:{ports[0]}{path}"]
        return _burst(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)


def _burst(output: str) -> Burst:
    found = _RESULT.search(output)
    if found is None:
        sys.exit(output)
    microseconds, requests, refused, broken = (int(word) for word in found.groups()[:4])
    median, p99 = (float(word) / 1000 for word in found.groups()[4:])
    return Burst(microseconds / 1_000_000, requests - refused, refused + broken, median, p99)


def _write(path: Path, secret: str, numbers: range) -> None:
    """Write one line for each body, its signature first."""
    with path.open("w", encoding="utf-8") as out:
        for body in _bodies(numbers):
            out.write(f"{hmac.new(secret.encode(), body.encode(), hashlib.sha256).hexdigest()} {body}\n")


def _bodies(numbers: range) -> Iterator[str]:
    template: dict[str, Any] = json.loads(build("create", datetime.now(UTC)).steps[0].body)
    first = template["data"]["agents"][0]
    for number in numbers:
        agent = first | {"id": 100 + number % AGENTS, "email": f"agent{number % AGENTS}@departement.example"}
        data = template["data"] | {"id": 1_000_000 + number, "uuid": str(uuid.uuid4()), "agents": [agent]}
        yield json.dumps(template | {"data": data}, separators=(",", ":"))
