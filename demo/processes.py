"""Starts the real programs as processes on free loopback ports, and always stops them."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import requests

ACCOUNT = "MAIRIE\\svc-rdv"
TIMEOUT_S = 30.0


class NotStarted(Exception):
    """A program did not start; its log says why."""


class Complained(Exception):
    """The mock Exchange received messages that Exchange would refuse, or failed; its log says which."""


@dataclass(frozen=True, slots=True)
class Secrets:
    """The secrets of one run."""

    webhook: str
    exchange: str

    @property
    def environment(self) -> dict[str, str]:
        """Return the secrets as environment variables."""
        return {"RDV_WEBHOOK_SECRET": self.webhook, "RDV_EXCHANGE_PASSWORD": self.exchange}


def free_port() -> int:
    """Return a port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running(command: Sequence[str], environment: Mapping[str, str], log: Path) -> Iterator[subprocess.Popen[str]]:
    """Run a program of this checkout; its standard error goes to the log."""
    with log.open("a") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", *command],
            env={**os.environ, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
        try:
            yield process
        finally:
            stop(process)


def stop(process: subprocess.Popen[str], timeout_s: float = TIMEOUT_S) -> int:
    """Stop a process as an init system would; return its status."""
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        status = process.wait(timeout_s)
    except subprocess.TimeoutExpired:
        process.kill()
        status = process.wait()
    for end in (process.stdin, process.stdout):
        if end:
            end.close()
    return status


@contextmanager
def exchange(mailboxes: Sequence[str], secrets: Secrets, log: Path, *options: str) -> Iterator[str]:
    """Run the mock Exchange with NTLM; yield the address of its EWS endpoint."""
    boxes = [word for mailbox in mailboxes for word in ("--mailbox", mailbox)]
    account = ["--auth", "ntlm", "--user", ACCOUNT, "--password-env", "RDV_EXCHANGE_PASSWORD"]
    with running(["mock_exchange", *boxes, *account, *options], secrets.environment, log) as process:
        line = process.stdout.readline() if process.stdout else ""
        if not line:
            raise NotStarted(str(log))
        yield json.loads(line)["url"]
        if stop(process):
            raise Complained(str(log))


@contextmanager
def receiver(config: Path, port: int, secrets: Secrets, log: Path) -> Iterator[subprocess.Popen[str]]:
    """Run the receiver, web and worker; yield it once it is ready for webhooks."""
    with running(["receiver", "--config", str(config), "run"], secrets.environment, log) as process:
        _wait_until_ready(process, port, log)
        yield process


def is_ready(address: str) -> bool:
    """Whether the receiver at ``http://host:port`` accepts webhooks, and a worker's last beat is recent."""
    try:
        answer = requests.get(f"{address}/readyz", timeout=5)
        return answer.status_code == 200 and bool(answer.json()["checks"]["worker"] == "ok")
    except (requests.RequestException, ValueError):
        return False


def _wait_until_ready(process: subprocess.Popen[str], port: int, log: Path) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        if is_ready(f"http://127.0.0.1:{port}"):
            return
        time.sleep(0.1)
    raise NotStarted(str(log))
