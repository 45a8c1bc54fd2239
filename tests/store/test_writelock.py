"""One thread of all processes writes into a SQLite file at a time, and hands the turn on without a long sleep."""

import errno
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from receiver.store import Store, StoreUnavailable
from receiver.store.database import engine as engine_module
from receiver.store.database import sqlite_lock
from receiver.store.database.sqlite_lock import SUFFIX, WriteLock
from receiver.store.intake import judge_batch
from tests.makers import NOW, a_delivery, incoming

HOLD = """
import sys
from pathlib import Path
from receiver.store.database.sqlite_lock import WriteLock
assert WriteLock(Path(sys.argv[1])).acquire(10)
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / f"rdv.db{SUFFIX}"


def test_a_turn_of_another_process_is_waited_for_and_ends_with_it(path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    lock = WriteLock(path)
    assert not lock.acquire(0.05)
    holder.kill()
    holder.communicate()
    assert lock.acquire(10)
    lock.release()
    lock.close()


def test_a_turn_that_was_not_got_keeps_nobody_waiting(path: Path) -> None:
    first, second = WriteLock(path), WriteLock(path)
    assert first.acquire(1)
    assert not second.acquire(0.01)
    first.release()
    assert second.acquire(1)
    second.release()
    first.close()
    second.close()


def test_without_a_file_the_threads_of_the_process_take_turns(tmp_path: Path) -> None:
    lock = WriteLock(tmp_path / "missing" / "lock")
    assert lock.acquire(1)
    got: list[bool] = []
    other = threading.Thread(target=lambda: got.append(lock.acquire(0.01)))
    other.start()
    other.join()
    assert got == [False]
    lock.release()
    lock.close()


def test_where_no_file_can_be_locked_the_threads_of_the_process_take_turns(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(sqlite_lock.fcntl, "flock", refused)
    lock = WriteLock(path)
    for _ in range(2):
        assert lock.acquire(0.01)
        assert not lock.acquire(0.01)
        lock.release()
    lock.close()


def test_what_fails_while_a_turn_is_asked_for_keeps_nobody_from_the_next(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = WriteLock(path)
    with monkeypatch.context() as broken:
        broken.setattr(lock, "_open", lambda: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            lock.acquire(1)
    assert lock.acquire(0.01)
    lock.release()
    lock.close()


def test_closing_waits_for_nobody(path: Path) -> None:
    """A process that ends does not hang because one of its threads does."""
    lock = WriteLock(path)
    assert lock.acquire(1)
    lock.close()
    other = WriteLock(path)
    assert not other.acquire(0.01)
    lock.release()
    assert other.acquire(1)
    other.release()
    other.close()
    lock.close()


def test_who_waits_for_too_long_is_told_and_nothing_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that was stopped in its turn: the emitter gets 503 and sends again."""
    monkeypatch.setattr(engine_module, "BUSY_TIMEOUT_MS", 50)
    store = Store(f"sqlite:///{tmp_path}/rdv.db")
    store.migrate()
    other = WriteLock(tmp_path / f"rdv.db{SUFFIX}")
    assert other.acquire(1)
    with pytest.raises(StoreUnavailable):
        store.write(judge_batch.take, [incoming(a_delivery())], NOW)
    other.release()
    assert [receipt.verdict for receipt in store.write(judge_batch.take, [incoming(a_delivery())], NOW)] == ["accepted"]
    other.close()
    store.close()
