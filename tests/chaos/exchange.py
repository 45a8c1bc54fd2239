"""The mock Exchange as a process: never killed, as its calendars are in its memory, but stopped and full of faults."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import requests

from demo.processes import ACCOUNT, Complained, NotStarted, Secrets, running, stop
from tests.convergence.oracle import Shown

ANSWERS_IN_S = 10.0


@dataclass
class Exchange:
    """Its EWS address, and the hands of its administrator."""

    url: str
    _process: subprocess.Popen[str]

    def pause(self) -> None:
        """Let it hang: every call under way, and every one to come."""
        os.kill(self._process.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it work on what has come."""
        os.kill(self._process.pid, signal.SIGCONT)

    def inject(self, fault: dict[str, Any]) -> None:
        """Plan a trouble."""
        self._control("POST", "faults", json=fault)

    def heal(self) -> None:
        """Drop every trouble that is planned."""
        self._control("DELETE", "faults")

    def forget(self) -> None:
        """Forget the requests so far: an hour of them would fill the memory."""
        self._control("DELETE", "requests")

    def items(self, mailbox: str) -> list[dict[str, Any]]:
        """Everything that is in a mailbox, whatever folder it is in."""
        found: list[dict[str, Any]] = self._control("GET", "items", params={"mailbox": mailbox, "folder": "*"})
        return found

    def shown(self, mailbox: str, start: datetime, end: datetime) -> list[Shown]:
        """What a calendar shows."""
        asked = {"mailbox": mailbox, "start": start.isoformat(), "end": end.isoformat()}
        return [_shown(item) for item in self._control("GET", "occurrences", params=asked)]

    def state(self) -> dict[str, Any]:
        """How it is."""
        known: dict[str, Any] = self._control("GET", "state")
        return known

    def _control(self, method: str, what: str, **how: Any) -> Any:
        base = self.url.rpartition("/EWS/")[0]
        answer = requests.request(method, f"{base}/mock/{what}", timeout=ANSWERS_IN_S, **how)
        answer.raise_for_status()
        return answer.json()


@contextmanager
def exchange(mailboxes: Sequence[str], secrets: Secrets, log: Path) -> Iterator[Exchange]:
    """Run one.

    Raises:
        Complained: in the end: a message was not what Exchange would accept.

    """
    boxes = [word for mailbox in mailboxes for word in ("--mailbox", mailbox)]
    account = ["--auth", "ntlm", "--user", ACCOUNT, "--password-env", "RDV_EXCHANGE_PASSWORD", "--no-schemas"]
    with running(["mock_exchange", *boxes, *account], secrets.environment, log) as process:
        line = process.stdout.readline() if process.stdout else ""
        if not line:
            raise NotStarted(str(log))
        found = Exchange(json.loads(line)["url"], process)
        try:
            yield found
        finally:
            found.go_on()
        if stop(process):
            raise Complained(str(log))


def _shown(item: dict[str, Any]) -> Shown:
    start, end = (datetime.fromisoformat(item[name]) for name in ("start", "end"))
    return Shown(item["subject"], item["location"], start, end, item["show_as"])
