"""`status`, from the command line to a store and back."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from connectors.base import Temporary
from receiver.core.servers import Server, failed
from receiver.store import Store, Tally
from tests.cli.test_rules_commands import Desk, desk  # noqa: F401  # a fixture
from tests.makers import KARIM, MARTINE


@pytest.fixture
def place(desk: Desk) -> Desk:  # noqa: F811  # the fixture
    desk.run("apply-policies")
    desk.store.beat("worker/here/1", desk.store.now())
    return desk


def troubles(place: Desk) -> list[tuple[str, str, str, int]]:
    status, out = place.run("status", "--json")
    report: dict[str, Any] = json.loads(out)
    assert (status, report["ok"]) == ((1, False) if report["troubles"] else (0, True))
    return [(each["code"], each["subject"], each["cause"], each["count"]) for each in report["troubles"]]


def test_all_is_well(place: Desk) -> None:
    assert troubles(place) == []
    status, out = place.run("status")
    assert status == 0
    assert "Source mds : aucun webhook reçu." in out
    assert out.endswith("Tout va bien.\n")


def test_what_came_and_what_waits_is_shown(place: Desk) -> None:
    place.expect([1, 2], MARTINE)
    report = json.loads(place.run("status", "--json")[1])
    assert (report["store"]["due"], report["store"]["unsettled"]) == (2, 0)
    assert list(report["store"]["last_webhook"]) == ["mds"]


def test_an_agent_without_a_mailbox_is_a_trouble(place: Desk) -> None:
    place.expect([1], KARIM)
    assert troubles(place) == [("agents_unmapped", "", "", 1)]


def break_server(store: Store) -> None:
    now = store.now()

    def fail(server: Server) -> Server:
        return failed(server, Temporary("unauthorized"), server.credentials, None, now, 0.5)

    store.change_server("pilot", fail)


def silence_worker(store: Store) -> None:
    store._write(lambda connection: connection.exec_driver_sql("DELETE FROM heartbeats"))
    old = store.now() - timedelta(minutes=5)
    store._write(lambda connection: connection.exec_driver_sql("DELETE FROM heartbeats"))
    store.beat("worker/here/1", old)


def refuse_signatures(store: Store) -> None:
    refused = {("mds", "unauthorized"): 12, ("mds", "model"): 500, ("old", "payload"): 3}
    store.tally(
        {Tally("refused", name, "", reason): count for (name, reason), count in refused.items()}, {}, store.now()
    )


def break_mailbox(store: Store) -> None:
    sql = (
        "INSERT INTO mailboxes (calendar, address, attempts, failure) VALUES ('pilot', 'x@box.example', 3,"
        " 'mailbox_not_found')"
    )
    store._write(lambda connection: connection.exec_driver_sql(sql))


@pytest.mark.parametrize(
    ("harm", "expected", "sentence"),
    [
        (break_server, ("server_failing", "pilot", "unauthorized", 0), "refuse le compte de service"),
        (silence_worker, ("worker_silent", "", "", 0), "Plus rien n'écrit dans les calendriers"),
        (refuse_signatures, ("signatures_refused", "mds", "", 12), "12 signatures fausses"),
        (break_mailbox, ("mailboxes_failing", "pilot", "mailbox_not_found", 1), "1 boîte(s) en échec sur pilot"),
    ],
)
def test_each_trouble_says_its_cause_and_its_cure(
    place: Desk, harm: Callable[[Store], None], expected: tuple[str, str, str, int], sentence: str
) -> None:
    harm(place.store)
    assert troubles(place) == [expected]
    status, out = place.run("status")
    assert status == 1
    assert sentence in out
    assert f"guide de dépannage : {expected[0]}" in out


def test_a_store_that_is_away_is_told(place: Desk) -> None:
    place.configure(store={"url": "postgresql://nobody@127.0.0.1:1/none"})
    assert troubles(place) == [("store_unreachable", "", "", 0)]


def test_a_store_that_was_never_migrated_is_told(place: Desk) -> None:
    place.configure(store={"url": f"sqlite:///{place.path.parent}/empty.db"})
    assert troubles(place) == [("store_not_current", "", "", 0)]
