"""What the probe says while somebody keeps tables of PostgreSQL locked."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import create_engine, text

from receiver.store import Cause, heartbeats
from receiver.web.health import PROBE_EVERY
from tests.web.receiver_client import Receiver

pytestmark = pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)


@contextmanager
def locked(receiver: Receiver, table: str, mode: str) -> Iterator[None]:
    engine = create_engine(receiver.url)
    with engine.begin() as connection:
        connection.execute(text(f"LOCK TABLE {table} IN {mode} MODE"))
        yield
    engine.dispose()


@pytest.mark.parametrize("mode", ["ACCESS EXCLUSIVE", "SHARE"])
def test_a_process_that_can_put_nothing_down_is_not_ready_and_says_why(receiver: Receiver, mode: str) -> None:
    receiver.store.write(heartbeats.beat, "worker/host/1", receiver.store.now())
    with locked(receiver, "inbox", mode):
        answer = receiver.request("GET", "/readyz")
        told = answer.get_json()
        assert (answer.status_code, told["codes"], told["cause"]) == (503, ["store_unreachable"], Cause.BUSY)
    receiver.now += PROBE_EVERY
    assert receiver.request("GET", "/readyz").status_code == 200
