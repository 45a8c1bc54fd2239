"""`failures`, `retry`, `forget`: what an operator reads and types at two in the morning."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from receiver.core.servers import throttled
from receiver.sentences import FAILURES
from receiver.sentences.phrases import local
from receiver.store import Store, heartbeats
from receiver.store.work import servers
from tests.cli.operator import HERS, HIS, Operator
from tests.makers import a_slot, an_absence
from tests.store.failing_ground import HERS as HER_BOX
from tests.store.failing_ground import HIS as HIS_BOX
from tests.store.failing_ground import block, fail_event, hear, place, refuse

pytestmark = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
"""What the two databases could do differently is tested on both beside the store."""


@pytest.fixture
def night(operator: Operator) -> Operator:
    """One of each fails."""
    store: Store = operator.store
    for number in range(1, 8):
        hear(store, number)
    place(store, {HER_BOX: "d1"})
    refuse(store)
    hear(store, 8)
    place(store, {HIS_BOX: "d1"})
    block(store)
    hear(store, 9)
    fail_event(store)
    return operator


def test_where_nothing_fails_all_is_fine(operator: Operator) -> None:
    for name in (f"{heartbeats.SERVES}here", "worker/here/1/a"):
        operator.store.write(heartbeats.beat, name, operator.store.now())
    assert operator.report("failures") == (0, {"ok": True, "failures": [], "troubles": []})
    status, out, _ = operator.run("failures")
    assert status == 0
    assert out.strip() == FAILURES["none"]


def test_while_something_else_is_wrong_an_empty_list_says_so(operator: Operator) -> None:
    """No worker was ever heard of here."""
    operator.store.write(heartbeats.beat, f"{heartbeats.SERVES}here", operator.store.now())
    assert operator.report("failures") == (1, {"ok": False, "failures": [], "troubles": ["worker_silent"]})
    status, out, _ = operator.run("failures")
    assert status == 1
    assert "worker_silent" in out
    assert FAILURES["none"] not in out


def test_a_server_in_trouble_is_listed_while_nobody_waits_for_it_too(operator: Operator) -> None:
    """Between two attempts its wait is over, and so it is after `retry`."""
    now = operator.store.now()
    for name in ("dossier", "no-more-configured"):
        operator.store.write(servers.change, name, lambda server: replace(server, failure="timeout", failing_since=now))
    status, report = operator.report("failures")
    assert status == 1
    assert [(each["scope"], each["code"], each["calendar"], each["until"]) for each in report["failures"]] == [
        ("server", "timeout", "dossier", None)
    ]


def test_failures_are_told_by_cause_with_examples(night: Operator) -> None:
    status, report = night.report("failures")
    assert (status, report["ok"]) == (1, False)
    found = [(each["scope"], each["code"], each["calendar"], each["count"]) for each in report["failures"]]
    assert found == [
        ("mailbox", "impersonation_denied", "exchange", 1),
        ("entry", "invalid_item", "exchange", 7),
        ("event", "recurrence_not_holdable", "", 1),
    ]
    boxes, entries, events = (each["members"] for each in report["failures"])
    assert [each["address"] for each in boxes] == [HIS]
    assert [each["event"] for each in entries] == [f"Rdv {number}" for number in range(1, 6)]
    assert [each["event"] for each in events] == ["Rdv 9"]


def test_people_read_the_cause_and_can_have_each_named(night: Operator) -> None:
    _, out, _ = night.run("failures")
    assert "invalid_item" in out
    assert "Rdv 5" in out
    assert "Rdv 6" not in out
    _, out, _ = night.run("failures", "--all")
    assert all(f"Rdv {number}" in out for number in range(1, 10) if number != 8)
    assert HERS in out
    assert len(night.report("failures", "--all")[1]["failures"][1]["members"]) == 7


@pytest.mark.parametrize("words", [[], ["--all", "--code", "invalid_item"]])
def test_a_retry_needs_to_know_of_what(night: Operator, words: list[str]) -> None:
    status, out, told = night.run("retry", *words)
    assert (status, out) == (2, "")
    assert told


def test_a_retry_says_how_many(night: Operator) -> None:
    none = {"mailboxes": 0, "entries": 0, "events": 0, "servers": 0}
    assert night.report("retry", "--code", "no_such_code") == (0, none)
    assert night.run("retry", "--code", "no_such_code")[1] == FAILURES["nothing_to_retry"] + "\n"
    assert night.report("retry", "--code", "invalid_item") == (0, none | {"entries": 7})
    assert night.report("retry", "--mailbox", HIS.upper()) == (0, none | {"mailboxes": 1})
    assert night.report("retry", "--event", "9") == (0, none | {"events": 1})
    status, out, _ = night.run("retry", "--all")
    assert status == 0
    assert "1" in out, "the event; the others are due already"


@pytest.mark.threat(id="long-waits")
def test_the_wait_of_a_server_is_shown_with_its_end_and_ends_by_a_retry(night: Operator) -> None:
    now = night.store.now()
    until = now + timedelta(minutes=9)
    night.store.write(servers.change, "dossier", lambda server: throttled(server, until, None, now))
    [group] = [each for each in night.report("failures")[1]["failures"] if each["scope"] == "server"]
    assert (group["calendar"], group["code"]) == ("dossier", "server_busy")
    assert datetime.fromisoformat(group["until"]) == until
    [server] = night.report("status")[1]["servers"]
    assert datetime.fromisoformat(server["waits_until"]) == until
    assert local(until) in night.run("status")[1]
    assert local(until) in night.run("failures")[1]
    assert night.report("retry", "--code", "server_busy")[1]["servers"] == 1
    assert not any(each["scope"] == "server" for each in night.report("failures")[1]["failures"])


@pytest.mark.parametrize("command", ["retry", "forget"])
def test_an_event_that_nobody_knows_is_a_mistake(night: Operator, command: str) -> None:
    status, out, told = night.run(command, "--event", "4711\x1b[31m")
    assert (status, out) == (2, "")
    assert "4711" in told
    assert "\x1b" not in told


def test_what_cannot_be_written_is_let_be_until_it_changes(night: Operator) -> None:
    assert night.report("forget", "--event", "3", "--dry-run") == (0, {"dry_run": True, "entries": 1, "events": 0})
    assert night.report("forget", "--event", "3") == (0, {"dry_run": False, "entries": 1, "events": 0})
    assert night.report("failures")[1]["failures"][1]["count"] == 6
    status, out, _ = night.run("forget", "--event", "3")
    assert status == 1, "there is nothing left of it to let be"
    assert out
    assert night.run("forget", "--event", "9")[0] == 0
    assert [each["scope"] for each in night.report("failures")[1]["failures"]] == ["mailbox", "entry"]
    assert night.report("retry", "--event", "3")[1]["entries"] == 1


def test_a_number_that_two_events_bear_is_asked_about(night: Operator) -> None:
    """Absences count from 1 as appointments do; what is let be is hidden, so it must be the right one."""
    night.hear(a_slot(an_absence(), wire_id=3))
    status, _, told = night.run("forget", "--event", "3")
    assert status == 2
    assert "Rdv/uuid-3@production" in told
    assert night.run("forget", "--event", "Rdv/uuid-3@production")[0] == 0
