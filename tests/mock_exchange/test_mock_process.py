"""The mock as a process, and the JSON API that tests in other processes use."""

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests

from mock_exchange.http.control import answer
from tests.mock_exchange.conftest import AGENT, OTHER
from tests.mock_exchange.wire import TIMES, acting_as, create, envelope, event
from tests.requirements import ews_schema_folder

ROOT = Path(__file__).parents[2]
READY_WITHIN_S = 20
Spawn = Callable[..., tuple[subprocess.Popen[str], str]]


@pytest.fixture
def spawn() -> Iterator[Spawn]:
    """Start the mock's command; end it if the test has not."""
    with ExitStack() as stack:

        def begin(*options: str, **environment: str) -> tuple[subprocess.Popen[str], str]:
            process = subprocess.Popen(
                [sys.executable, "-W", "error", "-m", "mock_exchange", *options],
                cwd=ROOT,
                env=os.environ | environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            stack.enter_context(process)
            stack.callback(process.terminate)
            assert select.select([process.stdout], [], [], READY_WITHIN_S)[0], "the mock did not get ready"
            return process, json.loads(process.stdout.readline())["url"]

        yield begin


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_command_prints_its_address_and_stops_when_told_to(spawn, number):
    process, url = spawn("--mailbox", AGENT)
    with requests.Session() as session:
        assert session.post(url, data=envelope(create(event("x"))), timeout=10).status_code == 200
        process.send_signal(number)
        out, err = process.communicate(timeout=10)
    assert (process.returncode, out, err) == (0, "", "")


def test_the_command_tells_of_what_the_schemas_refuse_and_fails(spawn):
    """Where a server runs as a process, this is how a suite learns of it."""
    folder = ews_schema_folder()
    process, url = spawn("--mailbox", AGENT, "--schemas", str(folder))
    with requests.Session() as session:
        assert session.post(url, data=envelope("<m:GetItem/>"), timeout=10).status_code == 500
        state = session.get(url.replace("/EWS/Exchange.asmx", "/mock/state"), timeout=10).json()
        assert [error["verb"] for error in state["schema_errors"]] == ["GetItem"]
        process.terminate()
        out, err = process.communicate(timeout=10)
    assert (process.returncode, out) == (1, "")
    assert err.startswith("request GetItem: ")


def test_a_complaint_that_was_meant_is_forgotten(spawn):
    folder = ews_schema_folder()
    process, url = spawn("--mailbox", AGENT, "--schemas", str(folder))
    with requests.Session() as session:
        session.post(url, data=envelope("<m:GetItem/>"), timeout=10)
        session.delete(url.replace("/EWS/Exchange.asmx", "/mock/complaints"), timeout=10)
        process.terminate()
        _, err = process.communicate(timeout=10)
    assert (process.returncode, err) == (0, "")


def test_the_command_takes_limits_and_quotas(spawn):
    options = ("--budget", "2", "--recharge-per-s", "0.001", "--concurrency", "1", "--quota", f"{AGENT}=0")
    _, url = spawn("--mailbox", AGENT, *options, "--no-schemas")
    answers = [requests.post(url, data=envelope(create(event("x"))), timeout=10).text for _ in range(3)]
    codes = ("ErrorQuotaExceeded", "ErrorQuotaExceeded", "ErrorServerBusy")
    assert [code in answer for code, answer in zip(codes, answers, strict=True)] == [True, True, True]


def test_the_command_takes_users_rights_and_aliases(spawn):
    options = ("--auth", "basic", "--user", "D\\svc", "--password-env", "MOCK_PASSWORD", "--impersonate-only", AGENT)
    boxes = ("--mailbox", f"{AGENT}=alias@departement.example", "--mailbox", OTHER)
    _, url = spawn(*options, *boxes, MOCK_PASSWORD="p")
    statuses = [
        requests.post(
            url, data=envelope(create(event("x")), acting_as(box)), auth=("D\\svc", word), timeout=10
        ).status_code
        for box, word in (("alias@departement.example", "p"), (OTHER, "p"), (AGENT, "faux"))
    ]
    assert statuses == [200, 500, 401]


@pytest.fixture
def control(exchange):
    """Call the JSON API of a server."""

    def call(method: str, path: str, **content: object) -> object:
        address = exchange.url.replace("/EWS/Exchange.asmx", path)
        reply = requests.request(method, address, json=content or None, timeout=10)
        return reply.json() if reply.status_code == 200 else (reply.status_code, reply.json()["error"])

    requests.post(exchange.url, data=envelope(create(event("x", uid="u1"))), timeout=10)
    return call


def test_items_are_readable(control):
    (item,) = control("GET", f"/mock/items?mailbox={AGENT}")
    assert (item["subject"], item["start"]) == ("x", "2026-12-07T09:00:00+00:00")
    assert [(prop["name"], prop["value"]) for prop in item["extended"]] == [("RdvUid", "u1")]


def test_an_agents_hand_reaches_items(control):
    (item,) = control("GET", f"/mock/items?mailbox={AGENT}")
    control("POST", "/mock/folders", mailbox=AGENT, name="Archive")
    copy = control("POST", "/mock/items", action="copy", item_id=item["item_id"])["item_id"]
    control("POST", "/mock/items", action="move", item_id=item["item_id"], folder="Archive")
    edited = control("POST", "/mock/items", action="edit", item_id=copy, changes={"subject": "Autre"})
    assert edited["subject"] == "Autre"
    assert {one["folder"] for one in control("GET", f"/mock/items?mailbox={AGENT}&folder=*")} == {"calendar", "Archive"}
    control("POST", "/mock/items", action="delete", item_id=copy)
    assert control("GET", f"/mock/items?mailbox={AGENT}") == []


def test_requests_are_listed_with_their_bodies_only_where_asked(control):
    (recorded,) = control("GET", "/mock/requests")
    assert (recorded["verb"], recorded["mailbox"], recorded["status"]) == ("CreateItem", AGENT, 200)
    assert "request" not in recorded
    assert "<t:Subject>x</t:Subject>" in control("GET", "/mock/requests?bodies=1")[0]["request"]
    control("DELETE", "/mock/requests")
    assert control("GET", "/mock/requests") == []


def test_faults_are_planned_and_cleared(control, exchange):
    def status() -> int:
        return requests.post(exchange.url, data=envelope(create(event("y"))), timeout=10).status_code

    control("POST", "/mock/faults", kind="http_503", verb="CreateItem", times=None)
    assert status() == 503
    control("DELETE", "/mock/faults")
    assert status() == 200


def test_mailboxes_are_made(control, exchange):
    control("POST", "/mock/mailboxes", address="neuf@departement.example", aliases=["n@departement.example"])
    assert exchange.items("n@departement.example") == []


def test_a_mailbox_changes_its_address(control, exchange):
    control("POST", "/mock/mailboxes/rename", address=AGENT, new="n@departement.example")
    assert control("GET", "/mock/state")["mailboxes"] == {"n@departement.example": [AGENT], OTHER: []}
    assert [item.subject for item in exchange.items("n@departement.example")] == ["x"]


def test_the_state_tells_what_a_suite_asserts(control):
    state = control("GET", "/mock/state")
    assert state["mailboxes"] == {AGENT: [], OTHER: []}
    assert (state["items"], state["mails_sent"], state["schema_errors"], state["crashes"]) == (1, 0, [], [])


@pytest.mark.parametrize(
    ("method", "path", "content", "status"),
    [
        ("GET", "/mock/other", {}, 404),
        ("GET", "/mock/items", {}, 400),
        ("GET", "/mock/items?mailbox=personne@x.example", {}, 404),
        ("POST", "/mock/faults", {"kind": "earthquake"}, 400),
        ("POST", "/mock/mailboxes/rename", {"address": AGENT, "new": OTHER}, 400),
        ("POST", "/mock/mailboxes/rename", {"address": "personne@x.example", "new": "n@x.example"}, 404),
        ("POST", "/mock/items", {"action": "burn", "item_id": "x"}, 400),
    ],
)
def test_what_cannot_be_done_is_said(control, method, path, content, status):
    assert control(method, path, **content)[0] == status


def test_only_loopback_is_answered(exchange):
    assert answer(exchange, "192.0.2.1", "GET", "/mock/state", b"")[0] == 403
    assert answer(exchange, "::1", "GET", "/mock/state", b"")[0] == 200


def test_the_occurrences_of_a_series_are_told(exchange, control):
    daily = (
        "<t:Recurrence><t:DailyRecurrence><t:Interval>1</t:Interval></t:DailyRecurrence><t:NumberedRecurrence>"
        "<t:StartDate>2026-12-08</t:StartDate><t:NumberOfOccurrences>2</t:NumberOfOccurrences></t:NumberedRecurrence>"
        "</t:Recurrence>"
    )
    requests.post(exchange.url, data=envelope(create(event("y", TIMES + daily))), timeout=10)
    asked = f"/mock/occurrences?mailbox={AGENT}&start=2026-12-01T00:00:00%2B01:00&end=2026-12-31T00:00:00Z"
    occurrences = control("GET", asked)
    assert [(item["subject"], item["kind"], item["start"]) for item in occurrences] == [
        ("x", "Single", "2026-12-07T09:00:00+00:00"),
        ("y", "Occurrence", "2026-12-08T09:00:00+00:00"),
        ("y", "Occurrence", "2026-12-09T09:00:00+00:00"),
    ]
    assert [item["recurrence"] for item in control("GET", f"/mock/items?mailbox={AGENT}")] == [
        None,
        "every day, from 2026-12-08, 2 times",
    ]
    status, _ = control("GET", f"/mock/occurrences?mailbox={AGENT}&start=2026-12-01&end=2026-12-31")
    assert status == 400
