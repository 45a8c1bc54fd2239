"""Benches over each database, or over SQLite alone where the database cannot matter."""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.logs.captured import captured_logs
from tests.worker.bench import Bench, StoreInTime, open_bench
from tests.worker.lookouts import Watch
from tests.worker.office import Office


@pytest.fixture
def bench(migrated_sqlite: Path, tmp_path: Path) -> Iterator[Bench]:
    copy = tmp_path / "store.db"
    shutil.copy(migrated_sqlite, copy)
    with open_bench(f"sqlite:///{copy}") as opened:
        yield opened


@pytest.fixture
def bench_on_each(store_url: str) -> Iterator[Bench]:
    with open_bench(store_url) as opened:
        yield opened


@pytest.fixture
def office(migrated_sqlite: Path, tmp_path: Path) -> Iterator[Office]:
    copy = tmp_path / "store.db"
    shutil.copy(migrated_sqlite, copy)
    store = StoreInTime(f"sqlite:///{copy}")
    with captured_logs() as stream:
        opened = Office(tmp_path, store, stream)
        yield opened
        opened.worker._stop_crews()
        store.close()


@pytest.fixture
def watch(migrated_sqlite: Path, tmp_path: Path) -> Iterator[Watch]:
    copy = tmp_path / "store.db"
    shutil.copy(migrated_sqlite, copy)
    store = StoreInTime(f"sqlite:///{copy}")
    with captured_logs() as stream:
        opened = Watch(store, stream)
        yield opened
        for each in opened.lookouts:
            each.stop()
            each.join(time.monotonic() + 30)
        assert opened.lines("unforeseen") == []
    store.close()
