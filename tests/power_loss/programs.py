"""The real programs over the disk that will be cut: web and worker, and PostgreSQL where the store is one."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from demo.processes import free_port, is_ready
from tests.lab.waiting import happens

SECRET_NAME, SECRET = "RDV_WEBHOOK_SECRET", "power-loss"
PATIENCE_S = 60.0
_RECEIVER = ("receiver",)


class NotStarted(Exception):
    """A program did not come up; its log tells why."""


@contextmanager
def program(command: Sequence[str], log: Path, *, account: str | None = None) -> Iterator[None]:
    """Run a program in a group of its own, until it is ended as a cut of power ends it: at once."""
    with log.open("ab") as errors:
        process = subprocess.Popen(
            command,
            env={**os.environ, SECRET_NAME: SECRET},
            stdin=subprocess.DEVNULL,
            stdout=errors,
            stderr=errors,
            start_new_session=True,
            user=account,
            group=account,
            cwd="/" if account else None,
        )
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            # PostgreSQL's children leave its group; they end at once, and write nothing, when it is told to by SIGQUIT.
            os.killpg(process.pid, signal.SIGQUIT if account else signal.SIGKILL)
        process.wait(PATIENCE_S)


@contextmanager
def receiver(folder: Path, store_url: str, *, main: Sequence[str] = _RECEIVER) -> Iterator[str]:
    """Run web and worker; yield the address that webhooks go to. Calendars stand beside the disk, not on it."""
    port = free_port()
    (folder / "ics").mkdir(exist_ok=True)
    config = folder / "config.yaml"
    config.write_text(json.dumps(_configuration(folder, store_url, port)), "utf-8")
    log = folder / "receiver.log"
    command = [sys.executable, "-m", *main, "--config", str(config)]
    with ExitStack() as running:
        running.enter_context(program([*command, "serve"], log))
        running.enter_context(program([*command, "worker"], log))
        _wait_until_ready(f"http://127.0.0.1:{port}", log)
        yield f"http://127.0.0.1:{port}/webhooks/mds"


def _configuration(folder: Path, store_url: str, port: int) -> dict[str, object]:
    source = {"emitter": "rdv_service_public", "platform": "production", "secrets": [{"env": SECRET_NAME}]}
    return {
        "store": {"url": store_url},
        "sources": {"mds": source},
        "calendars": {"files": {"kind": "ics_folder", "path": str(folder / "ics")}},
        "mailboxes": {"domains": {"departement.example": "departement.example"}},
        "web": {"listen": f"127.0.0.1:{port}", "processes": 2, "threads": 8},
    }


def _wait_until_ready(url: str, log: Path) -> None:
    if not happens(lambda: is_ready(url), PATIENCE_S):
        raise NotStarted(str(log))
