"""kill -9 at the worst moments: one entry in the end."""

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from emitter.scenarios import ExpectedEntry, build
from mock_exchange import Fault, FaultKind
from tests.lab.running_receiver import MARTINE, Town, open_town

TIMEOUT_S = 1
SETTLE_S, RECHECK_S, LEASE_S = 6 * TIMEOUT_S, 20 * TIMEOUT_S, 10 * TIMEOUT_S


def begin(town: Town, fault: Fault) -> dict[str, Counter[ExpectedEntry]]:
    """Send an appointment whose first create meets the fault; return the calendars it must lead to."""
    town.exchange.inject(fault)
    story = build("create", datetime.now(UTC))
    report = town.send(*(step.body for step in story.steps))
    assert report.undelivered == ()
    return {email: Counter(entries) for email, entries in story.expected.items()}


def creates(town: Town) -> int:
    """How many creates were done or hesitated over; a handshake's POSTs do nothing."""
    calls = [recorded for recorded in town.exchange.requests if recorded.verb == "CreateItem"]
    return sum(recorded.status in {0, 200} for recorded in calls)


def test_a_worker_killed_between_exchanges_commit_and_the_answer_leaves_one_entry(tmp_path: Path) -> None:
    with open_town(tmp_path, (), TIMEOUT_S) as town:
        assert town.command("migrate").returncode == 0
        town.start("serve", "worker")
        town.wait_until_ready()
        expected = begin(town, Fault(FaultKind.SLOW_ANSWER, verb="CreateItem", delay_s=0.8))
        town.wait_for(lambda: town.exchange.items(MARTINE) != [], "Exchange to commit")
        town.kill("worker")
        town.start("worker")
        town.wait_for(lambda: town.log_lines("looked_up") != [], "the look-up", LEASE_S + SETTLE_S + 20)
        town.wait_for_calendars(expected)
        town.wait_for(lambda: len(town.log_lines("write")) >= 1, "the newest content to be written again")
        assert creates(town) == 1, "the killed one, and nothing beside it"
        town.wait_for_calendars(expected)


def test_a_create_committed_after_the_look_up_of_a_new_worker_leaves_one_entry(tmp_path: Path) -> None:
    """The first worker is killed while Exchange hesitates; it commits when the second has long created the entry."""
    hesitation_s = LEASE_S + SETTLE_S + 2
    with open_town(tmp_path, (), TIMEOUT_S) as town:
        assert town.command("migrate").returncode == 0
        town.start("serve", "worker")
        town.wait_until_ready()
        expected = begin(town, Fault(FaultKind.HANG, verb="CreateItem", delay_s=hesitation_s))
        town.wait_for(lambda: town.exchange.faults.pending == 0, "the first create")
        town.kill("worker")
        town.start("worker")
        town.wait_for_calendars(expected, LEASE_S + SETTLE_S + 20)
        town.exchange.settle(hesitation_s + 10)
        assert len(town.exchange.items(MARTINE)) == 2, "the lost create was committed after all"
        town.wait_for_calendars(expected, RECHECK_S + 20)
        assert creates(town) == 2


def test_the_web_killed_right_after_its_answer_has_kept_what_it_acknowledged(tmp_path: Path) -> None:
    with open_town(tmp_path, (), TIMEOUT_S) as town:
        assert town.command("migrate").returncode == 0
        town.start("serve", "worker")
        town.wait_until_ready()
        town.kill("worker")
        story = build("create", datetime.now(UTC))
        assert town.send(*(step.body for step in story.steps)).undelivered == ()
        town.kill("serve")
        town.start("worker")
        town.wait_for_calendars({email: Counter(entries) for email, entries in story.expected.items()})


def test_exchange_down_for_a_while_loses_nothing(tmp_path: Path) -> None:
    with open_town(tmp_path, ("run",), TIMEOUT_S) as town:
        town.exchange.stop()
        story = build("working_day", datetime.now(UTC))
        assert town.send(*(step.body for step in story.steps), jobs=4).undelivered == ()
        town.wait_for(lambda: town.log_lines("server_trouble"), "a worker that met it")
        town.exchange.start()
        town.wait_for_calendars({email: Counter(entries) for email, entries in story.expected.items()})
