"""What each process of the service has loaded: it lives for months, and a module that is not its own is memory."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from receiver.cli import main as cli
from receiver.store import Store

LAST_STEPS = {
    "run": "receiver.cli.supervise:supervise",
    "serve": "receiver.web.server:serve",
    "worker": "receiver.worker.loop:run",
    "watch": "receiver.alerts.loop:run",
}
"""What a process does for the rest of its life, once all is loaded."""

WEB = {"flask", "gunicorn", "jwt", "receiver.web", "werkzeug"}
WORK = {"connectors.ics_folder", "exchangelib", "receiver.worker"}
ALERTS = {"receiver.alerts"}
NOBODYS = {"apprise", "playwright", "receiver.operations.resync.platform_api", "requests", "rich"}
COMMANDS = {f"receiver.cli.{layer.partition(':')[0]}" for layer in cli.LAYERS.values()}
NOT_ITS_OWN = {
    "run": NOBODYS | WEB | WORK | ALERTS | {"holidays"} | COMMANDS - {"receiver.cli.run"},
    "serve": NOBODYS | WORK | ALERTS | COMMANDS - {"receiver.cli.parts"},
    "worker": NOBODYS | WEB | ALERTS | COMMANDS - {"receiver.cli.parts"},
    "watch": NOBODYS | WEB | WORK | COMMANDS - {"receiver.cli.watch"},
}

PROGRAM = """
import sys
from importlib import import_module
from receiver.cli.main import main

command, config, last_step = sys.argv[1:]

def show(settings, *parts, **options):
    if command == "serve":
        parts[0]()  # what a process of gunicorn builds
    if command == "worker":
        parts[1](settings.current)
    print(*sys.modules)
    return 0

module, name = last_step.split(":")
setattr(import_module(module), name, show)
sys.exit(main(["--config", config, command]))
"""


def loaded(folder: Path, command: str) -> set[str]:
    (folder / "calendars").mkdir()
    url = f"sqlite:///{folder}/rdv.db"
    tree = {
        "store": {"url": url},
        "sources": {"mds": {"emitter": "rdv_insertion", "platform": "p", "secrets": [{"env": "RDV_SECRET"}]}},
        "calendars": {"pilot": {"kind": "ics_folder", "path": str(folder / "calendars")}},
        "web": {"listen": "127.0.0.1:0"},
    }
    config = folder / "config.yaml"
    config.write_text(json.dumps(tree), "utf-8")
    store = Store(url)
    store.migrate()
    store.close()
    program = [sys.executable, "-c", PROGRAM, command, str(config), LAST_STEPS[command]]
    done = subprocess.run(program, capture_output=True, text=True, timeout=60, check=False, env={"RDV_SECRET": "s"})
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


@pytest.mark.parametrize("command", LAST_STEPS)
def test_a_process_of_the_service_loads_its_own_part_alone(command: str, tmp_path: Path) -> None:
    """Whoever imports one command more imports all that it needs, in each of the processes."""
    found = loaded(tmp_path, command)
    assert LAST_STEPS[command].partition(":")[0] in found
    assert found & NOT_ITS_OWN[command] == set()


def test_what_is_not_loaded_is_named_as_it_is_loaded_elsewhere() -> None:
    """A name that no process ever loads would be missing for ever."""
    ours = WEB | WORK | ALERTS | NOBODYS - {"playwright"} | COMMANDS
    imports = "\n".join(f"import {name}" for name in sorted(ours))
    done = subprocess.run([sys.executable, "-c", imports], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("command", cli.LAYERS)
def test_every_command_describes_itself_when_it_is_asked(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Its module is named, not imported: nobody else would miss one that was renamed."""
    with pytest.raises(SystemExit) as left:
        cli.main([command, "--help"])
    assert left.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage : rdv-receiver {command} ")
