"""The supervisor with real processes and real signals: what is vital takes all with it, all else is started again."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.lab.waiting import wait_until

DEADLINE_S = 20.0

# A child that says what it hears. "deaf" does not end on SIGTERM; "quits" ends by itself when its file appears.
CHILD = """
import os, pathlib, signal, sys, time
kind, folder = sys.argv[1], pathlib.Path(sys.argv[2])
def note(what):
    with (folder / "heard").open("a") as file:
        file.write(f"{kind} {what}\\n")
def end(*_):
    note("TERM")
    if kind == "broken":
        sys.exit(3)
    if kind != "deaf":
        time.sleep(0.1)  # it takes a while to end
        note("finished")
        sys.exit(0)
signal.signal(signal.SIGTERM, end)
signal.signal(signal.SIGINT, lambda *_: note("INT"))
signal.signal(signal.SIGHUP, lambda *_: note("HUP"))
note(f"pid {os.getpid()}")
while not (folder / f"{kind}-quits").exists():
    time.sleep(0.02)  # the child's own waiting
sys.exit(int((folder / f"{kind}-quits").read_text()))
"""

SUPERVISOR = """
import pathlib, sys
from receiver import logs
from receiver.cli.supervise import Waits, supervise
logs.configure()
folder, kinds, grace = pathlib.Path(sys.argv[1]), sys.argv[2].split(","), float(sys.argv[3])
pause, longest, steady = (float(word) for word in sys.argv[4:])
commands = {kind: [sys.executable, str(folder / "child.py"), kind, str(folder)] for kind in kinds}
for kind in kinds:
    if (folder / f"{kind}-is-missing").exists():
        commands[kind] = [str(folder / "no-such-program")]
first = {kind: command for kind, command in commands.items() if not (folder / f"{kind}-comes-later").exists()}
reload = lambda: commands if (folder / "reload-is-fine").exists() else None
vital = [kind for kind in kinds if kind not in {"worker", "spare"}]
sys.exit(supervise(first, reload, vital, ("spare",), Waits(grace, pause, longest, steady)))
"""


class Running:
    """A supervisor and what its children wrote down."""

    def __init__(self, folder: Path, kinds: str, grace_s: float, pauses: tuple[float, float, float]) -> None:
        self.folder = folder
        (folder / "child.py").write_text(CHILD)
        self.log = folder / "log"
        with self.log.open("wb") as log:
            arguments = [sys.executable, "-c", SUPERVISOR, str(folder), kinds, *map(str, (grace_s, *pauses))]
            self.process = subprocess.Popen(arguments, stderr=log)
        late = {"comes-later", "is-missing"}
        expected = [kind for kind in kinds.split(",") if not any((folder / f"{kind}-{how}").exists() for how in late)]
        until(lambda: self.pids().keys() == set(expected))

    def heard(self) -> list[str]:
        path = self.folder / "heard"
        return path.read_text().splitlines() if path.exists() else []

    def starts(self, kind: str) -> int:
        return sum(line.startswith(f"{kind} pid ") for line in self.heard())

    def pids(self) -> dict[str, int]:
        words = [line.split() for line in self.heard()]
        return {each[0]: int(each[2]) for each in words if each[1] == "pid"}

    def ends_with(self) -> int:
        return self.process.wait(DEADLINE_S)

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()]


def until(condition: Callable[[], bool]) -> None:
    wait_until(condition, "what the supervisor should do", DEADLINE_S)


def lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


Start = Callable[..., Running]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[Running] = []

    def _start(kinds: str, grace_s: float = 30.0, pauses: tuple[float, float, float] = (0.2, 0.2, 60.0)) -> Running:
        started.append(Running(tmp_path, kinds, grace_s, pauses))
        return started[-1]

    yield _start
    for running in started:
        for pid in running.pids().values():
            if lives(pid):
                os.kill(pid, signal.SIGKILL)
        if running.process.poll() is None:
            running.process.kill()
        running.process.wait()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_asked_to_end_it_lets_the_children_finish(start: Start, number: signal.Signals) -> None:
    """Always by SIGTERM: gunicorn drops what it holds on SIGINT."""
    running = start("a,b")
    running.process.send_signal(number)
    assert running.ends_with() == 0
    assert {"a TERM", "a finished", "b TERM", "b finished"} <= set(running.heard())
    assert not any(line.endswith("INT") for line in running.heard())


@pytest.mark.parametrize("code", ["0", "7"])
def test_a_vital_child_that_ends_by_itself_ends_the_others(start: Start, tmp_path: Path, code: str) -> None:
    """Without the web there is nothing to run for."""
    running = start("a,b")
    (tmp_path / "a-quits").write_text(code)
    assert running.ends_with() == 1
    assert "b finished" in running.heard()
    (died,) = [event for event in running.events() if event["event"] == "child_died"]
    assert (died["child"], died["status"]) == ("a", int(code))


def test_a_vital_child_that_is_killed_ends_the_others(start: Start) -> None:
    running = start("a,b")
    os.kill(running.pids()["b"], signal.SIGKILL)
    assert running.ends_with() == 1
    assert "a finished" in running.heard()


def test_a_child_that_does_not_end_is_killed_after_the_grace(start: Start) -> None:
    running = start("deaf,b", grace_s=0.5)
    running.process.send_signal(signal.SIGTERM)
    assert running.ends_with() == 1
    assert "b finished" in running.heard()
    assert not lives(running.pids()["deaf"])
    assert [event["child"] for event in running.events() if event["event"] == "child_killed"] == ["deaf"]


def test_a_child_that_fails_while_ending_shows_in_the_exit_code(start: Start) -> None:
    running = start("broken,b")
    running.process.send_signal(signal.SIGTERM)
    assert running.ends_with() == 1


def test_a_second_request_does_not_shorten_the_first(start: Start) -> None:
    running = start("deaf,b", grace_s=1.0)
    running.process.send_signal(signal.SIGTERM)
    until(lambda: "deaf TERM" in running.heard())
    running.process.send_signal(signal.SIGTERM)
    running.process.send_signal(signal.SIGHUP)
    assert running.ends_with() == 1
    assert running.heard().count("deaf TERM") == 1
    assert "deaf HUP" not in running.heard()


def test_a_reload_reaches_the_children_when_the_file_is_right(start: Start, tmp_path: Path) -> None:
    running = start("a,b")
    (tmp_path / "reload-is-fine").touch()
    running.process.send_signal(signal.SIGHUP)
    until(lambda: {"a HUP", "b HUP"} <= set(running.heard()))
    running.process.send_signal(signal.SIGTERM)
    assert running.ends_with() == 0


def test_a_reload_reaches_nobody_when_the_file_is_wrong(start: Start) -> None:
    running = start("a,b")
    running.process.send_signal(signal.SIGHUP)
    running.process.send_signal(signal.SIGTERM)
    assert running.ends_with() == 0
    assert not any(line.endswith("HUP") for line in running.heard())


def test_a_spare_child_that_dies_is_started_again_and_costs_the_others_nothing(start: Start) -> None:
    """Alerts that fail must not stop webhooks."""
    running = start("a,spare")
    for count in (2, 3):
        os.kill(running.pids()["spare"], signal.SIGKILL)
        until(lambda count=count: running.starts("spare") == count)  # type: ignore[misc]
    running.process.send_signal(signal.SIGTERM)
    assert running.ends_with() == 0
    assert running.starts("a") == 1
    assert "spare finished" in running.heard()
    died = [event["child"] for event in running.events() if event["event"] == "child_died"]
    assert died == ["spare", "spare"]


def test_a_spare_child_with_nothing_to_do_is_left_alone_until_a_reload(start: Start, tmp_path: Path) -> None:
    running = start("a,spare")
    (tmp_path / "spare-quits").write_text("0")
    until(lambda: [event["event"] for event in running.events()].count("child_ended") == 1)
    (tmp_path / "spare-quits").unlink()
    assert running.starts("spare") == 1
    (tmp_path / "reload-is-fine").touch()
    running.process.send_signal(signal.SIGHUP)
    until(lambda: running.starts("spare") == 2)
    running.process.send_signal(signal.SIGTERM)
    assert running.ends_with() == 0


def test_a_reload_starts_a_spare_child_that_was_not_wanted_before(start: Start, tmp_path: Path) -> None:
    (tmp_path / "spare-comes-later").touch()
    running = start("a,spare")
    (tmp_path / "reload-is-fine").touch()
    running.process.send_signal(signal.SIGHUP)
    until(lambda: running.starts("spare") == 1)
    running.process.send_signal(signal.SIGTERM)
    assert running.ends_with() == 0
    assert {"a HUP", "a finished", "spare finished"} <= set(running.heard())


def test_a_spare_child_ends_with_the_others(start: Start, tmp_path: Path) -> None:
    running = start("a,spare")
    (tmp_path / "a-quits").write_text("7")
    assert running.ends_with() == 1
    assert "spare finished" in running.heard()


def test_a_spare_child_that_waits_for_its_start_holds_up_no_end(start: Start) -> None:
    running = start("a,spare")
    os.kill(running.pids()["spare"], signal.SIGKILL)
    until(lambda: any(event["event"] == "child_died" for event in running.events()))
    running.process.send_signal(signal.SIGTERM)
    assert running.ends_with() == 0


def test_a_spare_child_that_cannot_be_started_costs_the_others_nothing(start: Start, tmp_path: Path) -> None:
    (tmp_path / "spare-is-missing").touch()
    running = start("a,spare")
    until(lambda: [event["event"] for event in running.events()].count("child_not_started") == 2)
    running.process.send_signal(signal.SIGTERM)
    assert running.ends_with() == 0
    assert "a finished" in running.heard()


@pytest.mark.parametrize("code", ["0", "7", "75"])
def test_a_worker_that_ends_by_itself_is_started_again_and_costs_the_web_nothing(
    start: Start, tmp_path: Path, code: str
) -> None:
    """Also with status 0: nobody asked it to end."""
    running = start("web,worker")
    (tmp_path / "worker-quits").write_text(code)
    until(lambda: running.starts("worker") >= 3)
    (tmp_path / "worker-quits").unlink()
    running.process.send_signal(signal.SIGTERM)
    assert running.ends_with() in {0, 1}  # 1: it was about to end by itself once more
    assert running.starts("web") == 1
    assert "web finished" in running.heard()


def pauses(running: Running) -> list[float]:
    return [event["again_in_s"] for event in running.events() if event["event"] == "child_died"]


def test_the_pauses_grow_up_to_a_limit(start: Start, tmp_path: Path) -> None:
    running = start("web,worker", pauses=(0.05, 0.3, 60.0))
    (tmp_path / "worker-quits").write_text("1")
    until(lambda: len(pauses(running)) >= 5)
    assert pauses(running)[:5] == [0.05, 0.1, 0.2, 0.3, 0.3]


def test_they_begin_anew_after_a_child_has_stayed_for_a_while(start: Start, tmp_path: Path) -> None:
    running = start("web,worker", pauses=(0.05, 0.3, 0.0))
    (tmp_path / "worker-quits").write_text("1")
    until(lambda: len(pauses(running)) >= 3)
    assert set(pauses(running)) == {0.05}


def test_a_child_that_cannot_use_its_configuration_waits_for_long_but_not_for_a_reload(
    start: Start, tmp_path: Path
) -> None:
    """Trying again changes nothing; a file that was put right does."""
    running = start("web,worker", pauses=(0.05, 600.0, 60.0))
    (tmp_path / "worker-quits").write_text("2")
    until(lambda: pauses(running) == [600.0])
    (tmp_path / "worker-quits").unlink()
    (tmp_path / "reload-is-fine").touch()
    running.process.send_signal(signal.SIGHUP)
    until(lambda: running.starts("worker") == 2)
    running.process.send_signal(signal.SIGTERM)
    assert running.ends_with() == 0


def test_a_pause_holds_up_no_end_however_long_it_is(start: Start) -> None:
    running = start("web,worker", pauses=(600.0, 600.0, 600.0))
    os.kill(running.pids()["worker"], signal.SIGKILL)
    until(lambda: pauses(running) == [600.0])
    running.process.send_signal(signal.SIGTERM)
    assert running.ends_with() == 0
    assert running.starts("worker") == 1
    assert "web finished" in running.heard()


def test_a_worker_that_cannot_be_started_costs_the_web_nothing(start: Start, tmp_path: Path) -> None:
    (tmp_path / "worker-is-missing").touch()
    running = start("web,worker", pauses=(0.05, 0.3, 60.0))
    until(lambda: [event["event"] for event in running.events()].count("child_not_started") == 3)
    running.process.send_signal(signal.SIGTERM)
    assert running.ends_with() == 0
