"""The probes: alive, and ready to keep webhooks and to have them written."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from receiver.config import AlertSettings, IcsFolder, Secret
from receiver.core.troubles import Code
from receiver.store import StoreUnavailable, heartbeats
from receiver.store.database import rights
from receiver.store.work import servers
from receiver.web.app import create_app
from receiver.web.health import HEARTBEAT_FRESH, PROBE_EVERY
from receiver.web.overload import Overload
from tests.web.receiver_client import SOURCES, Receiver, settings_of


@pytest.fixture(autouse=True)
def listening(receiver: Receiver) -> None:
    """Processes that serve beat; here none runs."""
    receiver.store.write(heartbeats.beat, f"{heartbeats.SERVES}host/1", receiver.store.now())


def readiness(receiver: Receiver) -> tuple[int, str, str, str]:
    response = receiver.request("GET", "/readyz", headers={"Accept": "text/html"})
    assert response.mimetype == "application/json"
    assert response.json is not None
    checks = response.json["checks"]
    return response.status_code, response.json["status"], checks["store"], checks["worker"]


READY = (200, "ready", "ok", "ok")
NO_WORKER = (200, "degraded", "ok", "failed")


def test_a_process_that_answers_is_alive(receiver: Receiver) -> None:
    response = receiver.request("GET", "/healthz")
    assert (response.status_code, response.json) == (200, {"status": "ok"})
    assert receiver.request("HEAD", "/healthz").status_code == 200


def codes(receiver: Receiver) -> list[str]:
    found: list[str] = receiver.request("GET", "/readyz").get_json()["codes"]
    return found


def test_without_a_worker_it_keeps_webhooks_and_says_what_is_missing(receiver: Receiver) -> None:
    assert readiness(receiver) == NO_WORKER
    assert codes(receiver) == [Code.WORKER_SILENT]


def test_an_account_that_may_not_put_webhooks_down_is_not_ready(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver.store.write(heartbeats.beat, "worker/host/1", receiver.store.now())
    monkeypatch.setattr(rights, "may_append", lambda _: False)
    answer = receiver.request("GET", "/readyz")
    assert (answer.status_code, answer.get_json()["codes"]) == (503, [Code.STORE_UNREACHABLE])


@pytest.mark.threat(id="false-unready")
def test_no_trouble_of_exchange_stops_the_intake(receiver: Receiver) -> None:
    """A balancer takes out whatever answers 503: all hosts at once, as all know the same servers."""
    store, now = receiver.store, receiver.store.now()
    store.write(heartbeats.beat, "worker/host/1", now)
    store.write(servers.change, "exchange", lambda server: replace(server, failure="timeout", failing_since=now))
    settings = settings_of(*SOURCES).replace(calendars={"exchange": IcsFolder(name="exchange", path=Path("/srv"))})
    receiver.app = create_app(settings, store, lambda: receiver.now, flush_after_s=None)
    assert readiness(receiver) == (200, "degraded", "ok", "ok")
    assert codes(receiver) == [Code.SERVER_FAILING]
    assert receiver.post().status_code == 202


def test_a_dead_watch_stops_no_intake_and_is_named(receiver: Receiver) -> None:
    store, now = receiver.store, receiver.store.now()
    store.write(heartbeats.beat, "worker/host/1", now)
    store.write(heartbeats.beat, heartbeats.WATCH, now - timedelta(minutes=2))
    alerts = AlertSettings(to=(Secret("json://127.0.0.1"),))
    receiver.app = create_app(
        settings_of(*SOURCES).replace(alerts=alerts), store, lambda: receiver.now, flush_after_s=None
    )
    assert readiness(receiver) == (200, "degraded", "ok", "ok")
    assert codes(receiver) == [Code.WATCH_SILENT]
    assert receiver.post().status_code == 202


@pytest.mark.parametrize(("reason", "code"), [("disk", Code.DISK_LOW), ("backlog", Code.BACKLOG_HIGH)])
def test_a_process_that_refuses_webhooks_is_not_ready(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, reason: str, code: Code
) -> None:
    receiver.store.write(heartbeats.beat, "worker/host/1", receiver.store.now())
    monkeypatch.setattr(Overload, "reason", lambda _: reason)
    assert readiness(receiver) == (503, "not_ready", "ok", "ok")
    assert codes(receiver) == [code]


def test_with_a_worker_that_was_heard_of_lately_it_is(receiver: Receiver) -> None:
    receiver.store.write(heartbeats.beat, "worker/host/1", receiver.store.now())
    assert readiness(receiver) == READY


def test_a_worker_that_was_not_heard_of_for_long_does_not_count(receiver: Receiver) -> None:
    receiver.store.write(heartbeats.beat, "worker/host/1", receiver.store.now() - HEARTBEAT_FRESH)
    assert readiness(receiver) == NO_WORKER
    receiver.store.write(heartbeats.beat, "worker/other/2", receiver.store.now())
    receiver.now += PROBE_EVERY
    assert readiness(receiver) == READY, "one that lives is enough"


def test_the_web_process_is_no_worker(receiver: Receiver) -> None:
    readiness(receiver)
    receiver.now += PROBE_EVERY
    assert readiness(receiver) == NO_WORKER
    assert receiver.store.read(heartbeats.last_beat, "web") is not None


@pytest.mark.threat(id="unpaid-work")
def test_many_who_ask_cost_one_look(receiver: Receiver) -> None:
    """Anybody may ask, and a look writes to the disk."""
    assert readiness(receiver) == NO_WORKER
    receiver.store.write(heartbeats.beat, "worker/host/1", receiver.store.now())
    before = receiver.dump()
    receiver.now += PROBE_EVERY - timedelta(microseconds=1)
    assert readiness(receiver) == NO_WORKER
    assert receiver.dump() == before
    receiver.now += timedelta(microseconds=1)
    assert readiness(receiver) == READY


def test_a_store_that_cannot_be_written_is_not_ready(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise StoreUnavailable("OperationalError")

    with monkeypatch.context() as patched:
        patched.setattr(heartbeats, "beat", full)
        assert readiness(receiver) == (503, "not_ready", "failed", "failed")
    receiver.store.write(heartbeats.beat, "worker/host/1", receiver.store.now())
    receiver.now += PROBE_EVERY
    assert readiness(receiver) == READY


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_probes_are_read_only_by_get(receiver: Receiver, path: str) -> None:
    response = receiver.request("POST", path)
    assert (response.status_code, response.json) == (405, {"status": "method_not_allowed"})
    assert response.headers["Allow"] == "GET, HEAD"
