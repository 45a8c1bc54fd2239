"""Copies of the store are whole, sound, private, and made while others write."""

import sqlite3
import stat
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text, update

from receiver.core.desired import Decision
from receiver.core.mailboxes import Mailbox
from receiver.store import Store, StoreUnavailable, heartbeats, migrations
from receiver.store.database.engine import writing
from receiver.store.database.tables import installation
from receiver.store.intake import judge_batch
from receiver.store.tools import backup
from receiver.store.tools.backup import CopyFailed
from tests.databases import new_database, sqlalchemy_url
from tests.lab.database import engine_of
from tests.makers import NOW, a_delivery, incoming
from tests.store.everything import fill, rows

HERS = Mailbox("exchange", "martine@x.example")


def nobody_watches(_: int) -> Any:
    return nullcontext(lambda: None)


@pytest.fixture
def other_url(store_url: str, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """The address of a fresh, migrated database of the other kind."""
    if store_url.startswith("sqlite"):
        cluster, template = request.getfixturevalue("postgres"), request.getfixturevalue("migrated_postgres")
        return sqlalchemy_url(new_database(cluster, template))
    copy = tmp_path / "moved.db"
    copy.write_bytes(request.getfixturevalue("migrated_sqlite").read_bytes())
    return f"sqlite:///{copy}"


@pytest.fixture
def other(other_url: str) -> Iterator[Store]:
    opened = Store(other_url)
    yield opened
    opened.close()


@contextmanager
def opened(path: Path) -> Iterator[Store]:
    store = Store(f"sqlite:///{path}")
    yield store
    store.close()


def restored(held: dict[str, list[tuple[Any, ...]]]) -> dict[str, list[tuple[Any, ...]]]:
    """What a copy holds, but for the mark of a copy."""
    columns = [column.name for column in installation.columns]
    [who] = held["installation"]
    unmarked = tuple(False if name == "must_adopt" else value for name, value in zip(columns, who, strict=True))
    return held | {"installation": [unmarked]}


def test_a_backup_holds_every_value_and_is_marked(store: Store, tmp_path: Path) -> None:
    """What it holds is older than what calendars show by the time somebody restores it: they must be read first."""
    fill(store)
    path = tmp_path / "backup[1] é.db"
    counts = store.back_up(path, nobody_watches)
    before = rows(store)
    assert counts == {name: len(held) for name, held in before.items()}
    with opened(path) as copy:
        assert copy.is_current()
        assert copy.installation().must_adopt
        assert restored(rows(copy)) == restored(before)
    assert store.installation().id == before["installation"][0][0]


def test_a_backup_is_one_file_that_nobody_else_reads(store: Store, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    store.back_up(folder / "backup.db", nobody_watches)
    [only] = folder.iterdir()
    assert (only.name, stat.S_IMODE(only.stat().st_mode)) == ("backup.db", 0o600)


def test_a_backup_while_others_write_is_of_one_moment_and_holds_nobody_up(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each event has an agent and a delivery: a copy of two moments would hold one without the other."""
    monkeypatch.setattr(backup, "CHUNK", 4)
    enough, written = threading.Event(), []

    def write() -> None:
        while not enough.is_set():
            number = len(written) + 1
            store.write(judge_batch.take, [incoming(a_delivery(wire_id=number, uuid=f"u{number}"))], NOW)
            written.append(number)

    writer = threading.Thread(target=write)
    writer.start()
    during = []

    @contextmanager
    def watch(steps: int) -> Iterator[Any]:
        def step() -> None:
            """Between two steps somebody always writes."""
            deadline = threading.Event()
            before = len(written)
            for _ in range(500):
                if len(written) > before:
                    break
                deadline.wait(0.01)
            during.append(len(written) > before)

        assert steps
        yield step

    try:
        while len(written) < 20:
            enough.wait(0.01)
        counts = store.back_up(tmp_path / "backup.db", watch)
    finally:
        enough.set()
        writer.join()
    assert during
    assert all(during)
    assert counts["events"] == counts["deliveries"]
    with opened(tmp_path / "backup.db") as copy:
        held = rows(copy)
        assert len(held["events"]) == len(held["deliveries"]) == counts["events"] < len(written)


def test_a_copy_that_is_not_complete_is_thrown_away(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(store)
    path = tmp_path / "folder" / "backup.db"
    path.parent.mkdir()
    path.write_bytes(b"the one of yesterday")
    whole = backup.counts_of
    monkeypatch.setattr(backup, "counts_of", lambda connection: whole(connection) | {"events": 6})
    with pytest.raises(CopyFailed, match="differs"):
        store.back_up(path, nobody_watches)
    assert [(each.name, each.read_bytes()) for each in path.parent.iterdir()] == [
        ("backup.db", b"the one of yesterday")
    ]


def test_a_copy_that_is_not_sound_is_thrown_away(tmp_path: Path, migrated_sqlite: Path) -> None:
    damaged = tmp_path / "store.db"
    content = bytearray(migrated_sqlite.read_bytes())
    content[4096 * 6 : 4096 * 7] = b"\xff" * 4096
    damaged.write_bytes(content)
    with opened(damaged) as store, pytest.raises((CopyFailed, StoreUnavailable)):
        store.back_up(tmp_path / "backup.db", nobody_watches)
    assert not (tmp_path / "backup.db").exists()
    assert list(tmp_path.glob("*.part*")) == list(tmp_path.glob(".*")) == []


def test_where_nothing_can_be_written_no_copy_is_made(store: Store, tmp_path: Path) -> None:
    with pytest.raises(CopyFailed, match="unwritable"):
        store.back_up(tmp_path / "no" / "folder.db", nobody_watches)


def test_a_file_that_somebody_has_open_is_not_replaced(store: Store, tmp_path: Path) -> None:
    """SQLite would take the old file's log for the new one's."""
    path = tmp_path / "backup.db"
    store.back_up(path, nobody_watches)
    with opened(path) as copy:
        copy.write(heartbeats.beat, "worker/here/1", NOW)
        with pytest.raises(CopyFailed, match="in_use"):
            store.back_up(path, nobody_watches)


def test_moving_brings_every_value(store: Store, other: Store) -> None:
    fill(store)
    counts = store.move_to(other, nobody_watches)
    assert rows(other) == rows(store)
    assert all(counts.values())
    assert not other.installation().must_adopt


def test_moving_there_and_back_changes_nothing(store: Store, other: Store, tmp_path: Path) -> None:
    fill(store)
    before = rows(store)
    store.move_to(other, nobody_watches)
    with opened(tmp_path / "back.db") as back:
        other.move_to(back, nobody_watches)
        assert rows(back) == before


def test_an_empty_database_is_made_ready(migrated_sqlite: Path, postgres: str) -> None:
    address = sqlalchemy_url(new_database(postgres))
    with opened(migrated_sqlite) as source, closing(Store(address)) as target:
        source.move_to(target, nobody_watches)
        assert target.is_current()
        assert rows(target) == rows(source)


def test_a_copy_that_must_adopt_still_must_after_moving(store: Store, other: Store) -> None:
    with writing(engine_of(store)) as connection:
        connection.execute(update(installation).values(must_adopt=True))
    store.move_to(other, nobody_watches)
    assert other.installation().must_adopt


def test_the_work_goes_on_where_it_was_moved_to(store: Store, other: Store) -> None:
    """New rows get new numbers; those of placements that are gone are not given out again."""
    store.write(judge_batch.take, [incoming(a_delivery())], NOW)
    store.settle(lambda view: Decision({HERS: "d1", Mailbox("exchange", "other@x.example"): "d1"}), NOW)
    newest = max(row[0] for row in rows(store)["placements"])
    with writing(engine_of(store)) as connection:
        connection.execute(text("DELETE FROM placements WHERE id = :id"), {"id": newest})
    store.move_to(other, nobody_watches)
    other.write(judge_batch.take, [incoming(a_delivery(wire_id=2, uuid="u2"))], NOW)
    other.settle(lambda view: Decision({HERS: "d1", Mailbox("exchange", "new@x.example"): "d1"}), NOW)
    assert min(row[0] for row in rows(other)["placements"] if row[1] != 1) > newest
    assert (len(rows(other)["events"]), len(rows(other)["mailboxes"])) == (2, 3)


def test_nothing_is_copied_into_a_store_that_knows_something(store: Store, other: Store) -> None:
    other.write(heartbeats.beat, "worker/here/1", NOW)
    before = rows(other)
    with pytest.raises(CopyFailed, match="occupied"):
        store.move_to(other, nobody_watches)
    assert rows(other) == before


def test_a_move_that_fails_midway_leaves_nothing(store: Store, other: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(store)
    monkeypatch.setattr(backup, "_go_on_counting", lambda *_: (_ for _ in ()).throw(CopyFailed("differs")))
    with pytest.raises(CopyFailed):
        store.move_to(other, nobody_watches)
    held = rows(other)
    assert len(held.pop("installation")) == 1
    assert not any(held.values())


def test_a_database_that_cannot_be_reached_is_told(store: Store) -> None:
    away = Store("postgresql+psycopg://rdv@127.0.0.1:1/rdv")
    with pytest.raises(StoreUnavailable):
        store.move_to(away, nobody_watches)
    away.close()


def test_the_schema_of_another_version_is_not_filled(store: Store, tmp_path: Path, migrated_sqlite: Path) -> None:
    older = tmp_path / "older.db"
    older.write_bytes(migrated_sqlite.read_bytes())
    with closing(sqlite3.connect(older)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0001'")
        connection.commit()
    with opened(older) as target, pytest.raises(CopyFailed, match="not_current"):
        store.move_to(target, nobody_watches)


def test_what_a_newer_program_keeps_is_not_copied_without_what_we_do_not_know(store: Store, other: Store) -> None:
    """Row by row, that is; page by page, all comes along."""
    ahead = int(migrations.head()) + 1
    with writing(engine_of(store)) as connection:
        connection.execute(update(installation).values(oldest_schema=ahead - 1))
        connection.execute(text("UPDATE alembic_version SET version_num = :ahead"), {"ahead": f"{ahead:04}"})
    assert store.standing().usable
    with pytest.raises(CopyFailed, match="newer"):
        store.move_to(other, nobody_watches)
