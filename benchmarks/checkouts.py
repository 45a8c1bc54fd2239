"""Runs the benchmarks of a checkout by its own code, in its own environment; leaves none of their processes behind."""

import json
import os
import re
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

STOPPING_S = 60.0
"""How long a benchmark may take to stop what it started."""
TOLD = 15
"""Last lines of a failed benchmark's output that are shown."""
USAGE = 2
"""Exit status of argparse for unknown options."""
MAIN = re.compile(r"^if __name__ == ", re.MULTILINE)
OTHERS = {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "MAKEFLAGS", "MAKELEVEL", "MFLAGS"}
"""Variables that would make a program import another checkout, or pass this make's options on."""


class NotPrepared(Exception):
    """A checkout has no environment, and its Makefile could not make one; the argument says why."""


class Failed(Exception):
    """A benchmark failed."""

    def __init__(self, reason: str, said: str = "", *, usage: bool = False) -> None:
        super().__init__(reason)
        self.said = said
        self.usage = usage
        """It does not know the options it was given."""


@dataclass(frozen=True, slots=True)
class Checkout:
    """A working copy of the project."""

    path: Path

    @property
    def python(self) -> Path:
        """Return its interpreter."""
        return self.path / ".venv" / "bin" / "python"

    def prepare(self) -> None:
        """Let its own Makefile make the environment if there is none.

        Raises:
            NotPrepared: there is none afterwards either.

        """
        if not (self.path / "benchmarks").is_dir():
            raise NotPrepared(f"{self.path} is no checkout: it has no benchmarks")
        marker = self.path / ".venv" / ".ready"  # written last
        if marker.exists():
            return
        with suppress(OSError):  # no make
            subprocess.run(["make", "-C", self.path, ".venv/.ready"], env=_environment(), check=False)
        if not marker.exists():
            raise NotPrepared(f"{self.path} has no environment: make .venv/.ready failed there")

    def programs(self) -> set[str]:
        """Return the names of the programs among its benchmarks."""
        files = (self.path / "benchmarks").glob("*.py")
        return {file.stem for file in files if MAIN.search(file.read_text("utf-8"))}

    def run(self, name: str, arguments: Sequence[str], limit_s: float) -> dict[str, float]:
        """Run a benchmark; return its figures.

        Raises:
            Failed: it ended with an error, took longer than the limit, or wrote no figures.

        """
        with tempfile.TemporaryDirectory(prefix="rdv-compare-") as folder:
            file, log = Path(folder) / "figures.json", Path(folder) / "log"
            command = [str(self.python), "-m", f"benchmarks.{name}", *arguments, "--json", str(file)]
            with log.open("wb") as out, self._started(command, out.fileno()) as process:
                try:
                    status = process.wait(limit_s)
                except subprocess.TimeoutExpired:
                    raise Failed(f"took more than {limit_s:.0f} s", _end_of(log)) from None
            if status:
                raise Failed(f"exit status {status}", _end_of(log), usage=status == USAGE)
            return _read(file, log)

    @contextmanager
    def _started(self, command: Sequence[str], out: int) -> Iterator["subprocess.Popen[bytes]"]:
        """Run a program in a session of its own; end it, and whatever it left there, when the block ends."""
        process = subprocess.Popen(
            command,
            cwd=self.path,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            _end(process)


def _end(process: "subprocess.Popen[bytes]") -> None:
    try:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)  # as Ctrl-C: it stops what it started, and removes its folder
            with suppress(subprocess.TimeoutExpired):
                process.wait(STOPPING_S)
    finally:  # also if this wait is interrupted
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _read(file: Path, log: Path) -> dict[str, float]:
    try:
        found = json.loads(file.read_text("utf-8"))
        return {name: float(value) for name, value in found.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        raise Failed("wrote no figures", _end_of(log)) from None


def _end_of(log: Path) -> str:
    return "\n".join(log.read_text("utf-8", "replace").splitlines()[-TOLD:])


def _environment() -> Mapping[str, str]:
    return {name: value for name, value in os.environ.items() if name not in OTHERS}
