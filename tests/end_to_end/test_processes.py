"""The processes as an init system sees them: start, reload, stop, die."""

import json
import os
import signal
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from emitter.scenarios import build
from receiver.store.heartbeats import DEAD_AFTER
from tests.lab.running_receiver import MARTINE, RunningReceiver, running_receiver


def send_one(receiver: RunningReceiver) -> None:
    """An appointment of its own for Martine."""
    story = build("create", datetime.now(UTC))
    assert receiver.send(*(step.body for step in story.steps)).undelivered == ()


def edit(receiver: RunningReceiver, change: Callable[[str], str]) -> None:
    receiver.config.write_text(change(receiver.config.read_text("utf-8")), "utf-8")


def children(process: subprocess.Popen[str]) -> list[int]:
    listed = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text("utf-8")
    return [int(pid) for pid in listed.split()]


def child_named(process: subprocess.Popen[str], command: str) -> int:
    lines = {pid: Path(f"/proc/{pid}/cmdline").read_text("utf-8") for pid in children(process)}
    return next(pid for pid, line in lines.items() if line.rstrip("\0").endswith(command))


def alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def test_sigterm_ends_everything_with_status_0(tmp_path: Path) -> None:
    with running_receiver(tmp_path) as receiver:
        run = receiver.running["run"]
        pids = children(run)
        assert len(pids) == 2
        run.terminate()
        assert run.wait(30) == 0
        assert not any(alive(pid) for pid in pids)


def test_a_web_that_dies_takes_the_worker_with_it_and_run_says_so(tmp_path: Path) -> None:
    """Whoever supervises us starts both anew; a receiver without its web would look healthy."""
    with running_receiver(tmp_path) as receiver:
        run = receiver.running["run"]
        pids = children(run)
        os.kill(child_named(run, "serve"), signal.SIGKILL)
        assert run.wait(30) != 0
        receiver.wait_for(lambda: not any(alive(pid) for pid in pids), "both to be gone")


@pytest.mark.threat(id="dying-worker")
def test_a_worker_that_keeps_dying_is_started_again_and_told_of_and_the_web_acknowledges(tmp_path: Path) -> None:
    with running_receiver(tmp_path) as receiver:
        run = receiver.running["run"]
        web = child_named(run, "serve")
        for count in (1, 2, 3):
            receiver.wait_for(lambda count=count: len(receiver.log_lines("worker_started")) == count, "a worker")  # type: ignore[misc]
            receiver.wait_for(receiver.is_ready, "its sign of life")
            os.kill(child_named(run, "worker"), signal.SIGKILL)
            receiver.wait_for(lambda count=count: len(receiver.log_lines("child_died")) == count, "its death")  # type: ignore[misc]
            send_one(receiver)
        receiver.wait_for(lambda: len(receiver.exchange.items(MARTINE)) == 3, "what was acknowledged meanwhile")
        assert child_named(run, "serve") == web
        moved = f"UPDATE heartbeats SET beat_at = datetime(beat_at, '-{DEAD_AFTER.seconds} seconds') || '.000000'"
        with closing(sqlite3.connect(tmp_path / "store.db")) as database, database:
            database.execute(moved + " WHERE name LIKE 'worker/%'")
        told = json.loads(receiver.command("status", "--json").stdout)["troubles"]
        assert "worker_restarting" in [trouble["code"] for trouble in told]
        run.terminate()
        assert run.wait(30) == 0


def test_a_worker_that_can_no_more_read_its_configuration_waits_for_a_reload(tmp_path: Path) -> None:
    with running_receiver(tmp_path) as receiver:
        run = receiver.running["run"]
        right = receiver.config.read_text("utf-8")
        edit(receiver, lambda text: text.replace("emitter: rdv_service_public", "emitter: nobody"))
        os.kill(child_named(run, "worker"), signal.SIGKILL)
        receiver.wait_for(
            lambda: [line["status"] for line in receiver.log_lines("child_died")] == [-9, 2], "the refusal"
        )
        send_one(receiver)
        receiver.config.write_text(right, "utf-8")
        run.send_signal(signal.SIGHUP)
        receiver.wait_for(lambda: receiver.exchange.items(MARTINE) != [], "the entry")
        run.terminate()
        assert run.wait(30) == 0


def test_sighup_brings_a_right_configuration_into_force_everywhere(tmp_path: Path) -> None:
    with running_receiver(tmp_path) as receiver:
        edit(receiver, lambda text: text + "policies:\n  category: Rendez-vous\n  on_cancel: mark\n")
        edit(receiver, lambda text: text.replace("  mds:\n", "  autre:\n", 1))
        receiver.running["run"].send_signal(signal.SIGHUP)
        receiver.wait_for(lambda: len(receiver.log_lines("configuration_reloaded")) == 2, "web and worker to reload")
        receiver.wait_for(lambda: receiver.answers(b"{}") == [(404, "not_found")], "the old source to be gone")
        edit(receiver, lambda text: text.replace("  autre:\n", "  mds:\n", 1))
        receiver.running["run"].send_signal(signal.SIGHUP)
        receiver.wait_for(lambda: receiver.answers(b"{}") == [(422, "invalid")], "the source to be back")
        send_one(receiver)
        receiver.wait_for(lambda: receiver.exchange.items(MARTINE) != [], "the entry")
        assert receiver.exchange.items(MARTINE)[0].categories == ("Rendez-vous",)


def test_sighup_with_a_wrong_configuration_changes_nothing_and_says_why(tmp_path: Path) -> None:
    with running_receiver(tmp_path) as receiver:
        edit(receiver, lambda text: text.replace("emitter: rdv_service_public", "emitter: nobody"))
        receiver.running["run"].send_signal(signal.SIGHUP)
        receiver.wait_for(lambda: receiver.log_lines("configuration_refused") != [], "the refusal")
        [refused] = receiver.log_lines("configuration_refused")
        assert refused["path"] == "sources.mds.emitter"
        send_one(receiver)
        receiver.wait_for(lambda: receiver.exchange.items(MARTINE) != [], "the entry")


def test_a_configuration_that_was_refused_is_told_by_others_until_a_right_one_is_read(tmp_path: Path) -> None:
    def codes() -> set[tuple[str, str]]:
        report = json.loads(receiver.command("status", "--json").stdout)
        return {(each["code"], each["subject"].partition("/")[0]) for each in report["troubles"]}

    with running_receiver(tmp_path) as receiver:
        assert codes() == set()
        text = receiver.config.read_text("utf-8")
        receiver.config.write_text(text.replace("rdv_service_public", "rdv_service_prive"), "utf-8")
        receiver.running["run"].send_signal(signal.SIGHUP)
        receiver.wait_for(lambda: receiver.log_lines("configuration_refused") != [], "the refusal")
        assert receiver.command("status").returncode == 2
        receiver.config.write_text(text, "utf-8")
        receiver.wait_for(lambda: codes() == {("configuration_refused", "run")}, "word of it")
        receiver.running["run"].send_signal(signal.SIGHUP)
        receiver.wait_for(lambda: codes() == set(), "the end of it")


def test_a_receiver_without_a_worker_keeps_webhooks_and_says_what_is_missing(tmp_path: Path) -> None:
    with running_receiver(tmp_path, ()) as receiver:
        assert receiver.command("migrate").returncode == 0
        receiver.start("serve")
        receiver.wait_for(lambda: receiver.get("/healthz") == 200, "the web")
        assert receiver.get("/readyz") == 200
        assert not receiver.is_ready()
        send_one(receiver)


def test_a_store_that_was_never_migrated_is_refused_by_serve_and_worker(tmp_path: Path) -> None:
    with running_receiver(tmp_path, ()) as receiver:
        for command in ("serve", "worker"):
            told = receiver.command(command)
            assert told.returncode == 1
            assert "migrate" in told.stderr


def test_one_log_line_for_each_webhook_and_each_write_tied_by_the_delivery(tmp_path: Path) -> None:
    with running_receiver(tmp_path) as receiver:
        send_one(receiver)
        receiver.wait_for(lambda: receiver.log_lines("write") != [], "the write")
        [webhook], [write] = receiver.log_lines("webhook"), receiver.log_lines("write")
        assert webhook["delivery"] == write["delivery"]
        assert (webhook["status"], write["outcome"], write["verb"]) == ("accepted", "done", "create")
