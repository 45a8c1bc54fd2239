"""A store that is lost and that the configuration alone knows of; and the one that is made in its place."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from receiver.cli import main as cli
from tests.lab.configuration import a_configuration

pytestmark = pytest.mark.usefixtures("process_logs")

INSTALLATION = "3b0f4c1e-52a7-4c39-9d0e-6a1f2b7c8d90"

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command; return its exit status and all that it printed."""
    monkeypatch.setenv("RDV_SECRET", "a secret of these tests")
    (tmp_path / "ics").mkdir()
    store = {"url": f"sqlite:///{tmp_path}/rdv.db", "installation": INSTALLATION}
    config = tmp_path / "config.yaml"
    config.write_text(json.dumps(a_configuration("") | {"store": store}), "utf-8")

    def command(*words: str) -> tuple[int, str]:
        status = cli.main(["--config", str(config), *words])
        return status, "".join(capsys.readouterr())

    return command


@pytest.mark.parametrize("is_empty", [False, True], ids=["gone", "empty"])
def test_the_check_names_the_key_of_the_configuration_that_knows_the_store(
    run: Run, tmp_path: Path, is_empty: bool
) -> None:
    if is_empty:
        (tmp_path / "rdv.db").touch(0o600)
    status, said = run("check")
    assert status == 1
    assert "le témoin ou store.installation en connaît une" in said


def test_the_status_of_a_store_made_in_the_place_of_a_lost_one_does_not_call_it_a_backup_alone(run: Run) -> None:
    assert run("migrate", "--recover")[0] == 0
    status, said = run("status")
    assert status == 1
    assert "La base peut en savoir moins que les calendriers" in said
    assert "ou remplace une base perdue" in " ".join(said.split())
