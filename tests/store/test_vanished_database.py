"""PostgreSQL that stops answering without a word: who waits for it is told in time, and goes on when it is back."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.engine import URL, make_url

from receiver.store import QUERY_TIMEOUT_S, Store, StoreUnavailable, heartbeats
from receiver.store.database.engine import close_engine, open_engine, reading, writing
from receiver.store.database.postgresql import TimedConnection
from tests.databases import new_database, postgres_cluster, sqlalchemy_url
from tests.installation.network import loopback_only
from tests.lab.database import engine_of
from tests.lab.waiting import wait_until
from tests.makers import NOW
from tests.requirements import require
from tests.store.vanishing import Way, way_to

pytestmark = pytest.mark.slow  # a PostgreSQL server that stops answering

SOON = {"connect_timeout": "2"}
"""The shortest that libpq knows."""


@pytest.fixture
def address(postgres: str, migrated_postgres: str) -> URL:
    return make_url(sqlalchemy_url(new_database(postgres, migrated_postgres)))


@pytest.fixture
def way(address: URL) -> Iterator[Way]:
    with way_to(address.port or 0) as opened:
        yield opened


def written(url: URL) -> str:
    return url.render_as_string(hide_password=False)


def test_whoever_waits_is_told_that_a_frozen_server_does_not_answer(address: URL, way: Way) -> None:
    """Its system still takes what is sent: no limit of TCP's helps."""
    url = written(address.set(port=way.port).update_query_dict(SOON))
    with closing(Store(url, timeout_s=0.2)) as store:
        store.write(heartbeats.beat, "before", NOW)
        way.blocked.set()
        for _ in range(2):  # on a connection that was open, and on a new one
            with pytest.raises(StoreUnavailable):
                store.write(heartbeats.beat, "meanwhile", NOW)
        way.blocked.clear()
        wait_until_written(store, "after")
        assert {"before", "after"} <= store.read(heartbeats.beats).keys()


def test_those_who_queue_do_not_wait_for_a_connection_one_after_the_other(
    address: URL, way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sixteen threads, and as many requests behind them, would else wait for much longer than an emitter."""
    tried: list[object] = []
    connect = psycopg.Connection.connect.__func__  # type: ignore[attr-defined]
    monkeypatch.setattr(
        TimedConnection,
        "connect",
        classmethod(lambda *words, **more: tried.append(words) or connect(*words, **more)),
    )
    url = written(address.set(port=way.port).update_query_dict(SOON))
    with closing(Store(url, timeout_s=0.2)) as store:
        way.blocked.set()
        for _ in range(20):
            with pytest.raises(StoreUnavailable):
                store.write(heartbeats.beat, "meanwhile", NOW)
        assert len(tried) == 1
        way.blocked.clear()
        wait_until_written(store, "after")


def wait_until_written(store: Store, name: str) -> None:
    """A server that answers again is asked again within a moment."""

    def is_written() -> bool:
        try:
            store.write(heartbeats.beat, name, NOW)
        except StoreUnavailable:
            return False
        return True

    wait_until(is_written, "a write")


def test_a_server_that_freezes_within_a_transaction_leaves_no_half_of_it(address: URL, way: Way) -> None:
    url = written(address.set(port=way.port).update_query_dict(SOON))
    engine = open_engine(url, timeout_s=0.2)

    def freeze_midway() -> None:
        with writing(engine) as connection:
            connection.execute(text("INSERT INTO heartbeats VALUES ('half', now())"))
            way.blocked.set()
            connection.execute(text("INSERT INTO heartbeats VALUES ('other half', now())"))

    with pytest.raises(StoreUnavailable):
        freeze_midway()
    way.blocked.clear()
    close_engine(engine)
    with closing(Store(written(address))) as store:
        assert not store.read(heartbeats.beats).keys() & {"half", "other half"}


def test_a_machine_that_vanished_is_found_out_by_whoever_has_patience_too() -> None:
    """Packets get lost, no word comes back: here the network goes down under an open connection."""
    require(os.geteuid() == 0 and shutil.which("ip"), "a network of one's own needs root and iproute2")
    with loopback_only(), postgres_cluster() as cluster:
        url = make_url(sqlalchemy_url(new_database(cluster))).update_query_dict({"tcp_user_timeout": "500"})
        with closing(Store(written(url))) as store:
            store.migrate()
            subprocess.run(["ip", "link", "set", "lo", "down"], check=True)
            with pytest.raises(StoreUnavailable):
                store.write(heartbeats.beat, "meanwhile", NOW)
            subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
            store.write(heartbeats.beat, "after", NOW)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, (2, 4_000, 5)),
        ({"connect_timeout": "8", "tcp_user_timeout": "9000", "keepalives_idle": "60"}, (8, 9_000, 60)),
    ],
)
def test_what_the_address_says_goes_before_our_limits(
    address: URL, query: dict[str, str], expected: tuple[int, int, int]
) -> None:
    engine = open_engine(written(address.update_query_dict(query)))
    with engine.connect() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        connect_timeout = int(driver.info.get_parameters()["connect_timeout"])
        duplicate = socket.socket(fileno=os.dup(driver.fileno()))
        with duplicate:
            options = [
                duplicate.getsockopt(socket.IPPROTO_TCP, option)
                for option in (socket.TCP_USER_TIMEOUT, socket.TCP_KEEPIDLE)
            ]
    close_engine(engine)
    assert (connect_timeout, *options) == expected


@pytest.mark.parametrize(
    ("patience_s", "options", "expected"),
    [
        (None, "", ("4s", "0")),
        (QUERY_TIMEOUT_S, "", ("4s", "3s")),
        (QUERY_TIMEOUT_S, "-c lock_timeout=1s -c statement_timeout=2s", ("1s", "2s")),
    ],
)
def test_only_who_waits_has_statements_cut_and_the_address_may_say_otherwise(
    address: URL, patience_s: float | None, options: str, expected: tuple[str, str]
) -> None:
    """A purge or a migration takes as long as it takes; nobody waits for a lock for longer than an emitter does."""
    url = address.update_query_dict({"options": options}) if options else address
    engine = open_engine(written(url), patience_s)
    with reading(engine) as connection:
        found = [connection.scalar(text(f"SHOW {name}")) for name in ("lock_timeout", "statement_timeout")]
    close_engine(engine)
    assert tuple(found) == expected


def test_a_write_waits_for_anothers_lock_no_longer_than_it_may(address: URL) -> None:
    url = written(address.update_query_dict({"options": "-c lock_timeout=100ms"}))
    with closing(Store(url)) as store:
        store.write(heartbeats.beat, "web", NOW)
        with writing(engine_of(store)) as other:
            other.execute(text("UPDATE heartbeats SET beat_at = now()"))
            with pytest.raises(StoreUnavailable, match="LockNotAvailable"):
                store.write(heartbeats.beat, "web", NOW)
        store.write(heartbeats.beat, "web", NOW)
