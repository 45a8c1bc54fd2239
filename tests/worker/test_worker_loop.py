"""The worker's life over a real configuration file and a folder of .ics files, turn by turn or as it runs."""

import json
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection

from receiver.config import load
from receiver.config.reload import MISSED, FileWatch
from receiver.core.recurrence import Rule
from receiver.core.ruleset import Ruleset
from receiver.core.troubles import Code
from receiver.operations.refused_configuration import refusals
from receiver.operations.status import status
from receiver.store import StoreUnavailable, counters, heartbeats
from receiver.store.intake import judge_batch
from receiver.store.work import rulesets, settling
from receiver.worker import loop
from receiver.worker.loop import Worker
from receiver.worker.periodic import BEAT_EVERY
from tests.lab.waiting import wait_until
from tests.makers import KARIM, NOW, UUID, a_delivery, a_slot, an_absence, incoming
from tests.worker.loop_harness import CSV, ENVIRON, WorkerLoopHarness

WITH_HIM = f"{CSV}{KARIM.email},karim@box.example\n"
SECOND = timedelta(seconds=1)


# Rules


def test_a_worker_puts_its_files_rules_in_force_when_it_starts(loop_harness: WorkerLoopHarness) -> None:
    loop_harness.turn(2)
    assert loop_harness.in_force() == loop_harness.worker.settings.current.ruleset()
    assert [line["standing"] for line in loop_harness.lines("rules_proposed")] == ["adopted"]
    assert loop_harness.connected == 1


def test_a_worker_settles_and_its_crews_write(loop_harness: WorkerLoopHarness) -> None:
    loop_harness.hear(1, 2)
    loop_harness.turn()
    wait_until(lambda: loop_harness.written() == 2)


def test_a_worker_follows_what_another_host_put_in_force(loop_harness: WorkerLoopHarness) -> None:
    loop_harness.hear(1)
    loop_harness.turn()
    wait_until(lambda: loop_harness.written() == 1)
    loop_harness.csv(WITH_HIM)
    other = load(loop_harness.folder / "config.yaml", ENVIRON).ruleset()
    loop_harness.store.write(rulesets.put_in_force, other, 0, NOW)
    loop_harness.turn()
    assert loop_harness.worker._ruleset == other
    assert loop_harness.connected == 2, "its crews write by the new rules"
    wait_until(lambda: loop_harness.written("karim") == 1)


def test_a_worker_keeps_the_rules_in_force_where_its_own_wait(loop_harness: WorkerLoopHarness) -> None:
    loop_harness.hear(*range(1, 26))
    loop_harness.turn()
    wait_until(lambda: loop_harness.written() == 25)
    before = loop_harness.in_force()
    loop_harness.csv("agent,mailbox\n")
    loop_harness.worker.reload()
    loop_harness.turn(2)
    assert [line["standing"] for line in loop_harness.lines("rules_proposed")] == ["adopted", "held"]
    assert loop_harness.lines("rules_proposed")[-1]["level"] == "error"
    assert (loop_harness.worker._ruleset, loop_harness.store.read(rulesets.held_removals)) == (before, 25)
    loop_harness.hear(26)
    loop_harness.turn()
    wait_until(lambda: loop_harness.written() == 26)


def test_a_renamed_calendar_and_platform_are_told_and_nothing_is_written_twice(loop_harness: WorkerLoopHarness) -> None:
    loop_harness.hear(1, 2)
    loop_harness.turn()
    wait_until(lambda: loop_harness.written() == 2)
    files = sorted(path.name for path in loop_harness.folder.rglob("*.ics"))
    renamed = {"emitter": "rdv_service_public", "platform": "prod", "secrets": [{"env": "RDV_SECRET"}]}
    loop_harness.configure(calendars={"other": {"kind": "ics_folder", "path": "other"}}, sources={"mds": renamed})
    (loop_harness.folder / "other").mkdir()
    loop_harness.worker.reload()
    loop_harness.turn(3)
    assert loop_harness.lines("rules_proposed")[-1]["standing"] == "held"
    assert loop_harness.lines("rules_proposed")[-1]["orphaned"] == 2
    settings = loop_harness.worker.settings.current

    def told() -> set[tuple[Code, str]]:
        return {(each.code, each.subject) for each in status(settings, loop_harness.store, NOW).troubles}

    wait_until(lambda: {(Code.CALENDAR_LOST, "pilot"), (Code.PLATFORM_LOST, "production")} <= told())
    assert (Code.RULES_HELD, "") in told()
    assert sorted(path.name for path in loop_harness.folder.rglob("*.ics")) == files
    loop_harness.configure()
    loop_harness.worker.reload()
    loop_harness.turn(2)
    settings = loop_harness.worker.settings.current
    assert not {Code.CALENDAR_LOST, Code.PLATFORM_LOST, Code.RULES_HELD} & {code for code, _ in told()}


def test_rules_that_could_not_be_proposed_for_want_of_a_store_are_proposed_later(
    loop_harness: WorkerLoopHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop_harness.turn()
    loop_harness.csv(WITH_HIM)
    loop_harness.worker.reload()

    def away(_connection: object) -> None:
        raise StoreUnavailable("OperationalError")

    with monkeypatch.context() as broken:
        broken.setattr(rulesets, "in_force", away)
        with pytest.raises(StoreUnavailable):
            loop_harness.turn()
    loop_harness.turn()
    assert KARIM.email in loop_harness.in_force().mailboxes.addresses


# Files


def test_a_csv_that_changes_is_read_anew(loop_harness: WorkerLoopHarness) -> None:
    loop_harness.hear(1)
    loop_harness.turn()
    wait_until(lambda: loop_harness.written() == 1)
    loop_harness.csv(WITH_HIM)
    loop_harness.store.moment += BEAT_EVERY - SECOND
    loop_harness.turn()
    assert loop_harness.lines("watched_file_changed") == [], "files are looked at with each beat, not at each turn"
    loop_harness.store.moment += SECOND
    loop_harness.turn()
    assert len(loop_harness.lines("watched_file_changed")) == 1
    wait_until(lambda: loop_harness.written("karim") == 1)


def test_a_csv_that_is_wrong_or_away_changes_nothing(loop_harness: WorkerLoopHarness) -> None:
    loop_harness.turn()
    before = loop_harness.in_force()
    for text in ("agent,mailbox\nno address,x\n", None):
        if text is None:
            (loop_harness.folder / "agents.csv").unlink()
        else:
            loop_harness.csv(text)
        loop_harness.store.moment += BEAT_EVERY
        loop_harness.turn()
        assert (loop_harness.in_force(), loop_harness.worker._ruleset) == (before, before)
    assert [line["code"] for line in loop_harness.lines("configuration_refused")] == ["email"], (
        "a file that is away is waited for"
    )
    loop_harness.csv(WITH_HIM)
    loop_harness.store.moment += BEAT_EVERY
    loop_harness.turn()
    assert KARIM.email in loop_harness.in_force().mailboxes.addresses


def test_a_reload_keeps_the_old_settings_where_the_file_is_wrong(loop_harness: WorkerLoopHarness) -> None:
    loop_harness.turn()
    settings, before = loop_harness.worker.settings.current, loop_harness.in_force()
    loop_harness.configure(policies={"absences": "maybe"})
    loop_harness.worker.reload()
    loop_harness.turn()
    assert (loop_harness.worker.settings.current, loop_harness.in_force(), loop_harness.connected) == (
        settings,
        before,
        1,
    )
    assert len(loop_harness.lines("configuration_refused")) == 1


def test_a_reload_of_a_right_file_starts_the_crews_anew(loop_harness: WorkerLoopHarness) -> None:
    """Passwords and certificates may be others though the rules are the same."""
    loop_harness.turn()
    loop_harness.worker.reload()
    loop_harness.turn()
    assert loop_harness.connected == 2


def test_a_watch_tells_of_each_change_once(tmp_path: Path) -> None:
    path = tmp_path / "agents.csv"
    path.write_text("a")
    periodic_harness = FileWatch([path])
    told = [periodic_harness.changed()]
    path.write_text("ab")
    told += [periodic_harness.changed(), periodic_harness.changed()]
    path.unlink()
    told += [periodic_harness.changed()]
    path.write_text("ab")
    (tmp_path / "new").write_text("abc")
    (tmp_path / "new").rename(path)
    told += [periodic_harness.changed(), periodic_harness.changed()]
    assert told == [False, True, False, False, True, False]
    assert not FileWatch([]).changed()


def test_a_file_that_stays_away_is_a_change_and_its_return_another(tmp_path: Path) -> None:
    """Else a CSV that is gone is told by nobody, until nothing starts any more."""
    path = tmp_path / "agents.csv"
    path.write_text("a")
    periodic_harness = FileWatch([path])
    path.unlink()
    told = [periodic_harness.changed() for _ in range(MISSED + 2)]
    path.write_text("a")
    told += [periodic_harness.changed(), periodic_harness.changed()]
    assert told == [False] * (MISSED - 1) + [True, False, False, True, False]


def test_a_file_whose_rights_change_is_another(tmp_path: Path) -> None:
    path = tmp_path / "agents.csv"
    path.write_text("a")
    periodic_harness = FileWatch([path])
    path.chmod(0o640 if path.stat().st_mode & 0o777 != 0o640 else 0o600)
    assert [periodic_harness.changed(), periodic_harness.changed()] == [True, False]


def test_a_csv_that_cannot_be_read_is_told_by_every_process_until_it_can(loop_harness: WorkerLoopHarness) -> None:
    def told() -> list[str]:
        loop_harness.store.moment += BEAT_EVERY
        loop_harness.turn()
        return [
            each.cause for each in refusals(loop_harness.store.read(counters.figures_named), loop_harness.store.now())
        ]

    loop_harness.turn()
    loop_harness.csv("agent,mailbox\nno address,x\n")
    assert told() == ["csv"]
    loop_harness.csv(CSV)
    assert told() == []
    (loop_harness.folder / "agents.csv").unlink()
    assert [told() for _ in range(MISSED)] == [[]] * (MISSED - 1) + [["csv"]]
    loop_harness.csv(CSV)
    assert told() == []


# Dry runs


def test_a_dry_run_plans_reports_and_writes_nothing(loop_harness: WorkerLoopHarness) -> None:
    loop_harness.configure(dry_run=True)
    loop_harness.worker.reload()
    loop_harness.hear(1, 2)
    loop_harness.turn(3)
    assert [line["changes"] for line in loop_harness.lines("dry_run")] == [2], "told once, not at every turn"
    loop_harness.hear(3)
    loop_harness.turn(2)
    assert [line["changes"] for line in loop_harness.lines("dry_run")] == [2, 3]
    assert (loop_harness.connected, loop_harness.written()) == (0, 0)


def test_the_end_of_a_dry_run_delivers_what_was_planned(loop_harness: WorkerLoopHarness) -> None:
    loop_harness.configure(dry_run=True)
    loop_harness.worker.reload()
    loop_harness.hear(1, 2)
    loop_harness.turn()
    loop_harness.configure()
    loop_harness.worker.reload()
    loop_harness.turn()
    wait_until(lambda: loop_harness.written() == 2)


# Events that cannot be shown


def test_an_event_that_cannot_be_shown_is_told_and_holds_no_other_up(loop_harness: WorkerLoopHarness) -> None:
    loop_harness.store.write(judge_batch.take, [incoming(a_slot(an_absence(rule=Rule("YEARLY"), title="canari")))], NOW)
    loop_harness.hear(1)
    loop_harness.turn()
    wait_until(lambda: loop_harness.written() == 1)
    [line] = loop_harness.lines("event_failed")
    assert (line["uid"], line["code"]) == ("Absence/88@production", "recurrence_not_holdable")
    assert "canari" not in loop_harness.log.getvalue()


def test_a_bug_that_one_event_brings_out_holds_no_other_up(
    loop_harness: WorkerLoopHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    decide = Ruleset.compute_desired

    def faulty(self: Ruleset, view, now):  # type: ignore[no-untyped-def]
        if view.uid.startswith("Rdv/1@"):
            raise ZeroDivisionError("canari")
        return decide(self, view, now)

    monkeypatch.setattr(Ruleset, "compute_desired", faulty)
    loop_harness.hear(1, 2)
    loop_harness.turn()
    wait_until(lambda: loop_harness.written() == 1)
    assert [line["uid"] for line in loop_harness.lines("not_settled")] == ["Rdv/1@production"]
    assert loop_harness.lines("event_failed") == []
    assert "canari" not in loop_harness.log.getvalue()


# What came in


def test_a_worker_judges_what_came_in_and_says_so(loop_harness: WorkerLoopHarness) -> None:
    first, doubtful = incoming(a_delivery(60)), incoming(a_delivery(60, motif="Autre"))
    for each in (first, first, doubtful, incoming(a_delivery(90))):
        loop_harness.store.keep(each)
    loop_harness.turn()
    told = [(line["delivery"], line["status"], line.get("ambiguous", False)) for line in loop_harness.lines("judged")]
    assert told[:3] == [(first.id, "accepted", False), (first.id, "duplicate", False), (doubtful.id, "accepted", True)]
    assert told[3][1] == "superseded"
    assert {line["uid"] for line in loop_harness.lines("judged")} == {None, f"Rdv/{UUID}@production"}
    assert "Autre" not in loop_harness.log.getvalue()


def test_what_cannot_be_judged_is_told_once_and_tried_again_by_the_next_worker(
    loop_harness: WorkerLoopHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    def faulty(*_: object) -> None:
        raise ZeroDivisionError("canari")

    with monkeypatch.context() as broken:
        broken.setattr(judge_batch, "take_in_turn", faulty)
        loop_harness.hear(1)
        loop_harness.turn(2)
    assert [line["source"] for line in loop_harness.lines("not_judged")] == ["mds"]
    assert "canari" not in loop_harness.log.getvalue()
    loop_harness.worker._stop_servers()
    loop_harness.worker = Worker(
        loop_harness.worker.settings, loop_harness.store, loop_harness.connect, name="worker/next/1/b"
    )
    loop_harness.turn()
    assert [line["status"] for line in loop_harness.lines("judged")] == ["accepted"]


# As it runs


def running(worker: Worker) -> threading.Thread:
    thread = threading.Thread(target=worker.run, name="worker under test")
    thread.start()
    return thread


def test_a_worker_runs_until_it_is_told_to_stop(loop_harness: WorkerLoopHarness) -> None:
    thread = running(loop_harness.worker)
    try:
        loop_harness.hear(1)
        wait_until(lambda: loop_harness.written() == 1)
        loop_harness.csv(WITH_HIM)
        loop_harness.worker.reload()
        wait_until(lambda: loop_harness.written("karim") == 1)
        assert loop_harness.store.read(heartbeats.last_beat, "worker/") == NOW
    finally:
        loop_harness.worker.stop()
        thread.join(20)
    assert not thread.is_alive()
    assert loop_harness.worker.name not in loop_harness.store.read(heartbeats.beats)
    assert loop_harness.store.read(heartbeats.last_beat, "worker/") == NOW
    assert [line["event"] for line in map(json.loads, loop_harness.log.getvalue().splitlines())][-1] == "worker_stopped"
    assert not [each for each in threading.enumerate() if each.name.startswith("pilot-")]


def test_a_worker_outlives_a_store_that_is_away(
    loop_harness: WorkerLoopHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "STORE_PAUSE_S", 0.01)
    has_unsettled = settling.has_unsettled
    failures = iter([True, True])

    def now_and_then(connection: Connection) -> bool:
        if next(failures, False):
            raise StoreUnavailable("OperationalError")
        return has_unsettled(connection)

    monkeypatch.setattr(settling, "has_unsettled", now_and_then)
    loop_harness.hear(1)
    thread = running(loop_harness.worker)
    try:
        wait_until(lambda: loop_harness.written() == 1)
    finally:
        loop_harness.worker.stop()
        thread.join(20)
    assert len(loop_harness.lines("store_unavailable")) == 2
    assert len(loop_harness.lines("rules_proposed")) == 1


def test_a_worker_that_a_bug_ends_leaves_no_thread_behind(
    loop_harness: WorkerLoopHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process must end, so that its supervisor starts another."""
    loop_harness.turn()
    assert [each for each in threading.enumerate() if each.name.startswith("pilot-")]

    def broken(_connection: object) -> bool:
        raise ZeroDivisionError

    monkeypatch.setattr(settling, "has_unsettled", broken)
    with pytest.raises(ZeroDivisionError):
        loop_harness.worker.run()
    assert not [each for each in threading.enumerate() if each.name.startswith("pilot-")]
