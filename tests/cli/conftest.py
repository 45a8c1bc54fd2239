"""What tests of commands share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.operator import Operator, make


@pytest.fixture
def operator(
    tmp_path: Path, store_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Operator]:
    """An operator, over a store of each kind."""
    made = make(tmp_path, store_url, monkeypatch, capsys)
    yield made
    made.store.close()
