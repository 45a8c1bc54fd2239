"""Benches over each database, or over SQLite alone where the database cannot matter."""

import shutil
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.lab.worker_harness import StoreInTime, WorkerHarness, open_harness
from tests.logs.captured import captured_logs
from tests.worker.loop_harness import WorkerLoopHarness
from tests.worker.periodic_harness import PeriodicHarness


@pytest.fixture
def fresh_sqlite(migrated_sqlite: Path, tmp_path: Path) -> str:
    return f"sqlite:///{shutil.copy(migrated_sqlite, tmp_path / 'store.db')}"


@pytest.fixture
def store_in_time(fresh_sqlite: str) -> Iterator[StoreInTime]:
    with closing(StoreInTime(fresh_sqlite)) as store:
        yield store


@pytest.fixture
def harness(fresh_sqlite: str) -> Iterator[WorkerHarness]:
    with open_harness(fresh_sqlite) as opened:
        yield opened


@pytest.fixture
def harness_on_each(store_url: str) -> Iterator[WorkerHarness]:
    with open_harness(store_url) as opened:
        yield opened


@pytest.fixture
def loop_harness(store_in_time: StoreInTime, tmp_path: Path) -> Iterator[WorkerLoopHarness]:
    with captured_logs() as stream:
        opened = WorkerLoopHarness(tmp_path, store_in_time, stream)
        yield opened
        opened.worker._stop_servers()


@pytest.fixture
def periodic_harness(store_in_time: StoreInTime) -> Iterator[PeriodicHarness]:
    with captured_logs() as stream:
        opened = PeriodicHarness(store_in_time, stream)
        yield opened
        for each in opened.lookouts:
            each.stop()
            each.join(time.monotonic() + 30)
        assert opened.lines("unforeseen") == []
