"""The worker's life over a real configuration file and a folder of .ics files, turn by turn or as it runs."""

import json
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from receiver.config import load
from receiver.config.file_watch import MISSED, FileWatch
from receiver.core.recurrence import Rule
from receiver.core.ruleset import Ruleset
from receiver.core.troubles import Code
from receiver.operations.refused_configuration import refusals
from receiver.operations.status import status
from receiver.store import StoreUnavailable
from receiver.store.intake import judge_batch
from receiver.worker import loop
from receiver.worker.loop import BEAT_EVERY, Worker
from tests.makers import KARIM, NOW, UUID, a_delivery, a_slot, an_absence, incoming
from tests.worker.crews import wait_until
from tests.worker.office import CSV, ENVIRON, Office

WITH_HIM = f"{CSV}{KARIM.email},karim@box.example\n"
SECOND = timedelta(seconds=1)


# Rules


def test_a_worker_puts_its_files_rules_in_force_when_it_starts(office: Office) -> None:
    office.turn(2)
    assert office.in_force() == office.worker.settings.current.ruleset()
    assert [line["standing"] for line in office.lines("rules_proposed")] == ["adopted"]
    assert office.connected == 1


def test_a_worker_settles_and_its_crews_write(office: Office) -> None:
    office.hear(1, 2)
    office.turn()
    wait_until(lambda: office.written() == 2)


def test_a_worker_follows_what_another_host_put_in_force(office: Office) -> None:
    office.hear(1)
    office.turn()
    wait_until(lambda: office.written() == 1)
    office.csv(WITH_HIM)
    other = load(office.folder / "config.yaml", ENVIRON).ruleset()
    office.store.adopt(other, 0, NOW)
    office.turn()
    assert office.worker._ruleset == other
    assert office.connected == 2, "its crews write by the new rules"
    wait_until(lambda: office.written("karim") == 1)


def test_a_worker_keeps_the_rules_in_force_where_its_own_wait(office: Office) -> None:
    office.hear(*range(1, 26))
    office.turn()
    wait_until(lambda: office.written() == 25)
    before = office.in_force()
    office.csv("agent,mailbox\n")
    office.worker.reload()
    office.turn(2)
    assert [line["standing"] for line in office.lines("rules_proposed")] == ["adopted", "held"]
    assert office.lines("rules_proposed")[-1]["level"] == "error"
    assert (office.worker._ruleset, office.store.held_removals()) == (before, 25)
    office.hear(26)
    office.turn()
    wait_until(lambda: office.written() == 26)


def test_a_renamed_calendar_and_platform_are_told_and_nothing_is_written_twice(office: Office) -> None:
    office.hear(1, 2)
    office.turn()
    wait_until(lambda: office.written() == 2)
    files = sorted(path.name for path in office.folder.rglob("*.ics"))
    renamed = {"emitter": "rdv_service_public", "platform": "prod", "secrets": [{"env": "RDV_SECRET"}]}
    office.configure(calendars={"other": {"kind": "ics_folder", "path": "other"}}, sources={"mds": renamed})
    (office.folder / "other").mkdir()
    office.worker.reload()
    office.turn(3)
    assert office.lines("rules_proposed")[-1]["standing"] == "held"
    assert office.lines("rules_proposed")[-1]["orphaned"] == 2
    settings = office.worker.settings.current

    def told() -> set[tuple[Code, str]]:
        return {(each.code, each.subject) for each in status(settings, office.store, NOW).troubles}

    wait_until(lambda: {(Code.CALENDAR_LOST, "pilot"), (Code.PLATFORM_LOST, "production")} <= told())
    assert (Code.RULES_HELD, "") in told()
    assert sorted(path.name for path in office.folder.rglob("*.ics")) == files
    office.configure()
    office.worker.reload()
    office.turn(2)
    settings = office.worker.settings.current
    assert not {Code.CALENDAR_LOST, Code.PLATFORM_LOST, Code.RULES_HELD} & {code for code, _ in told()}


def test_rules_that_could_not_be_proposed_for_want_of_a_store_are_proposed_later(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.turn()
    office.csv(WITH_HIM)
    office.worker.reload()

    def away() -> None:
        raise StoreUnavailable("OperationalError")

    with monkeypatch.context() as broken:
        broken.setattr(office.store, "ruleset", away)
        with pytest.raises(StoreUnavailable):
            office.turn()
    office.turn()
    assert KARIM.email in office.in_force().mailboxes.addresses


# Files


def test_a_csv_that_changes_is_read_anew(office: Office) -> None:
    office.hear(1)
    office.turn()
    wait_until(lambda: office.written() == 1)
    office.csv(WITH_HIM)
    office.store.moment += BEAT_EVERY - SECOND
    office.turn()
    assert office.lines("watched_file_changed") == [], "files are looked at with each beat, not at each turn"
    office.store.moment += SECOND
    office.turn()
    assert len(office.lines("watched_file_changed")) == 1
    wait_until(lambda: office.written("karim") == 1)


def test_a_csv_that_is_wrong_or_away_changes_nothing(office: Office) -> None:
    office.turn()
    before = office.in_force()
    for text in ("agent,mailbox\nno address,x\n", None):
        if text is None:
            (office.folder / "agents.csv").unlink()
        else:
            office.csv(text)
        office.store.moment += BEAT_EVERY
        office.turn()
        assert (office.in_force(), office.worker._ruleset) == (before, before)
    assert [line["code"] for line in office.lines("configuration_refused")] == ["email"], (
        "a file that is away is waited for"
    )
    office.csv(WITH_HIM)
    office.store.moment += BEAT_EVERY
    office.turn()
    assert KARIM.email in office.in_force().mailboxes.addresses


def test_a_reload_keeps_the_old_settings_where_the_file_is_wrong(office: Office) -> None:
    office.turn()
    settings, before = office.worker.settings.current, office.in_force()
    office.configure(policies={"absences": "maybe"})
    office.worker.reload()
    office.turn()
    assert (office.worker.settings.current, office.in_force(), office.connected) == (settings, before, 1)
    assert len(office.lines("configuration_refused")) == 1


def test_a_reload_of_a_right_file_starts_the_crews_anew(office: Office) -> None:
    """Passwords and certificates may be others though the rules are the same."""
    office.turn()
    office.worker.reload()
    office.turn()
    assert office.connected == 2


def test_a_watch_tells_of_each_change_once(tmp_path: Path) -> None:
    path = tmp_path / "agents.csv"
    path.write_text("a")
    watch = FileWatch([path])
    told = [watch.changed()]
    path.write_text("ab")
    told += [watch.changed(), watch.changed()]
    path.unlink()
    told += [watch.changed()]
    path.write_text("ab")
    (tmp_path / "new").write_text("abc")
    (tmp_path / "new").rename(path)
    told += [watch.changed(), watch.changed()]
    assert told == [False, True, False, False, True, False]
    assert not FileWatch([]).changed()


def test_a_file_that_stays_away_is_a_change_and_its_return_another(tmp_path: Path) -> None:
    """Else a CSV that is gone is told by nobody, until nothing starts any more."""
    path = tmp_path / "agents.csv"
    path.write_text("a")
    watch = FileWatch([path])
    path.unlink()
    told = [watch.changed() for _ in range(MISSED + 2)]
    path.write_text("a")
    told += [watch.changed(), watch.changed()]
    assert told == [False] * (MISSED - 1) + [True, False, False, True, False]


def test_a_file_whose_rights_change_is_another(tmp_path: Path) -> None:
    path = tmp_path / "agents.csv"
    path.write_text("a")
    watch = FileWatch([path])
    path.chmod(0o640 if path.stat().st_mode & 0o777 != 0o640 else 0o600)
    assert [watch.changed(), watch.changed()] == [True, False]


def test_a_csv_that_cannot_be_read_is_told_by_every_process_until_it_can(office: Office) -> None:
    def told() -> list[str]:
        office.store.moment += BEAT_EVERY
        office.turn()
        return [each.cause for each in refusals(office.store.figures(), office.store.now())]

    office.turn()
    office.csv("agent,mailbox\nno address,x\n")
    assert told() == ["csv"]
    office.csv(CSV)
    assert told() == []
    (office.folder / "agents.csv").unlink()
    assert [told() for _ in range(MISSED)] == [[]] * (MISSED - 1) + [["csv"]]
    office.csv(CSV)
    assert told() == []


# Dry runs


def test_a_dry_run_plans_reports_and_writes_nothing(office: Office) -> None:
    office.configure(dry_run=True)
    office.worker.reload()
    office.hear(1, 2)
    office.turn(3)
    assert [line["changes"] for line in office.lines("dry_run")] == [2], "told once, not at every turn"
    office.hear(3)
    office.turn(2)
    assert [line["changes"] for line in office.lines("dry_run")] == [2, 3]
    assert (office.connected, office.written()) == (0, 0)


def test_the_end_of_a_dry_run_delivers_what_was_planned(office: Office) -> None:
    office.configure(dry_run=True)
    office.worker.reload()
    office.hear(1, 2)
    office.turn()
    office.configure()
    office.worker.reload()
    office.turn()
    wait_until(lambda: office.written() == 2)


# Events that cannot be shown


def test_an_event_that_cannot_be_shown_is_told_and_holds_no_other_up(office: Office) -> None:
    office.store.accept([incoming(a_slot(an_absence(rule=Rule("YEARLY"), title="canari")))], NOW)
    office.hear(1)
    office.turn()
    wait_until(lambda: office.written() == 1)
    [line] = office.lines("event_failed")
    assert (line["uid"], line["code"]) == ("Absence/88@production", "recurrence_not_holdable")
    assert "canari" not in office.log.getvalue()


def test_a_bug_that_one_event_brings_out_holds_no_other_up(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    decide = Ruleset.decide

    def faulty(self: Ruleset, view, now):  # type: ignore[no-untyped-def]
        if view.uid.startswith("Rdv/1@"):
            raise ZeroDivisionError("canari")
        return decide(self, view, now)

    monkeypatch.setattr(Ruleset, "decide", faulty)
    office.hear(1, 2)
    office.turn()
    wait_until(lambda: office.written() == 1)
    assert [line["uid"] for line in office.lines("not_settled")] == ["Rdv/1@production"]
    assert office.lines("event_failed") == []
    assert "canari" not in office.log.getvalue()


# What came in


def test_a_worker_judges_what_came_in_and_says_so(office: Office) -> None:
    first, doubtful = incoming(a_delivery(60)), incoming(a_delivery(60, motif="Autre"))
    for each in (first, first, doubtful, incoming(a_delivery(90))):
        office.store.keep(each)
    office.turn()
    told = [(line["delivery"], line["status"], line.get("ambiguous", False)) for line in office.lines("judged")]
    assert told[:3] == [(first.id, "accepted", False), (first.id, "duplicate", False), (doubtful.id, "accepted", True)]
    assert told[3][1] == "superseded"
    assert {line["uid"] for line in office.lines("judged")} == {None, f"Rdv/{UUID}@production"}
    assert "Autre" not in office.log.getvalue()


def test_what_cannot_be_judged_is_told_once_and_tried_again_by_the_next_worker(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    def faulty(*_: object) -> None:
        raise ZeroDivisionError("canari")

    with monkeypatch.context() as broken:
        broken.setattr(judge_batch, "take", faulty)
        office.hear(1)
        office.turn(2)
    assert [line["source"] for line in office.lines("not_judged")] == ["mds"]
    assert "canari" not in office.log.getvalue()
    office.worker._stop_crews()
    office.worker = Worker(office.worker.settings, office.store, office.connect, name="worker/next/1/b")
    office.turn()
    assert [line["status"] for line in office.lines("judged")] == ["accepted"]


# As it runs


def running(worker: Worker) -> threading.Thread:
    thread = threading.Thread(target=worker.run, name="worker under test")
    thread.start()
    return thread


def test_a_worker_runs_until_it_is_told_to_stop(office: Office) -> None:
    thread = running(office.worker)
    try:
        office.hear(1)
        wait_until(lambda: office.written() == 1)
        office.csv(WITH_HIM)
        office.worker.reload()
        wait_until(lambda: office.written("karim") == 1)
        assert office.store.last_beat("worker/") == NOW
    finally:
        office.worker.stop()
        thread.join(20)
    assert not thread.is_alive()
    assert office.worker.name not in office.store.beats()
    assert office.store.last_beat("worker/") == NOW
    assert [line["event"] for line in map(json.loads, office.log.getvalue().splitlines())][-1] == "worker_stopped"
    assert not [each for each in threading.enumerate() if each.name.startswith("pilot-")]


def test_a_worker_outlives_a_store_that_is_away(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "STORE_PAUSE_S", 0.01)
    settle = office.store.has_unsettled
    failures = iter([True, True])

    def now_and_then() -> bool:
        if next(failures, False):
            raise StoreUnavailable("OperationalError")
        return settle()

    monkeypatch.setattr(office.store, "has_unsettled", now_and_then)
    office.hear(1)
    thread = running(office.worker)
    try:
        wait_until(lambda: office.written() == 1)
    finally:
        office.worker.stop()
        thread.join(20)
    assert len(office.lines("store_unavailable")) == 2
    assert len(office.lines("rules_proposed")) == 1


def test_a_worker_that_a_bug_ends_leaves_no_thread_behind(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process must end, so that its supervisor starts another."""
    office.turn()
    assert [each for each in threading.enumerate() if each.name.startswith("pilot-")]

    def broken() -> bool:
        raise ZeroDivisionError

    monkeypatch.setattr(office.store, "has_unsettled", broken)
    with pytest.raises(ZeroDivisionError):
        office.worker.run()
    assert not [each for each in threading.enumerate() if each.name.startswith("pilot-")]
