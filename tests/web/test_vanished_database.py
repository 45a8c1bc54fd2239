"""What the web says while its database is another's, or empty, on each kind of database."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect, text

from receiver.store import Marker, Store
from receiver.web.overload import LOOK_EVERY
from tests.web.receiver_client import Receiver

OTHER = "0" * 8 + "-0000-4000-8000-" + "0" * 12
VANISHED = (503, {"status": "unavailable", "reason": "store_vanished"})


@pytest.fixture
def receiver(store_url: str, tmp_path: Path) -> Iterator[Receiver]:
    store = Store(store_url, marker=Marker(tmp_path / "marker.json"))
    store.migrate()
    yield Receiver(store, store_url)
    store.close()


def say(receiver: Receiver, *statements: str) -> None:
    engine = create_engine(receiver.url)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


def later(receiver: Receiver) -> None:
    receiver.now += LOOK_EVERY + timedelta(seconds=1)


def answer(receiver: Receiver) -> tuple[int, object]:
    response = receiver.post()
    return response.status_code, response.json


def test_anothers_database_gets_no_webhook_and_the_own_one_does_when_it_is_back(receiver: Receiver) -> None:
    own = receiver.store.installation().id
    assert answer(receiver)[0] == 202
    say(receiver, f"UPDATE installation SET id = '{OTHER}'")
    later(receiver)
    assert answer(receiver) == VANISHED
    ready = receiver.request("GET", "/readyz")
    assert (ready.status_code, ready.json["checks"]["store"]) == (503, "store_vanished")  # type: ignore[index]
    say(receiver, f"UPDATE installation SET id = '{own}'")
    later(receiver)
    assert answer(receiver)[0] == 202
    assert receiver.request("GET", "/readyz").json["checks"]["store"] == "ok"  # type: ignore[index]


@pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)
def test_a_server_whose_database_was_emptied_is_not_filled(receiver: Receiver) -> None:
    assert answer(receiver)[0] == 202
    say(receiver, "DROP SCHEMA public CASCADE", "CREATE SCHEMA public")
    assert answer(receiver)[0] == 503, "at once"
    later(receiver)
    assert answer(receiver) == VANISHED
    assert receiver.request("GET", "/readyz").json["checks"]["store"] == "store_vanished"  # type: ignore[index]
    engine = create_engine(receiver.url)
    assert inspect(engine).get_table_names() == []
    engine.dispose()
