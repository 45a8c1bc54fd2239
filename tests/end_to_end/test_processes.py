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
from receiver.store.reports.status import DEAD_AFTER
from tests.lab.running_receiver import MARTINE, Town, open_town


def send_one(town: Town) -> None:
    """An appointment of its own for Martine."""
    story = build("create", datetime.now(UTC))
    assert town.send(*(step.body for step in story.steps)).undelivered == ()


def edit(town: Town, change: Callable[[str], str]) -> None:
    town.config.write_text(change(town.config.read_text("utf-8")), "utf-8")


def children(process: subprocess.Popen[str]) -> list[int]:
    listed = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text("utf-8")
    return [int(pid) for pid in listed.split()]


def child_named(process: subprocess.Popen[str], command: str) -> int:
    lines = {pid: Path(f"/proc/{pid}/cmdline").read_text("utf-8") for pid in children(process)}
    return next(pid for pid, line in lines.items() if line.rstrip("\0").endswith(command))


def alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def test_sigterm_ends_everything_with_status_0(tmp_path: Path) -> None:
    with open_town(tmp_path) as town:
        run = town.running["run"]
        pids = children(run)
        assert len(pids) == 2
        run.terminate()
        assert run.wait(30) == 0
        assert not any(alive(pid) for pid in pids)


def test_a_web_that_dies_takes_the_worker_with_it_and_run_says_so(tmp_path: Path) -> None:
    """Whoever supervises us starts both anew; a receiver without its web would look healthy."""
    with open_town(tmp_path) as town:
        run = town.running["run"]
        pids = children(run)
        os.kill(child_named(run, "serve"), signal.SIGKILL)
        assert run.wait(30) != 0
        town.wait_for(lambda: not any(alive(pid) for pid in pids), "both to be gone")


@pytest.mark.threat(id="dying-worker")
def test_a_worker_that_keeps_dying_is_started_again_and_told_of_and_the_web_acknowledges(tmp_path: Path) -> None:
    with open_town(tmp_path) as town:
        run = town.running["run"]
        web = child_named(run, "serve")
        for count in (1, 2, 3):
            town.wait_for(lambda count=count: len(town.log_lines("worker_started")) == count, "a worker")  # type: ignore[misc]
            town.wait_for(town.is_ready, "its sign of life")
            os.kill(child_named(run, "worker"), signal.SIGKILL)
            town.wait_for(lambda count=count: len(town.log_lines("child_died")) == count, "its death")  # type: ignore[misc]
            send_one(town)
        town.wait_for(lambda: len(town.exchange.items(MARTINE)) == 3, "what was acknowledged meanwhile")
        assert child_named(run, "serve") == web
        moved = f"UPDATE heartbeats SET beat_at = datetime(beat_at, '-{DEAD_AFTER.seconds} seconds') || '.000000'"
        with closing(sqlite3.connect(tmp_path / "store.db")) as database, database:
            database.execute(moved + " WHERE name LIKE 'worker/%'")
        told = json.loads(town.command("status", "--json").stdout)["troubles"]
        assert "worker_restarting" in [trouble["code"] for trouble in told]
        run.terminate()
        assert run.wait(30) == 0


def test_a_worker_that_can_no_more_read_its_configuration_waits_for_a_reload(tmp_path: Path) -> None:
    with open_town(tmp_path) as town:
        run = town.running["run"]
        right = town.config.read_text("utf-8")
        edit(town, lambda text: text.replace("emitter: rdv_service_public", "emitter: nobody"))
        os.kill(child_named(run, "worker"), signal.SIGKILL)
        town.wait_for(lambda: [line["status"] for line in town.log_lines("child_died")] == [-9, 2], "the refusal")
        send_one(town)
        town.config.write_text(right, "utf-8")
        run.send_signal(signal.SIGHUP)
        town.wait_for(lambda: town.exchange.items(MARTINE) != [], "the entry")
        run.terminate()
        assert run.wait(30) == 0


def test_sighup_brings_a_right_configuration_into_force_everywhere(tmp_path: Path) -> None:
    with open_town(tmp_path) as town:
        edit(town, lambda text: text + "policies:\n  category: Rendez-vous\n  on_cancel: mark\n")
        edit(town, lambda text: text.replace("  mds:\n", "  autre:\n", 1))
        town.running["run"].send_signal(signal.SIGHUP)
        town.wait_for(lambda: len(town.log_lines("configuration_reloaded")) == 2, "web and worker to reload")
        town.wait_for(lambda: town.answers(b"{}") == [(404, "not_found")], "the old source to be gone")
        edit(town, lambda text: text.replace("  autre:\n", "  mds:\n", 1))
        town.running["run"].send_signal(signal.SIGHUP)
        town.wait_for(lambda: town.answers(b"{}") == [(422, "invalid")], "the source to be back")
        send_one(town)
        town.wait_for(lambda: town.exchange.items(MARTINE) != [], "the entry")
        assert town.exchange.items(MARTINE)[0].categories == ("Rendez-vous",)


def test_sighup_with_a_wrong_configuration_changes_nothing_and_says_why(tmp_path: Path) -> None:
    with open_town(tmp_path) as town:
        edit(town, lambda text: text.replace("emitter: rdv_service_public", "emitter: nobody"))
        town.running["run"].send_signal(signal.SIGHUP)
        town.wait_for(lambda: town.log_lines("configuration_refused") != [], "the refusal")
        [refused] = town.log_lines("configuration_refused")
        assert refused["path"] == "sources.mds.emitter"
        send_one(town)
        town.wait_for(lambda: town.exchange.items(MARTINE) != [], "the entry")


def test_a_configuration_that_was_refused_is_told_by_others_until_a_right_one_is_read(tmp_path: Path) -> None:
    def codes() -> set[tuple[str, str]]:
        report = json.loads(town.command("status", "--json").stdout)
        return {(each["code"], each["subject"].partition("/")[0]) for each in report["troubles"]}

    with open_town(tmp_path) as town:
        assert codes() == set()
        text = town.config.read_text("utf-8")
        town.config.write_text(text.replace("rdv_service_public", "rdv_service_prive"), "utf-8")
        town.running["run"].send_signal(signal.SIGHUP)
        town.wait_for(lambda: town.log_lines("configuration_refused") != [], "the refusal")
        assert town.command("status").returncode == 2
        town.config.write_text(text, "utf-8")
        town.wait_for(lambda: codes() == {("configuration_refused", "run")}, "word of it")
        town.running["run"].send_signal(signal.SIGHUP)
        town.wait_for(lambda: codes() == set(), "the end of it")


def test_a_receiver_without_a_worker_keeps_webhooks_and_says_what_is_missing(tmp_path: Path) -> None:
    with open_town(tmp_path, ()) as town:
        assert town.command("migrate").returncode == 0
        town.start("serve")
        town.wait_for(lambda: town.get("/healthz") == 200, "the web")
        assert town.get("/readyz") == 200
        assert not town.is_ready()
        send_one(town)


def test_a_store_that_was_never_migrated_is_refused_by_serve_and_worker(tmp_path: Path) -> None:
    with open_town(tmp_path, ()) as town:
        for command in ("serve", "worker"):
            told = town.command(command)
            assert told.returncode == 1
            assert "migrate" in told.stderr


def test_one_log_line_for_each_webhook_and_each_write_tied_by_the_delivery(tmp_path: Path) -> None:
    with open_town(tmp_path) as town:
        send_one(town)
        town.wait_for(lambda: town.log_lines("write") != [], "the write")
        [webhook], [write] = town.log_lines("webhook"), town.log_lines("write")
        assert webhook["delivery"] == write["delivery"]
        assert (webhook["status"], write["outcome"], write["verb"]) == ("accepted", "done", "create")
