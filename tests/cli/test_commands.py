"""The command line from outside: exit codes, French, and that each command reaches its part."""

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from receiver import bootstrap, sentences
from receiver.cli import main as cli
from receiver.cli import run
from receiver.config import Reloadable
from receiver.store import Store
from tests.logs.captured import captured_logs


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "ics").mkdir()
    tree = {
        "store": {"url": f"sqlite:///{tmp_path}/rdv.db"},
        "sources": {"mds": {"emitter": "rdv_insertion", "platform": "p", "secrets": [{"env": "RDV_SECRET"}]}},
        "calendars": {"pilot": {"kind": "ics_folder", "path": "ics"}},
    }
    path = tmp_path / "config.yaml"
    path.write_text(json.dumps(tree))
    monkeypatch.setenv("RDV_SECRET", "s")
    return path


@pytest.fixture(autouse=True)
def process_logs() -> Iterator[io.StringIO]:
    """Commands set up the logs and the signals of a process that is theirs alone; here it is pytest's."""
    previous = signal.getsignal(signal.SIGHUP)
    with captured_logs() as stream:
        yield stream
    signal.signal(signal.SIGHUP, previous)


def break_config(path: Path) -> None:
    tree = json.loads(path.read_text())
    tree["web"] = {"threads": 0, "harbour": 1}
    path.write_text(json.dumps(tree, indent=1))


def test_a_wrong_configuration_is_told_line_by_line(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    break_config(config)
    assert cli.main(["--config", str(config), "check"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    first, second, total = captured.err.splitlines()
    line = config.read_text().splitlines().index('  "threads": 0,') + 1
    assert first.startswith(f"{config}:{line}: web.threads : ")
    assert second.startswith(f"{config}:{line + 1}: web.harbour : ")
    assert total == sentences.COMMANDS["configuration_refused"].format(count=2)


def test_a_wrong_configuration_is_told_to_programs_too(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    break_config(config)
    assert cli.main(["--config", str(config), "check", "--json"]) == 2
    report = json.loads(capsys.readouterr().out)
    assert report["ok"] is False
    assert [(each["path"], each["code"]) for each in report["problems"]] == [
        ("web.threads", "out_of_range"),
        ("web.harbour", "unknown_key"),
    ]


def test_the_file_comes_from_the_option_else_the_environment_else_etc(
    config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(cli.CONFIG_VARIABLE, str(config))
    assert cli.main(["migrate"]) == 0
    assert cli.main(["--config", "/absent/a.yaml", "migrate"]) == 2
    monkeypatch.setenv(cli.CONFIG_VARIABLE, "")
    monkeypatch.setattr(cli, "DEFAULT_CONFIG", "/absent/b.yaml")
    assert cli.main(["migrate"]) == 2
    told = capsys.readouterr().err
    assert "/absent/a.yaml: " in told
    assert "/absent/b.yaml: " in told


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], "il manque : COMMANDE"),
        (["dance"], "dance"),
        (["check", "--jsno"], "argument inconnu : --jsno"),
        (["check", "--mailbox"], "il manque une valeur"),
        (["--conf", "x", "check"], "conf"),
    ],
)
def test_a_mistyped_command_exits_2_in_french(
    arguments: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        cli.main(arguments)
    assert left.value.code == 2
    told = capsys.readouterr().err
    assert expected in told
    assert "usage : rdv-receiver" in told


@pytest.mark.parametrize("arguments", [["--help"], ["check", "--help"], ["run", "-h"]])
def test_help_is_french(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        cli.main(arguments)
    assert left.value.code == 0
    told = capsys.readouterr().out
    assert "usage : " in told
    for english in ("usage: ", "options:\n  -h, --help  show", "positional arguments", "show this help"):
        assert english not in told


def test_migrate_makes_the_store(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--config", str(config), "migrate"]) == 0
    assert capsys.readouterr().out.strip() == sentences.COMMANDS["migrated"]
    store = Store(f"sqlite:///{config.parent}/rdv.db")
    assert store.is_current()
    store.close()


def test_a_store_that_cannot_be_made_exits_1(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (config.parent / "rdv.db").mkdir()
    assert cli.main(["--config", str(config), "migrate"]) == 1
    assert "store.url" in capsys.readouterr().err


@pytest.mark.parametrize(("command", "part"), [("serve", "run_web"), ("worker", "run_worker")])
def test_each_part_gets_the_settings_in_force(
    command: str, part: str, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Reloadable] = []
    monkeypatch.setattr(bootstrap, part, seen.append)
    assert cli.main(["--config", str(config), "migrate"]) == 0
    assert cli.main(["--config", str(config), command]) == 0
    (settings,) = seen
    assert set(settings.current.sources) == {"mds"}


@pytest.mark.parametrize("command", ["serve", "worker"])
def test_no_part_starts_on_a_store_that_is_not_migrated(
    command: str, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Migrations are an explicit step: two hosts must not race into one."""
    assert cli.main(["--config", str(config), command]) == 1
    assert sentences.CHECK["store_not_current"] in capsys.readouterr().err


def test_run_migrates_first_then_starts_both_parts(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[dict[str, list[str]]] = []

    def supervise(started: dict[str, list[str]], _: object, **__: object) -> int:
        store = Store(f"sqlite:///{config.parent}/rdv.db")
        assert store.is_current()
        store.close()
        seen.append(started)
        return 0

    monkeypatch.setattr(run, "supervise", supervise)
    assert cli.main(["--config", str(config), "run"]) == 0
    (started,) = seen
    assert started["serve"] == [sys.executable, "-m", "receiver", "--config", str(config), "serve"]
    assert started["worker"][-1] == "worker"


def test_run_starts_nothing_on_a_store_that_cannot_be_migrated(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "supervise", lambda *_, **__: pytest.fail("started"))
    (config.parent / "rdv.db").mkdir()
    assert cli.main(["--config", str(config), "run"]) == 1


def test_run_logs_the_configurations_warnings(
    config: Path, monkeypatch: pytest.MonkeyPatch, process_logs: io.StringIO
) -> None:
    secret = config.parent / "secret"
    secret.write_text("a secret of this test")
    secret.chmod(0o644)
    config.write_text(config.read_text().replace('"env": "RDV_SECRET"', '"file": "secret"'))
    monkeypatch.setattr(run, "supervise", lambda *_, **__: 0)
    monkeypatch.setattr("receiver.logs.configure", lambda *_: None)
    assert cli.main(["--config", str(config), "run"]) == 0
    stream = process_logs
    (warning,) = [line for line in map(json.loads, stream.getvalue().splitlines()) if line["level"] == "warning"]
    assert (warning["event"], warning["code"]) == ("configuration_warning", "secret_file_exposed")


def test_a_reload_is_passed_on_only_where_the_file_is_right(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted: list[dict[str, list[str]] | None] = []

    def supervise(first: dict[str, list[str]], reload: Any, **_: object) -> int:
        wanted.extend((first, reload()))
        break_config(config)
        wanted.append(reload())
        return 0

    monkeypatch.setattr(run, "supervise", supervise)
    assert cli.main(["--config", str(config), "run"]) == 0
    first, again, broken = wanted
    assert (again, broken) == (first, None)


def test_the_module_runs_as_a_program(config: Path) -> None:
    program = [sys.executable, "-m", "receiver", "--config", str(config), "migrate"]
    done = subprocess.run(program, capture_output=True, text=True, timeout=60, check=False, env=dict(os.environ))
    assert (done.returncode, done.stderr) == (0, "")


def test_a_command_that_fails_unforeseen_prints_no_words(config: Path) -> None:
    """The exception of a driver or a parser may quote what it was given."""
    code = (
        "import sys\nfrom receiver import bootstrap\nfrom receiver.cli.main import main\n"
        "def fail(*_): raise RuntimeError('hunter2')\n"
        "bootstrap.open_store = fail\n"
        f"sys.exit(main(['--config', {str(config)!r}, 'check']))"
    )
    (config.parent / "rdv.db").touch()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "RuntimeError" in done.stderr
    assert "hunter2" not in done.stderr
