"""An SQLite database that is named by a link: it is the file that the link leads to, whether that is there or not."""

import json
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from receiver.cli import main as cli
from receiver.core.troubles import Code
from receiver.store import Cause, Store, StoreVanished
from receiver.store.database.errors import REPLACED
from tests.lab.configuration import a_configuration

pytestmark = pytest.mark.usefixtures("process_logs")


@pytest.fixture
def link(tmp_path: Path) -> Path:
    (tmp_path / "here").mkdir()
    (tmp_path / "disk").mkdir()
    path = tmp_path / "here" / "rdv.db"
    path.symlink_to(tmp_path / "disk" / "real.db")
    return path


@pytest.fixture
def config(link: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RDV_SECRET", "un secret assez long pour un essai")
    path = tmp_path / "config.yaml"
    path.write_text(json.dumps(a_configuration(f"sqlite:///{link}")))
    return path


def trouble_of(config: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    capsys.readouterr()
    cli.main(["--config", str(config), "status", "--json"])
    trouble: dict[str, Any] = json.loads(capsys.readouterr().out)["troubles"][0]
    return trouble


def test_a_database_that_is_yet_to_be_is_made_where_the_link_leads(
    link: Path, config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trouble = trouble_of(config, capsys)
    assert (trouble["code"], trouble["cause"]) == (Code.STORE_NOT_CURRENT, Cause.EMPTY)
    assert cli.main(["--config", str(config), "migrate"]) == 0
    assert (tmp_path / "disk" / "real.db").stat().st_size
    assert cli.main(["--config", str(config), "status"]) == 0
    assert [path for path in link.parent.glob("rdv.db*") if path != link] == []


def test_a_link_into_a_folder_that_is_missing_is_told_alike_by_all(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "disk").rmdir()
    trouble = trouble_of(config, capsys)
    assert (trouble["code"], trouble["cause"]) == (Code.STORE_UNREACHABLE, Cause.FOLDER_MISSING)
    for words in (["status"], ["check"], ["migrate"]):
        assert cli.main(["--config", str(config), *words]) == 1
        assert f"{tmp_path}/disk n'existe pas" in "".join(capsys.readouterr())


def test_a_folder_that_is_missing_is_told_by_status_too(
    tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config.write_text(json.dumps(a_configuration(f"sqlite:///{tmp_path}/nowhere/rdv.db")))
    trouble = trouble_of(config, capsys)
    assert (trouble["code"], trouble["cause"]) == (Code.STORE_UNREACHABLE, Cause.FOLDER_MISSING)


def test_two_processes_use_one_database_by_its_link(link: Path) -> None:
    url = f"sqlite:///{link}"
    script = f"from receiver.store import Store; print(Store({url!r}).standing().usable)"
    with closing(Store(url)) as store:
        store.migrate()
        told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
        assert told.stdout.strip() == "True"


def test_a_link_that_leads_elsewhere_meanwhile_is_not_written_past(link: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{link}"
    with closing(Store(f"sqlite:///{tmp_path}/disk/other.db")) as other:
        other.migrate()
    with closing(Store(url)) as store:
        store.migrate()
        link.unlink()
        link.symlink_to(tmp_path / "disk" / "other.db")
        for use in (store.standing, store.migrate):
            with pytest.raises(StoreVanished) as caught:
                use()
            assert caught.value.cause == REPLACED
        link.unlink()
        link.symlink_to(tmp_path / "disk" / "real.db")
        assert store.standing().usable
