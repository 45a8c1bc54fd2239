"""Whoever leaves last leaves everything in the one file: a copy of it alone loses nothing."""

import os
import shutil
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from benchmarks.proc import kill
from tests.end_to_end.test_processes import child_named, send_one
from tests.lab.running_receiver import RunningReceiver, running_receiver

SENT = 5


def told_by_a_copy(folder: Path) -> int:
    """How many events stand in a copy of the one file."""
    copy = folder / "copied" / "store.db"
    copy.parent.mkdir()
    shutil.copy(folder / "store.db", copy)
    with closing(sqlite3.connect(copy)) as database:
        counted: int = database.execute(
            "SELECT (SELECT count(*) FROM events) + (SELECT count(*) FROM inbox)"
        ).fetchone()[0]
    return counted


def assert_nothing_beside(folder: Path) -> None:
    log = folder / "store.db-wal"
    assert not log.exists() or log.stat().st_size == 0
    assert told_by_a_copy(folder) == SENT


def send(receiver: RunningReceiver) -> None:
    for _ in range(SENT):
        send_one(receiver)


def stop(receiver: RunningReceiver, command: str) -> None:
    receiver.running[command].terminate()
    assert receiver.running[command].wait(60) == 0


def test_run_leaves_everything_in_the_one_file(tmp_path: Path) -> None:
    with running_receiver(tmp_path) as receiver:
        send(receiver)
        stop(receiver, "run")
        assert_nothing_beside(tmp_path)


@pytest.mark.parametrize("child", ["serve", "worker"])
def test_run_does_so_where_a_child_was_killed_as_it_left(tmp_path: Path, child: str) -> None:
    """The kernel kills whom it likes, and what was killed closed nothing."""
    with running_receiver(tmp_path) as receiver:
        run = receiver.running["run"]
        send(receiver)
        pid = child_named(run, child)
        os.kill(pid, signal.SIGSTOP)  # it will not hear that it should end
        run.terminate()
        others = [each for each in ("serve", "worker") if each != child]
        receiver.wait_for(lambda: not has_child(run.pid, others[0]), "the other to end")
        for each in children_of(pid):
            kill(each)  # and wait until it has closed the files: `run` waits for its own child alone
        os.kill(pid, signal.SIGKILL)
        run.wait(60)
        assert_nothing_beside(tmp_path)


def has_child(parent: int, command: str) -> bool:
    lines = [Path(f"/proc/{pid}/cmdline").read_text("utf-8") for pid in children_of(parent)]
    return any(line.rstrip("\0").endswith(command) for line in lines)


def children_of(pid: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text("utf-8").split()]


@pytest.mark.parametrize("last", ["serve", "worker"])
def test_the_last_part_to_leave_does_so_whichever_it_is(tmp_path: Path, last: str) -> None:
    with running_receiver(tmp_path, ()) as receiver:
        assert receiver.command("migrate").returncode == 0
        receiver.start("serve", "worker")
        receiver.wait_until_ready()
        send(receiver)
        stop(receiver, "worker" if last == "serve" else "serve")
        stop(receiver, last)
        assert_nothing_beside(tmp_path)


def test_parts_that_leave_at_once_do_so(tmp_path: Path) -> None:
    with running_receiver(tmp_path, ()) as receiver:
        assert receiver.command("migrate").returncode == 0
        receiver.start("serve", "worker", "watch")
        receiver.wait_until_ready()
        send(receiver)
        for command in ("serve", "worker"):
            receiver.running[command].terminate()
        for command in ("serve", "worker"):
            assert receiver.running[command].wait(60) == 0
        assert_nothing_beside(tmp_path)
