"""Clocks that can be set wrong while a process runs, where there is a C compiler for the few lines that it takes."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).with_name("wrong_clock.c")


def library(folder: Path) -> Path | None:
    """Compile what stands between a program and the time; None where that cannot be."""
    compiler, made = shutil.which("cc"), folder / "wrong_clock.so"
    if compiler is None:
        return None
    command = [compiler, "-O2", "-shared", "-fPIC", "-o", str(made), str(SOURCE), "-ldl"]
    done = subprocess.run(command, check=False, capture_output=True)
    return made if done.returncode == 0 else None


@dataclass
class Clock:
    """The wall clock of one machine, a number of seconds off. Monotonic time stays true."""

    file: Path
    library: Path

    def __post_init__(self) -> None:
        self.set(0)

    def set(self, off_s: int) -> None:
        """Have it go so many seconds ahead of the time, or behind."""
        with self.file.open("r+b" if self.file.exists() else "wb") as mapped:  # in place: programs have it mapped
            mapped.write(off_s.to_bytes(8, "little", signed=True))

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs that lives by this clock."""
        return {"LD_PRELOAD": str(self.library), "WRONG_CLOCK": str(self.file)}
