"""Processes as an init system keeps them: each a group of its own, started again when it dies, however it died."""

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

PAUSE_S = 0.3
"""Between a death and the next start, as RestartSec."""
PATIENCE_S = 20.0


@dataclass
class Service:
    """One program that is meant to run."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    user: str | None = None
    cwd: str | None = None
    wanted: bool = True
    killed: bool = False
    """The drill killed it: its death is no surprise."""
    starts: int = 0
    surprises: list[int] = field(default_factory=list)
    """Statuses with which it ended though nobody killed it."""
    _process: subprocess.Popen[bytes] | None = None
    _start_at: float = 0.0
    _orphans: list[int] = field(default_factory=list)
    """Its children when it was killed: PostgreSQL's leave their parent's group."""

    @property
    def pid(self) -> int | None:
        """The process; None while it is dead."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def look_after(self) -> None:
        """Bury the dead with all their children, and start what should run. Called again and again."""
        if self._process and self._process.poll() is not None:
            self._bury(self._process)
        if self._process is None and self.wanted and time.monotonic() >= self._start_at:
            self._start()

    def send(self, number: int) -> bool:
        """Send a signal to the program itself; return whether it lived."""
        if self.pid is None:
            return False
        if number == signal.SIGKILL:
            self.killed, self._orphans = True, self.children()
        os.kill(self.pid, number)
        return True

    def signal(self, child: int, number: int) -> bool:
        """Send a signal to one of its children, if it still is one; return whether it was."""
        if child not in self.children():
            return False
        os.kill(child, number)
        return True

    def children(self) -> list[int]:
        """The processes that it has started."""
        if self.pid is None:
            return []
        try:
            listed = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text("utf-8")
        except OSError:
            return []
        return [int(pid) for pid in listed.split()]

    def end(self) -> None:
        """End it for good, as an init system would at shutdown."""
        self.wanted = False
        if self._process is None:
            return
        self.send(signal.SIGCONT)
        self.send(signal.SIGINT if self.user else signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(PATIENCE_S)
        _kill_group(self._process.pid)
        self._process.wait()
        self._process = None

    def _start(self) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command,
                env={**os.environ, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                user=self.user,
                group=self.user,
                cwd=self.cwd,
            )
        self.starts += 1
        self.killed = False

    def _bury(self, process: subprocess.Popen[bytes]) -> None:
        """End what is left of its group, as an init system does with a control group, before it starts again."""
        _kill_group(process.pid)
        for orphan in self._orphans:
            with suppress(ProcessLookupError):
                os.kill(orphan, signal.SIGKILL)
        self._orphans = []
        if not self.killed and self.wanted:
            self.surprises.append(process.returncode)
        self._process = None
        self._start_at = time.monotonic() + PAUSE_S


def _kill_group(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
