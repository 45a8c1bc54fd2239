"""A worker sleeps until PostgreSQL tells it of a webhook, whichever host took it in; with SQLite it looks often."""

import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

import psycopg
import pytest
from sqlalchemy import Connection, create_engine, event, text
from sqlalchemy.engine import URL, make_url

from receiver.store import Store, Wakeup
from receiver.store.database.engine import close_engine, open_engine
from receiver.store.work import wakeup
from tests.databases import new_database, sqlalchemy_url
from tests.lab.waiting import wait_until
from tests.makers import a_delivery, incoming
from tests.store.vanishing import way_to

LONG_S = 60.0
"""Nobody waits so long: a test that does has not been woken."""


@pytest.fixture
def url(postgres: str, migrated_postgres: str) -> str:
    return sqlalchemy_url(new_database(postgres, migrated_postgres))


@contextmanager
def listening(url: str) -> Iterator[Wakeup]:
    """One that hears: the first wait ends at once, as what came before went unheard."""
    engine = open_engine(url)
    with closing(Wakeup(engine)) as sleeper:
        assert sleeper.wait(LONG_S)
        yield sleeper
    close_engine(engine)


def listeners(url: str) -> list[int]:
    """The server's processes that serve one who hears."""
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        query = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'"
        return [pid for (pid,) in connection.execute(query)]


def call(connection: Connection) -> None:
    connection.execute(text(f"NOTIFY {wakeup.CHANNEL}"))


def heard(sleeper: Wakeup) -> int:
    """How many calls have arrived at one who hears and were not read yet."""
    with socket.socket(fileno=os.dup(sleeper._ears.fileno())) as ears, suppress(BlockingIOError):
        return ears.recv(65536, socket.MSG_PEEK | socket.MSG_DONTWAIT).count(wakeup.CHANNEL.encode())
    return 0


def test_a_webhook_kept_by_another_process_wakes_the_sleeper(url: str) -> None:
    with listening(url) as sleeper, closing(Store(url)) as other:
        assert not sleeper.wait(0.05)
        later = threading.Timer(0.2, other.keep, [incoming(a_delivery())])
        later.start()
        assert sleeper.wait(LONG_S)
        later.join()
        assert not sleeper.wait(0.05), "one webhook wakes once"


def test_what_came_while_the_sleeper_was_at_work_ends_its_next_sleep_at_once(url: str) -> None:
    with listening(url) as sleeper, closing(Store(url)) as other:
        for number in range(3):
            other.keep(incoming(a_delivery(wire_id=number, uuid=f"u{number}")))
        wait_until(lambda: heard(sleeper) == 3)
        assert sleeper.wait(LONG_S)
        assert not sleeper.wait(0.05)


def test_a_webhook_that_was_not_kept_wakes_nobody(url: str) -> None:
    engine = create_engine(url)
    with listening(url) as sleeper:
        with engine.connect() as connection:
            call(connection)
            connection.rollback()
        assert not sleeper.wait(0.1)
        with engine.begin() as connection:
            call(connection)
        assert sleeper.wait(LONG_S)
    engine.dispose()


def test_every_sleeper_is_woken(url: str) -> None:
    """Each host has a worker."""
    with listening(url) as one, listening(url) as another, closing(Store(url)) as store:
        store.keep(incoming(a_delivery()))
        assert one.wait(LONG_S)
        assert another.wait(LONG_S)


def test_a_lost_connection_is_made_anew_without_a_word(url: str) -> None:
    with listening(url) as sleeper, closing(Store(url)) as other:
        [pid] = listeners(url)
        with psycopg.connect(url.replace("+psycopg", "")) as connection:
            connection.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
        wait_until(lambda: sleeper.wait(LONG_S))  # as something may have come that nobody heard of
        wait_until(lambda: sleeper.wait(LONG_S))  # and until it listened again
        assert listeners(url) not in ([], [pid])
        other.keep(incoming(a_delivery()))
        assert sleeper.wait(LONG_S)


def test_while_nothing_can_be_heard_one_looks_often_and_asks_for_a_connection_seldom(url: str) -> None:
    address = make_url(url)
    with way_to(address.port or 0) as way:
        through = address.set(port=way.port).render_as_string(hide_password=False)
        with listening(through) as sleeper:
            way.close()
            assert sleeper.wait(LONG_S), "the loss"
            tried = count_connects(sleeper)
            for _ in range(5):
                assert not sleeper.wait(LONG_S)
            assert len(tried) == 1


def count_connects(sleeper: Wakeup) -> list[object]:
    tried: list[object] = []
    event.listen(sleeper._engine, "do_connect", lambda *words: tried.append(words))
    return tried


def test_with_sqlite_one_looks_often(tmp_path: object) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/store.db")
    with closing(Wakeup(engine)) as sleeper:
        assert not sleeper.wait(LONG_S)
    close_engine(engine)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_signal_ends_the_sleep_at_once(kind: str, tmp_path: object, request: pytest.FixtureRequest) -> None:
    """The handler runs in the thread that sleeps, within a system call that Python takes up again after it."""
    address = f"sqlite:///{tmp_path}/store.db" if kind == "sqlite" else request.getfixturevalue("url")
    engine = open_engine(address)
    with closing(Wakeup(engine)) as sleeper:
        sleeper.wait(0)
        previous = signal.signal(signal.SIGUSR1, lambda *_: sleeper.wake())
        later = threading.Timer(0.05, os.kill, [os.getpid(), signal.SIGUSR1])
        later.start()
        woken = False
        while not woken:
            woken = sleeper.wait(LONG_S)
        later.join()
        signal.signal(signal.SIGUSR1, previous)
        sleeper.wake()
        assert sleeper.wait(LONG_S), "and the next one, if it comes before"
    sleeper.wake()
    close_engine(engine)


def test_the_connection_that_hears_takes_no_place_of_those_that_work(url: str) -> None:
    with listening(url) as sleeper:
        assert sleeper._engine.pool.checkedout() == 0  # type: ignore[attr-defined]


def test_the_connection_that_hears_has_the_limits_of_the_address(url: str) -> None:
    patient = make_url(url).update_query_dict({"tcp_user_timeout": "7000"})
    assert isinstance(patient, URL)
    with listening(patient.render_as_string(hide_password=False)) as sleeper:
        assert sleeper._ears.info.get_parameters()["tcp_user_timeout"] == "7000"
        assert sleeper._ears.info.get_parameters()["keepalives_idle"] == "5"
