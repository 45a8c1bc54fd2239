"""What is kept must outlive a cut of power: SQLite is told so by us, PostgreSQL by its administrator."""

import pytest

from receiver.store import Store
from receiver.store.database import engine

WITHOUT = "options=-c%20synchronous_commit%3Doff"


def test_of_sqlite_nothing_is_asked(store: Store, store_url: str) -> None:
    if store_url.startswith("sqlite"):
        assert store.read(engine.unsafe_settings) == ()


@pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)
def test_a_setting_of_postgresql_that_gives_durability_up_is_named(store: Store, store_url: str) -> None:
    assert "synchronous_commit" not in store.read(engine.unsafe_settings)
    careless = Store(f"{store_url}{'&' if '?' in store_url else '?'}{WITHOUT}")
    assert "synchronous_commit" in careless.read(engine.unsafe_settings)
    careless.close()
