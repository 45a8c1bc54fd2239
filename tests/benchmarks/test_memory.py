"""The benchmark of memory, small; and what Linux tells of processes."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import memory, proc
from benchmarks.figures import undeclared


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, float]:
    return memory.measure(tmp_path_factory.mktemp("memory"), mailboxes=4, webhooks=44)


def test_every_process_has_a_figure(figures: dict[str, float]) -> None:
    for role in ("supervisor", "master", "web", "worker", "watch"):
        assert 5 < figures[f"{role}_rss_mb"] < 1000


def test_what_was_done_is_told(figures: dict[str, float]) -> None:
    assert figures["memory_mailboxes"] == 4
    assert figures["memory_webhooks"] == 44


def test_the_memory_and_the_files_of_this_process_are_seen(tmp_path: Path) -> None:
    before = proc.open_files(os.getpid())
    assert before is not None
    with (tmp_path / "one more").open("w"):
        assert proc.open_files(os.getpid()) == before + 1
    size = proc.resident_mb(os.getpid())
    assert size is not None
    assert 0 < size <= proc.peak_mb(os.getpid())


def test_a_process_that_has_ended_has_neither() -> None:
    """The watch's letters come and go while samples are taken."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert child.pid in proc.children(os.getpid())
    child.communicate(b"\n")
    assert proc.resident_mb(child.pid) is None
    assert proc.open_files(child.pid) is None
    assert proc.children(child.pid) == []


def test_a_killed_process_is_gone_with_its_children() -> None:
    """What was kept is counted afterwards: nothing may be written meanwhile."""
    command = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'print(1, flush=True); input()'])"
    parent = subprocess.Popen([sys.executable, "-c", command], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert parent.stdout
    parent.stdout.readline()
    [child] = proc.children(parent.pid)
    proc.kill(parent.pid)
    assert proc.resident_mb(child) is None
    assert parent.communicate() == (b"", None)
    assert parent.returncode == -signal.SIGKILL


def test_the_processor_time_of_this_process_is_seen() -> None:
    assert proc.cpu_s(os.getpid()) == pytest.approx(sum(os.times()[:2]), abs=0.1)


def test_every_figure_declares_which_way_is_better(figures: dict[str, float]) -> None:
    assert not undeclared(figures, memory.DIRECTIONS)
