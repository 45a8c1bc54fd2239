"""The connection over which webhooks are put down: it stays open, and another takes its place when it is lost."""

from contextlib import closing
from typing import Any

import pytest
from sqlalchemy.engine import make_url

from receiver.store import Store, StoreUnavailable
from receiver.store.tools import backup
from tests.lab.database import engine_of
from tests.makers import NOW, a_delivery, incoming
from tests.store.vanishing import way_to

ON_POSTGRESQL = pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)
ON_SQLITE = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)


class Overheard:
    """A driver's connection all of whose statements are noted."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.said: list[str] = []

    def execute(self, statement: str, values: Any) -> object:
        self.said.append(statement)
        return self._connection.execute(statement, values)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def close(self) -> None:
        self._connection.close()


def keep(store: Store, *numbers: int) -> None:
    for number in numbers:
        store.keep(incoming(a_delivery(wire_id=number, uuid=str(number))))


def kept(store: Store) -> int:
    store.judge_all(NOW)
    return store.read(backup.counts_of)["events"]


def ask(store: Store, question: str) -> Any:
    """Ask something over the connection that webhooks take."""
    return store._appender._connection.execute(question).fetchone()[0]


def test_webhooks_are_put_down_one_statement_each_time_over_one_connection(store: Store) -> None:
    keep(store, 1)
    overheard = store._appender._connection = Overheard(store._appender._connection)
    keep(store, 2, 3)
    assert [each.count("INSERT INTO inbox") for each in overheard.said] == [1, 1]
    store._appender.append([store._appender.prepared(incoming(a_delivery(wire_id=n, uuid=str(n)))) for n in (4, 5)])
    assert len(overheard.said) == 3, "and one statement for many"
    assert store._appender._connection is overheard
    assert kept(store) == 5


def test_closing_the_store_closes_it(store: Store) -> None:
    keep(store, 1)
    connection = store._appender._connection
    store.close()
    with pytest.raises(engine_of(store).dialect.loaded_dbapi.Error):
        connection.execute("SELECT 1")


@ON_SQLITE
def test_a_commit_waits_for_the_disk_as_everywhere(store: Store) -> None:
    keep(store, 1)
    assert (ask(store, "PRAGMA synchronous"), ask(store, "PRAGMA journal_mode")) == (2, "wal")
    assert not store._appender._connection.in_transaction


@ON_POSTGRESQL
def test_the_limits_of_every_connection_are_its_own_too(store: Store) -> None:
    keep(store, 1)
    assert ask(store, "SELECT current_setting('lock_timeout')") == "4s"


@ON_POSTGRESQL
def test_a_server_that_restarted_costs_no_webhook(store: Store) -> None:
    """Its goodbye lies in the socket before the next webhook comes."""
    keep(store, 1)
    backend = ask(store, "SELECT pg_backend_pid()")
    with closing(engine_of(store).raw_connection()) as other:
        other.cursor().execute(f"SELECT pg_terminate_backend({backend}, 5000)")
    keep(store, 2)
    assert ask(store, "SELECT pg_backend_pid()") != backend
    assert kept(store) == 2


@ON_POSTGRESQL
def test_what_a_frozen_server_did_not_confirm_is_not_acknowledged(store_url: str) -> None:
    url = make_url(store_url)
    with way_to(url.port or 0) as way:
        through = url.set(port=way.port).update_query_dict({"connect_timeout": "2"})
        with closing(Store(through.render_as_string(hide_password=False), timeout_s=0.2)) as store:
            keep(store, 1)
            way.blocked.set()
            with pytest.raises(StoreUnavailable):
                keep(store, 2)
            way.blocked.clear()
            keep(store, 2)  # what was held up on the way may have arrived by now: the emitter's second try is a repeat
            assert kept(store) == 2


def test_where_no_server_is_nothing_is_acknowledged() -> None:
    with closing(Store("postgresql+psycopg://rdv@127.0.0.1:1/none")) as store, pytest.raises(StoreUnavailable):
        keep(store, 1)


def test_a_statement_that_fails_costs_the_next_one_nothing(store: Store) -> None:
    keep(store, 1)
    with pytest.raises(StoreUnavailable):
        store._appender.append(["no row at all"])
    keep(store, 2)
    assert kept(store) == 2
