"""The processes as an init system sees them: start, reload, stop, die."""

import os
import signal
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from emitter.scenarios import build
from tests.end_to_end.town import MARTINE, Town, open_town


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


@pytest.mark.parametrize("command", ["serve", "worker"])
def test_a_child_that_dies_takes_the_other_with_it_and_run_says_so(tmp_path: Path, command: str) -> None:
    """Whoever supervises us starts both anew; half a receiver would look healthy."""
    with open_town(tmp_path) as town:
        run = town.running["run"]
        pids = children(run)
        os.kill(child_named(run, command), signal.SIGKILL)
        assert run.wait(30) != 0
        town.wait_for(lambda: not any(alive(pid) for pid in pids), "both to be gone")


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


def test_a_receiver_without_a_worker_lives_but_is_not_ready(tmp_path: Path) -> None:
    with open_town(tmp_path, ()) as town:
        assert town.command("migrate").returncode == 0
        town.start("serve")
        town.wait_for(lambda: town.get("/healthz") == 200, "the web")
        assert town.get("/readyz") == 503


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
