"""Benches over each database, or over SQLite alone where the database cannot matter."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.worker.bench import Bench, open_bench


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
