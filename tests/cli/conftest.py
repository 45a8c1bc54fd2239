"""What tests of commands share."""

import io
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.console import Console
from tests.cli.operator import Operator, make
from tests.logs.captured import captured_logs


@pytest.fixture
def operator(
    tmp_path: Path, store_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Operator]:
    """An operator, over a store of each kind."""
    made = make(tmp_path, store_url, monkeypatch, capsys)
    yield made
    made.store.close()


@pytest.fixture
def console(
    migrated_sqlite: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Console]:
    (tmp_path / "store.db").write_bytes(migrated_sqlite.read_bytes())
    (tmp_path / "ics").mkdir()
    monkeypatch.setenv("RDV_SECRET", "s")
    opened = Console(tmp_path / "config.yaml", capsys)
    yield opened
    opened.store.close()


@pytest.fixture
def process_logs() -> Iterator[io.StringIO]:
    """Commands set up the logs and the signals of a process that is theirs alone; here it is pytest's."""
    previous = signal.getsignal(signal.SIGHUP)
    with captured_logs() as stream:
        yield stream
    signal.signal(signal.SIGHUP, previous)
