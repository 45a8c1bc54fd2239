"""A store that cannot be written: no acknowledgement, nothing lost, and as before once it heals."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from sqlalchemy import event
from sqlalchemy.engine import make_url
from werkzeug.test import TestResponse

from receiver.store import Store
from tests.core.samples import edited
from tests.lab.database import engine_of
from tests.web.receiver_client import RDV, Receiver

on_sqlite = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
on_postgresql = pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)


def assert_unavailable(response: TestResponse) -> None:
    assert (response.status_code, response.json) == (503, {"status": "unavailable"})
    assert int(response.headers["Retry-After"]) > 0
    assert response.mimetype == "application/json"


def prepare_connections(store: Store, pragma: str) -> None:
    """Have every connection of the store begin so from now on."""
    event.listen(engine_of(store), "connect", lambda connection, _: connection.execute(f"PRAGMA {pragma}"))
    engine_of(store).dispose()


def another(number: int) -> Any:
    uuid = f"{number:08x}-6f0e-4c57-9d0b-6a6c1b6f2b11"
    return edited(edited(edited(RDV, "data.id", number), "data.uuid", uuid), "data.motif.name", "m" * 500)


@on_sqlite
def test_a_full_disk_is_not_an_acknowledgement(receiver: Receiver) -> None:
    file = sqlite3.connect(make_url(receiver.url).database or "")
    pages = file.execute("PRAGMA page_count").fetchone()[0]
    file.close()
    prepare_connections(receiver.store, f"max_page_count={pages + 4}")
    accepted = 0
    while (response := receiver.post(another(accepted + 1))).status_code == 202:
        accepted += 1
        assert accepted < 200
    assert_unavailable(response)
    dump = receiver.dump()
    assert len(dump["inbox"]) == accepted
    assert receiver.flush_refusals() is not None, "what was counted waits in memory"
    assert receiver.request("GET", "/healthz").status_code == 200


@on_sqlite
def test_a_file_locked_for_too_long_is_not_an_acknowledgement(receiver: Receiver) -> None:
    """Another program with a hand on the file, such as a backup that copies it."""
    prepare_connections(receiver.store, "busy_timeout=20")
    before = receiver.dump()
    other = sqlite3.connect(make_url(receiver.url).database or "", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert_unavailable(receiver.post())
    other.execute("ROLLBACK")
    other.close()
    assert receiver.dump() == before
    assert receiver.post().status_code == 202


@contextmanager
def unreachable(url: str) -> Iterator[None]:
    """Cut off every connection to a PostgreSQL database and let nobody in, for a while."""
    address = make_url(url)
    server = address.set(drivername="postgresql", database="postgres").render_as_string(hide_password=False)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'ALTER DATABASE "{address.database}" ALLOW_CONNECTIONS false')
        cut = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s"
        connection.execute(cut, [address.database])
        yield
        connection.execute(f'ALTER DATABASE "{address.database}" ALLOW_CONNECTIONS true')


@on_postgresql
def test_a_server_that_is_down_is_not_an_acknowledgement(receiver: Receiver) -> None:
    assert receiver.post().status_code == 202
    before = receiver.dump()
    with unreachable(receiver.url):
        assert_unavailable(receiver.post(another(1)))
        assert receiver.request("GET", "/healthz").status_code == 200
        assert receiver.request("GET", "/readyz").status_code == 503
    assert receiver.dump() == before
    assert receiver.post(another(1)).status_code == 202, "no restart is needed"


@on_postgresql
def test_refusals_are_answered_while_the_server_is_down(receiver: Receiver) -> None:
    """Who signed, and what, is judged without the store."""
    with unreachable(receiver.url):
        assert receiver.post(secret="wrong").status_code == 401
        assert receiver.post(edited(RDV, "data.id", "x")).status_code == 422
        receiver.app.extensions["receiver"].counting.flush()
    assert receiver.flush_refusals() == {("mds", "unauthorized"): 1, ("mds", "payload"): 1}
