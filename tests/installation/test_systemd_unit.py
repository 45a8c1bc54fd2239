"""The systemd unit: how little it may do, and that the ways it is varied keep that."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from receiver.alerts.send import SEND_S
from receiver.cli.supervise import GRACE_S
from tests.installation.confinement import UNIT, allowed_calls, setting, settings
from tests.requirements import require

SYSTEMD = UNIT.parent
WATCH = SYSTEMD / "rdv-receiver-watch.service"
LARGEST_EXPOSURE = 2.0
PROGRAM = "/opt/rdv-receiver/current/bin/rdv-receiver"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A root with the unit in its place and a program that stands for ours."""
    require(shutil.which("systemd-analyze"), "systemd-analyze is not installed")
    units = tmp_path / "etc/systemd/system"
    (units / "rdv-receiver.service.d").mkdir(parents=True)
    shutil.copy2(UNIT, units)
    return tmp_path


def exposure(unit: Path) -> float:
    """Return systemd's own figure, 0 (shut) to 10."""
    command = ["systemd-analyze", "security", "--offline=true", "--no-pager", str(unit)]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.search(r"Overall exposure level for .*: ([0-9.]+)", shown)
    assert found, shown
    return float(found[1])


@pytest.mark.threat(id="confined-program")
@pytest.mark.parametrize("drop_in", [None, "serve.conf", "worker.conf", "credentials.conf"])
def test_the_unit_exposes_little_whatever_it_does(tree: Path, drop_in: str | None) -> None:
    units = tree / "etc/systemd/system"
    text = UNIT.read_text()
    if drop_in:  # the later assignments win, as they do in a drop-in
        text = text.replace("\n[Install]", (SYSTEMD / drop_in).read_text() + "\n[Install]")
    (units / UNIT.name).write_text(text)
    assert exposure(units / UNIT.name) < LARGEST_EXPOSURE


@pytest.mark.parametrize("drop_in", [None, "serve.conf", "worker.conf", "credentials.conf"])
def test_systemd_understands_every_line(tree: Path, drop_in: str | None) -> None:
    """A misspelt setting is only a warning to systemd, and protects nothing."""
    if drop_in:
        shutil.copy2(SYSTEMD / drop_in, tree / "etc/systemd/system/rdv-receiver.service.d")
    for program in (PROGRAM, "/bin/kill"):
        (tree / program[1:]).parent.mkdir(parents=True, exist_ok=True)
        (tree / program[1:]).write_text("")
        (tree / program[1:]).chmod(0o755)
    shutil.copytree("/lib/systemd/system", tree / "lib/systemd/system", symlinks=True)
    command = ["systemd-analyze", "verify", "--recursive-errors=no", f"--root={tree}", UNIT.name]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    ours = [line for line in done.stderr.splitlines() if "rdv-receiver" in line]
    assert (done.returncode, ours) == (0, []), done.stderr


def test_a_call_in_hand_may_end() -> None:
    """Who kills first leaves writes of which nobody knows whether they happened."""
    assert float(setting(UNIT.read_text(), "TimeoutStopSec")) > GRACE_S


def test_a_wrong_configuration_is_not_started_again_and_again_and_all_else_is() -> None:
    unit = UNIT.read_text()
    assert setting(unit, "Restart") == "on-failure"
    assert setting(unit, "RestartPreventExitStatus") == "2"
    assert setting(unit, "StartLimitIntervalSec") == "0"


@pytest.mark.threat(id="core-dumps")
@pytest.mark.parametrize("unit", [UNIT, WATCH], ids=lambda unit: unit.stem)
def test_memory_is_bounded_and_no_image_of_it_is_left(unit: Path) -> None:
    """Who takes too much is ended alone: systemd would else stop the whole unit, the web with the worker."""
    text = unit.read_text()
    assert setting(text, "LimitCORE") == "0"
    assert re.fullmatch(r"[0-9]+M", setting(text, "MemoryMax"))
    assert setting(text, "OOMPolicy") == "continue"


def test_only_the_start_differs_between_machines() -> None:
    for name in ("serve", "worker"):
        changed = settings((SYSTEMD / f"{name}.conf").read_text())
        assert {key for key, _ in changed} <= {"ExecStart", "ExecStartPre"}
        assert changed[-1] == ("ExecStart", f"{PROGRAM} {name}")
    assert setting(UNIT.read_text(), "ExecStart") == f"{PROGRAM} run"


def test_the_watch_of_two_machines_may_no_more_than_the_rest() -> None:
    """Two files must say the same: systemd has no way to share it."""
    theirs = {"Description", "ExecStart", "TimeoutStopSec", "MemoryMax"}
    ours, others = settings(WATCH.read_text()), settings(UNIT.read_text())
    assert [each for each in ours if each[0] not in theirs] == [each for each in others if each[0] not in theirs]
    assert setting(WATCH.read_text(), "ExecStart") == f"{PROGRAM} watch"
    assert float(setting(WATCH.read_text(), "TimeoutStopSec")) > SEND_S


def test_the_watch_exposes_as_little(tree: Path) -> None:
    shutil.copy2(WATCH, tree / "etc/systemd/system")
    assert exposure(tree / "etc/systemd/system" / WATCH.name) < LARGEST_EXPOSURE


def test_what_sending_alerts_takes_is_allowed() -> None:
    """Authorities in a file in memory; a process for each letter, ended with all it started."""
    require(shutil.which("systemd-analyze"), "systemd-analyze is not installed")
    assert {"memfd_create", "setpgid", "kill"} <= allowed_calls(UNIT.read_text())
