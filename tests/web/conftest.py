"""The receiver that web tests speak to."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from receiver.store import Store
from tests.web.access_client import AccessHarness
from tests.web.receiver_client import Receiver


@pytest.fixture
def receiver(store: Store, store_url: str) -> Receiver:
    """A receiver over a store of each kind."""
    return Receiver(store, store_url)


@pytest.fixture
def site(migrated_sqlite: Path, tmp_path: Path) -> Iterator[AccessHarness]:
    """Somebody before the pages. Which database there is makes no difference here: tests/store looks after that."""
    store = Store(f"sqlite:///{shutil.copy(migrated_sqlite, tmp_path / 'store.db')}")
    yield AccessHarness(store)
    store.close()
