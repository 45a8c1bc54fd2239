"""Reads /proc: a receiver's processes, their processor time, memory and open files."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
GONE = (FileNotFoundError, ProcessLookupError)
TICKS_S = os.sysconf("SC_CLK_TCK")
DYING_S = 10.0


@dataclass(frozen=True, slots=True)
class Process:
    """One process of a running receiver."""

    pid: int
    role: str
    """`supervisor`, `master` (of the web processes), `web`, `worker` or `watch`."""


def receiver_processes(supervisor: int) -> list[Process]:
    """Return the processes of one `receiver run`, without the short-lived ones that send alerts."""
    found = [Process(supervisor, "supervisor")]
    for child in children(supervisor):
        command = _command(child)
        if command == "serve":
            found.append(Process(child, "master"))
            found.extend(Process(each, "web") for each in children(child))
        elif command in {"worker", "watch"}:
            found.append(Process(child, command))
    return found


def children(pid: int) -> list[int]:
    """Return a process's children; none where it has ended."""
    with suppress(*GONE):
        lists = [(task / "children").read_text("utf-8") for task in (PROC / str(pid) / "task").iterdir()]
        return sorted(int(word) for each in lists for word in each.split())
    return []


def _command(pid: int) -> str:
    """Return the last argument of a process's command line; empty: it has ended."""
    with suppress(*GONE):
        return (PROC / str(pid) / "cmdline").read_bytes().rstrip(b"\0").rpartition(b"\0")[2].decode()
    return ""


def cpu_s(pid: int) -> float:
    """Return the processor time a process has used, its own and the kernel's for it."""
    fields = (PROC / str(pid) / "stat").read_text("utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_S


def kill(pid: int) -> None:
    """Kill a process and then its children; when this returns, none of them runs.

    Raises:
        TimeoutError: one does not die.

    """
    family = [pid, *children(pid)]  # itself first: it would restart its children
    for each in family:
        with suppress(*GONE):
            os.kill(each, signal.SIGKILL)
    deadline = time.monotonic() + DYING_S
    while any(resident_mb(each) is not None for each in family):
        if time.monotonic() > deadline:
            raise TimeoutError(f"process {pid} does not die")
        time.sleep(0.01)


def resident_mb(pid: int) -> float | None:
    """Return the memory that a process has now; None: it has ended."""
    with suppress(*GONE):
        return _status(pid, "VmRSS:")
    return None


def peak_mb(pid: int) -> float:
    """Return the peak memory of a process."""
    return _status(pid, "VmHWM:")


def _status(pid: int, field: str) -> float:
    lines = (PROC / str(pid) / "status").read_text("utf-8").splitlines()
    kilobytes: Iterator[int] = (int(line.split()[1]) for line in lines if line.startswith(field))
    found = next(kilobytes, None)
    if found is None:  # a process that has ended and was not waited for
        raise ProcessLookupError(pid)
    return found / 1024


def open_files(pid: int) -> int | None:
    """Return how many file descriptors a process has open now; None: it has ended."""
    with suppress(*GONE):
        return sum(1 for _ in (PROC / str(pid) / "fd").iterdir())
    return None
