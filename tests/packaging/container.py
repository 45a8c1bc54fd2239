"""A running sandbox as a container engine's user sees it: started, probed, asked to stop."""

import json
import re
import shlex
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.lab.waiting import wait_until
from tests.packaging.dockerfile import Stage
from tests.packaging.sandbox import Sandbox


def default_command(stage: Stage) -> list[str]:
    """Return what `docker run` starts."""
    return [*json.loads(stage.last("ENTRYPOINT")), *json.loads(stage.last("CMD"))]


def probe_command(stage: Stage) -> list[str]:
    """Return the HEALTHCHECK's command."""
    return list(json.loads(stage.last("HEALTHCHECK").partition(" CMD ")[2]))


def probe_timeout_s(stage: Stage) -> float:
    """Return how long the engine waits for the HEALTHCHECK's command."""
    options = shlex.split(stage.last("HEALTHCHECK").partition(" CMD ")[0])
    timeout = next(option for option in options if option.startswith("--timeout="))
    return float(re.sub(r"\D", "", timeout))


@dataclass(frozen=True, slots=True)
class Container:
    """A command that runs."""

    stage: Stage
    sandbox: Sandbox
    process: "subprocess.Popen[bytes]"
    output: Path

    @property
    def pid(self) -> int | None:
        """Process 1 of the container, by its number outside; None where there is none (yet)."""
        try:
            children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        except (FileNotFoundError, ProcessLookupError):
            return None
        return int(children[0]) if children else None

    def execute(self, argv: Sequence[str], timeout_s: float = 30) -> int:
        """Run another command inside, as `docker exec` does, and return its status; 1 where nothing runs (yet)."""
        if (pid := self.pid) is None:
            return 1
        command = self.sandbox.also(pid, argv)
        return subprocess.run(command, capture_output=True, timeout=timeout_s, check=False).returncode

    def is_healthy(self) -> bool:
        """Run the HEALTHCHECK once."""
        return self.execute(probe_command(self.stage), probe_timeout_s(self.stage)) == 0

    def wait_until(self, holds: Callable[[], bool], patience_s: float = 30) -> None:
        """Wait while the container runs; what it wrote tells why it did not come to that."""

        def holds_here() -> bool:
            assert self.process.poll() is None, self.output.read_text()
            return holds()

        wait_until(holds_here, "the container", patience_s, 0.2, self.output.read_text)

    def stop(self, patience_s: float = 75) -> int:
        """Ask process 1 to end, as the engine does; return its status."""
        signal_name = self.stage.last("STOPSIGNAL")
        subprocess.run(["kill", "-s", signal_name.removeprefix("SIG"), str(self.pid)], check=True)
        return self.process.wait(patience_s)


@contextmanager
def started(stage: Stage, sandbox: Sandbox, output: Path) -> Iterator[Container]:
    """Start the image's command; leave nothing behind."""
    with output.open("wb") as log:
        process = subprocess.Popen(sandbox.command(default_command(stage)), stdout=log, stderr=subprocess.STDOUT)
    try:
        yield Container(stage, sandbox, process, output)
    finally:
        process.kill()  # its child is killed with it
        process.wait()
