"""An SQLite file that is taken away, replaced and put back, under a store that is open."""

import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from receiver.store import Standing, Store, StoreVanished, heartbeats
from receiver.store.database.errors import ANOTHER, EMPTIED, GONE, LOG_MISSING, OLD_LOG, REPLACED
from receiver.store.database.presence import Presence, make
from receiver.store.place.marker import Mark, Marker
from receiver.store.tools import backup
from tests.lab.waiting import wait_until
from tests.makers import NOW, a_delivery, incoming


@pytest.fixture
def file(tmp_path: Path, migrated_sqlite: Path) -> Path:
    (tmp_path / "disk").mkdir()
    return shutil.copy(migrated_sqlite, tmp_path / "disk" / "store.db")


@pytest.fixture
def store(file: Path) -> Iterator[Store]:
    opened = Store(f"sqlite:///{file}")
    assert opened.standing() is Standing.CURRENT
    keep(opened, 1)
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def at_rest_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("receiver.store.database.presence.AT_REST_S", 0)


def keep(store: Store, number: int) -> None:
    store.keep(incoming(a_delivery(wire_id=number, uuid=str(number))))


WRITES: list[Callable[[Store], object]] = [
    lambda store: keep(store, 2),
    lambda store: store.write(heartbeats.beat, "web", NOW),
    lambda store: store.judge(NOW),
    lambda store: store.standing(),
    lambda store: store.installation(),
]


@pytest.mark.parametrize("act", WRITES, ids=["keep", "beat", "judge", "standing", "read"])
def test_of_a_file_that_is_gone_nothing_is_read_or_written_and_none_is_made(
    store: Store, file: Path, act: Callable[[Store], object]
) -> None:
    kept = file.with_name("kept.db")
    file.rename(kept)
    before = {each.name for each in file.parent.iterdir()}
    for _ in range(2):
        with pytest.raises(StoreVanished) as caught:
            act(store)
        assert caught.value.cause == GONE
    assert {each.name for each in file.parent.iterdir()} == before
    kept.rename(file)
    act(store)


class Leaving:
    """A driver's connection whose file goes right after each commit."""

    def __init__(self, connection: Any, file: Path) -> None:
        self._connection, self._file_at = connection, file

    def execute(self, *words: Any) -> None:
        self._connection.execute(*words)
        self._file_at.rename(self._file_at.with_name("kept.db"))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


def test_a_webhook_whose_file_went_between_commit_and_answer_is_not_acknowledged(store: Store, file: Path) -> None:
    store._appender._connection = Leaving(store._appender._connection, file)
    with pytest.raises(StoreVanished) as caught:
        keep(store, 2)
    assert caught.value.cause == GONE


def test_the_path_is_asked_after_the_commit_of_a_webhook(
    store: Store, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = []

    def confirm(self: Presence, connection: object = None) -> tuple[int, int]:
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as beside:
            asked.append(beside.execute("SELECT count(*) FROM inbox").fetchone()[0] == 2)
        return (0, 0)

    monkeypatch.setattr(Presence, "confirm", confirm)
    keep(store, 2)
    assert asked[-1], "after it"
    assert not asked[0], "and before"


def test_a_transaction_that_ends_in_a_file_that_went_meanwhile_has_failed(store: Store, file: Path) -> None:
    """A worker makes no call then: what it began is recorded nowhere."""

    def block(_: object) -> None:
        file.unlink()

    with pytest.raises(StoreVanished):
        store.write(block)


@pytest.mark.threat(id="swapped-database")
def test_another_file_is_not_written_into_and_not_changed(store: Store, file: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    with closing(Store(f"sqlite:///{other}")) as made:
        made.migrate()
    shutil.move(file, tmp_path / "kept.db")
    shutil.copy(other, file)
    for left in ("-wal", "-shm"):
        Path(f"{file}{left}").unlink()
    before = file.read_bytes()
    for act in WRITES:
        with pytest.raises(StoreVanished) as caught:
            act(store)
        assert caught.value.cause in {REPLACED, ANOTHER}
    assert file.read_bytes() == before


def test_an_empty_file_is_not_opened_as_sqlite_would_delete_the_log_beside_it(store: Store, file: Path) -> None:
    kept = file.with_name("kept.db")
    file.rename(kept)
    file.touch()
    log = Path(f"{file}-wal")
    before = log.read_bytes()
    with pytest.raises(StoreVanished):
        store.standing()
    with closing(Store(f"sqlite:///{file}", marker=store._marker)) as started_anew:
        store._marker.pinned = store._last_seen
        with pytest.raises(StoreVanished) as caught:
            started_anew.standing()
        assert caught.value.cause == EMPTIED
    assert (log.read_bytes(), file.stat().st_size) == (before, 0)
    kept.replace(file)
    assert store.standing() is Standing.CURRENT
    keep(store, 2)
    assert store.read(backup.counts_of)["inbox"] == 2


def test_the_same_installations_file_is_taken_up_and_what_is_written_goes_there(
    store: Store, file: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.db"
    with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    for left in ("", "-wal", "-shm"):
        Path(f"{file}{left}").unlink()
    with pytest.raises(StoreVanished):
        keep(store, 2)
    copy.rename(file)
    assert store.standing() is Standing.CURRENT
    keep(store, 3)
    with closing(sqlite3.connect(file)) as beside:
        assert beside.execute("SELECT count(*) FROM inbox").fetchone() == (2,)


def test_a_copy_beside_the_old_log_is_left_alone_until_that_is_gone(store: Store, file: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    copy.replace(file)
    before = file.read_bytes()
    for _ in range(2):
        with pytest.raises(StoreVanished) as caught:
            store.standing()
        assert caught.value.cause == OLD_LOG
    assert file.read_bytes() == before
    Path(f"{file}-wal").unlink()
    with pytest.raises(StoreVanished):
        store.standing()  # others may use the index still
    Path(f"{file}-shm").unlink()
    assert store.standing() is Standing.CURRENT


def test_a_copy_that_is_under_way_is_waited_for(
    store: Store, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("receiver.store.database.presence.AT_REST_S", 3600)
    copy = tmp_path / "copy.db"
    with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    for left in ("", "-wal", "-shm"):
        Path(f"{file}{left}").unlink()
    copy.rename(file)
    with pytest.raises(StoreVanished):
        store.standing()
    monkeypatch.setattr("receiver.store.database.presence.AT_REST_S", 0)
    assert store.standing() is Standing.CURRENT


def test_a_file_without_sense_in_its_place_is_said(store: Store, file: Path) -> None:
    for left in ("", "-wal", "-shm"):
        Path(f"{file}{left}").unlink()
    file.write_bytes(b"no database" * 1000)
    with pytest.raises(StoreVanished) as caught:
        store.standing()
    assert caught.value.cause == REPLACED


WRITING = [WRITES[0], WRITES[1], WRITES[3]]


@pytest.mark.parametrize("removed", [["-wal", "-shm"], ["-wal"], ["-shm"]], ids="".join)
@pytest.mark.parametrize("act", WRITING, ids=["keep", "beat", "standing"])
def test_nothing_is_acknowledged_once_the_log_was_removed_and_none_is_made(
    store: Store, file: Path, removed: list[str], act: Callable[[Store], object]
) -> None:
    for ending in removed:
        Path(f"{file}{ending}").unlink()
    with pytest.raises(StoreVanished) as caught:
        act(store)
    assert caught.value.cause == LOG_MISSING
    assert [ending for ending in removed if Path(f"{file}{ending}").exists()] == []


def test_another_store_of_the_process_makes_no_second_log(store: Store, file: Path) -> None:
    Path(f"{file}-wal").unlink()
    with closing(Store(f"sqlite:///{file}")) as another, pytest.raises(StoreVanished) as caught:
        another.installation()
    assert caught.value.cause == LOG_MISSING
    assert not Path(f"{file}-wal").exists()


OPENS = """
import sys
from receiver.store import Store, StoreVanished
store = Store(f"sqlite:///{sys.argv[1]}")
try:
    store.installation()
except StoreVanished as error:
    print(error.cause)
else:
    print("opened", flush=True)
    sys.stdin.read()
"""


def opening(file: Path) -> "subprocess.Popen[str]":
    words = [sys.executable, "-c", OPENS, str(file)]
    return subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_another_process_opens_no_database_that_is_in_use_and_lost_its_log(store: Store, file: Path) -> None:
    for ending in ("-wal", "-shm"):
        Path(f"{file}{ending}").unlink()
    told, _ = opening(file).communicate(timeout=60)
    assert told.strip() == LOG_MISSING
    assert not Path(f"{file}-wal").exists()


def test_a_database_that_another_process_uses_is_opened_only_with_its_log(store: Store, file: Path) -> None:
    store.close()
    with opening(file) as other:
        assert other.stdout is not None
        assert other.stdout.readline().strip() == "opened"
        assert store.standing() is Standing.CURRENT
        store.close()
        for ending in ("-wal", "-shm"):
            Path(f"{file}{ending}").unlink()
        with pytest.raises(StoreVanished) as caught:
            store.standing()
        assert caught.value.cause == LOG_MISSING
        other.communicate("")
    assert store.standing() is Standing.CURRENT, "nobody uses it"


def test_what_was_acknowledged_before_the_log_was_removed_is_there_after_a_clean_stop(store: Store, file: Path) -> None:
    for ending in ("-wal", "-shm"):
        Path(f"{file}{ending}").unlink()
    with pytest.raises(StoreVanished):
        keep(store, 2)
    store.close()
    with closing(Store(f"sqlite:///{file}")) as again:
        keep(again, 3)
        assert again.read(backup.counts_of)["inbox"] >= 2


def test_a_log_that_is_put_back_is_taken_up(store: Store, file: Path) -> None:
    log = Path(f"{file}-wal")
    log.rename(file.with_name("kept"))
    with pytest.raises(StoreVanished):
        keep(store, 2)
    file.with_name("kept").rename(log)
    assert store.standing() is Standing.CURRENT
    keep(store, 3)


def test_connections_that_were_all_closed_leave_the_next_ones_free_to_make_a_log(store: Store, file: Path) -> None:
    store.close()
    assert not Path(f"{file}-wal").exists()
    keep(store, 2)
    assert store.standing() is Standing.CURRENT


def test_a_commit_of_a_webhook_costs_two_looks_more_than_the_database_itself(
    store: Store, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    stat = os.stat

    def counted(path: Any, *words: Any, **more: Any) -> os.stat_result:
        asked.append(Path(path).name)
        return stat(path, *words, **more)

    monkeypatch.setattr("receiver.store.database.presence.os.stat", counted)
    keep(store, 2)
    assert sorted(asked) == ["store.db", "store.db", "store.db", "store.db-shm", "store.db-wal"]


def test_what_a_lost_file_left_is_set_aside_before_a_new_one_is_made(tmp_path: Path) -> None:
    file = tmp_path / "store.db"
    Path(f"{file}-wal").write_bytes(b"committed, once")
    make(file)
    assert {each.name for each in tmp_path.iterdir()} == {"store.db", "store.db-wal.left"}


def wait_for_more(numbers: list[int]) -> None:
    before = len(numbers)
    wait_until(lambda: len(numbers) > before)


def test_many_threads_meet_one_file_and_its_return(store: Store, file: Path) -> None:
    """Nothing is acknowledged that is not in the file which is there in the end."""
    kept, ended = file.with_name("kept.db"), threading.Event()
    acknowledged: list[int] = []
    refused: list[int] = []

    def bring(start: int) -> None:
        number = start
        while not ended.is_set():
            number += 10
            try:
                keep(store, number)
            except StoreVanished:
                refused.append(number)
                continue
            acknowledged.append(number)

    threads = [threading.Thread(target=bring, args=(start,)) for start in range(100, 104)]
    for thread in threads:
        thread.start()
    for _ in range(5):
        wait_for_more(acknowledged)
        file.rename(kept)
        wait_for_more(refused)
        kept.rename(file)
    ended.set()
    for thread in threads:
        thread.join()
    assert acknowledged
    assert store.read(backup.counts_of)["inbox"] >= len(acknowledged) + 1


def test_a_file_that_was_left_in_the_middle_of_a_checkpoint_is_still_ours(
    store: Store, file: Path, tmp_path: Path
) -> None:
    """Whoever was killed while the log went into the file left a file that is no database by itself."""
    name = store.installation().id.encode()
    with closing(sqlite3.connect(file)) as writing:
        writing.execute("VACUUM")  # every page is in the log from here on
        killed = tmp_path / "killed"
        killed.mkdir()
        for ending in ("", "-wal"):
            shutil.copy(f"{file}{ending}", killed / f"{file.name}{ending}")
    left = killed / file.name
    content, size = bytearray(left.read_bytes()), 4096
    for start in range(size, len(content), size):
        content[start : start + size] = bytes(size)
    left.write_bytes(content)
    marker = Marker(tmp_path / "marker.json")
    marker.note(Mark(name.decode(), 0))
    with closing(Store(f"sqlite:///{left}", marker=marker)) as again:
        assert again.standing() is Standing.CURRENT
        assert again.installation().id.encode() == name
