"""The receiver that web tests speak to."""

import pytest

from receiver.store import Store
from tests.web.receiver_client import Receiver


@pytest.fixture
def receiver(store: Store, store_url: str) -> Receiver:
    """A receiver over a store of each kind."""
    return Receiver(store, store_url)
