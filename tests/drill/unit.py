"""What systemd does for `run`: starts it, starts it again when it ends, passes signals on."""

import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from demo import processes
from tests.lab.waiting import happens

RESTART_S = 1.0
"""The unit that is delivered waits for 5 s."""
FINAL = frozenset({0, 2})
"""Statuses after which it does not start it again: an end that was asked for, and a configuration that is wrong."""


class Unit:
    """One service."""

    def __init__(self, command: Sequence[str], environ: Mapping[str, str], log: Path) -> None:
        self._command = command
        self._environ = environ
        self._log = log
        self._stopping = threading.Event()
        self._process: subprocess.Popen[str] | None = None
        self._keeper = threading.Thread(target=self._keep, name="unit")
        self.starts = 0

    def _keep(self) -> None:
        while not self._stopping.is_set():
            with processes.running(self._command, self._environ, self._log) as self._process:
                self.starts += 1
                if self._process.wait() in FINAL:
                    return
            self._stopping.wait(RESTART_S)

    def start(self) -> None:
        """`systemctl start`."""
        self._stopping.clear()
        self._keeper = threading.Thread(target=self._keep, name="unit")
        self._keeper.start()

    def stop(self) -> None:
        """`systemctl stop`."""
        self._stopping.set()
        self.signal(signal.SIGTERM)
        self._keeper.join()

    def restart(self) -> None:
        """`systemctl restart`."""
        self.stop()
        self.start()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to `run` alone."""
        if self._process:
            with suppress(ProcessLookupError):
                self._process.send_signal(number)

    def wait_for(self, part: str, patience_s: float = 60.0) -> int:
        """Return the process of a part of `run` as soon as there is one.

        Raises:
            LookupError: there was none for so long.

        """
        found: list[int] = []

        def is_there() -> bool:
            with suppress(LookupError):
                found[:] = [self.child(part)]
            return bool(found)

        return found[0] if happens(is_there, patience_s, every_s=0.05) else self.child(part)

    def child(self, part: str) -> int:
        """Return the process of a part of `run`.

        Raises:
            LookupError: there is none now.

        """
        assert self._process, "it was started"
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError, IndexError):
                parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
                if parent == self._process.pid and part in (folder / "cmdline").read_text().split("\0"):
                    return int(folder.name)
        raise LookupError(part)


@contextmanager
def unit(command: Sequence[str], environ: Mapping[str, str], log: Path) -> Iterator[Unit]:
    """Keep `run` up for the time of the block."""
    kept = Unit(command, environ, log)
    kept.start()
    try:
        yield kept
    finally:
        kept.stop()
