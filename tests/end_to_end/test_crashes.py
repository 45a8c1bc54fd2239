"""kill -9 at the worst moments: one entry in the end."""

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from emitter.scenarios import ExpectedEntry, build
from mock_exchange import Fault, FaultKind
from tests.lab.running_receiver import MARTINE, RunningReceiver, running_receiver

TIMEOUT_S = 1
SETTLE_S, RECHECK_S, LEASE_S = 6 * TIMEOUT_S, 20 * TIMEOUT_S, 10 * TIMEOUT_S


def begin(receiver: RunningReceiver, fault: Fault) -> dict[str, Counter[ExpectedEntry]]:
    """Send an appointment whose first create meets the fault; return the calendars it must lead to."""
    receiver.exchange.inject(fault)
    story = build("create", datetime.now(UTC))
    report = receiver.send(*(step.body for step in story.steps))
    assert report.undelivered == ()
    return {email: Counter(entries) for email, entries in story.expected.items()}


def creates(receiver: RunningReceiver) -> int:
    """How many creates were done or hesitated over; a handshake's POSTs do nothing."""
    calls = [recorded for recorded in receiver.exchange.requests if recorded.verb == "CreateItem"]
    return sum(recorded.status in {0, 200} for recorded in calls)


def test_a_worker_killed_between_exchanges_commit_and_the_answer_leaves_one_entry(tmp_path: Path) -> None:
    with running_receiver(tmp_path, (), TIMEOUT_S) as receiver:
        assert receiver.command("migrate").returncode == 0
        receiver.start("serve", "worker")
        receiver.wait_until_ready()
        expected = begin(receiver, Fault(FaultKind.SLOW_ANSWER, verb="CreateItem", delay_s=0.8))
        receiver.wait_for(lambda: receiver.exchange.items(MARTINE) != [], "Exchange to commit")
        receiver.kill("worker")
        receiver.start("worker")
        receiver.wait_for(lambda: receiver.log_lines("looked_up") != [], "the look-up", LEASE_S + SETTLE_S + 20)
        receiver.wait_for_calendars(expected)
        receiver.wait_for(lambda: len(receiver.log_lines("write")) >= 1, "the newest content to be written again")
        assert creates(receiver) == 1, "the killed one, and nothing beside it"
        receiver.wait_for_calendars(expected)


def test_a_create_committed_after_the_look_up_of_a_new_worker_leaves_one_entry(tmp_path: Path) -> None:
    """The first worker is killed while Exchange hesitates; it commits when the second has long created the entry."""
    hesitation_s = LEASE_S + SETTLE_S + 2
    with running_receiver(tmp_path, (), TIMEOUT_S) as receiver:
        assert receiver.command("migrate").returncode == 0
        receiver.start("serve", "worker")
        receiver.wait_until_ready()
        expected = begin(receiver, Fault(FaultKind.HANG, verb="CreateItem", delay_s=hesitation_s))
        receiver.wait_for(lambda: receiver.exchange.faults.pending == 0, "the first create")
        receiver.kill("worker")
        receiver.start("worker")
        receiver.wait_for_calendars(expected, LEASE_S + SETTLE_S + 20)
        receiver.exchange.settle(hesitation_s + 10)
        assert len(receiver.exchange.items(MARTINE)) == 2, "the lost create was committed after all"
        receiver.wait_for_calendars(expected, RECHECK_S + 20)
        assert creates(receiver) == 2


def test_the_web_killed_right_after_its_answer_has_kept_what_it_acknowledged(tmp_path: Path) -> None:
    with running_receiver(tmp_path, (), TIMEOUT_S) as receiver:
        assert receiver.command("migrate").returncode == 0
        receiver.start("serve", "worker")
        receiver.wait_until_ready()
        receiver.kill("worker")
        story = build("create", datetime.now(UTC))
        assert receiver.send(*(step.body for step in story.steps)).undelivered == ()
        receiver.kill("serve")
        receiver.start("worker")
        receiver.wait_for_calendars({email: Counter(entries) for email, entries in story.expected.items()})


def test_exchange_down_for_a_while_loses_nothing(tmp_path: Path) -> None:
    with running_receiver(tmp_path, ("run",), TIMEOUT_S) as receiver:
        receiver.exchange.stop()
        story = build("working_day", datetime.now(UTC))
        assert receiver.send(*(step.body for step in story.steps), jobs=4).undelivered == ()
        receiver.wait_for(lambda: receiver.log_lines("server_trouble"), "a worker that met it")
        receiver.exchange.start()
        receiver.wait_for_calendars({email: Counter(entries) for email, entries in story.expected.items()})
