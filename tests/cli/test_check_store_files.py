"""`check` looks at every file beside the database: whose it is, whether the service can use it, whether others can."""

import json
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from receiver import logs
from receiver.cli import main as cli
from receiver.cli import run
from receiver.config import load
from receiver.store.database.files import exposed
from tests.lab.configuration import a_source
from tests.lab.database import execute
from tests.store.others import folder_of_service

pytestmark = pytest.mark.usefixtures("process_logs")

BESIDE = ["rdv.db", "rdv.db-wal", "rdv.db-shm", "rdv.db.write-lock", "rdv.db.migrate.lock", "token.key", "alertes.json"]


@pytest.fixture
def file(migrated_sqlite: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A store in use, with all that may stand beside it."""
    monkeypatch.setenv("RDV_SECRET", "assez long pour signer")
    path = tmp_path / "rdv.db"
    shutil.copy(migrated_sqlite, path)
    # The copied store is as old as this test run: without web and worker it would be in trouble after a minute.
    now = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S.%f}"
    beats = ", ".join(f"('{name}', '{now}')" for name in ("serve/here", "worker/here/1"))
    execute(f"sqlite:///{path}", f"INSERT INTO heartbeats (name, beat_at) VALUES {beats}")
    with closing(sqlite3.connect(path)) as database:
        database.execute("SELECT count(*) FROM events").fetchone()
        for name in BESIDE:
            (tmp_path / name).touch()
            (tmp_path / name).chmod(0o600)
        (tmp_path / "token.key").write_text("0123456789abcdef" * 4)
        (tmp_path / "alertes.json").write_text("{}")
        yield path


def findings(database: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    config = folder / "config.yaml"
    for name in ("ics", "elsewhere"):
        (folder / name).mkdir(exist_ok=True)
    tree = {
        "store": {"url": f"sqlite:///{database}", "marker": f"{folder}/elsewhere/marker.json"},
        "sources": {"mds": a_source("p")},
        "calendars": {"pilot": {"kind": "ics_folder", "path": "ics"}},
        "mailboxes": {"map": {"a@x.example": "box@x.example"}},
        "web": {"pages": True, "listen": "127.0.0.1:0"},
    }
    config.write_text(json.dumps(tree))
    cli.main(["--config", str(config), "check", "--json"])
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["findings"]
    return [each for each in found if each["level"] != "ok"]


def test_files_of_their_owner_alone_are_no_finding(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert findings(file, file.parent, capsys) == []


@pytest.mark.threat(id="readable-database")
@pytest.mark.parametrize("name", BESIDE)
def test_a_file_that_others_may_read_is_named_with_its_cure(
    file: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    path = file.with_name(name)
    path.chmod(0o644)
    found = [(each["code"], each["details"].get("path", "")) for each in findings(file, file.parent, capsys)]
    assert (("token_key_exposed" if name == "token.key" else "store_file_exposed"), str(path)) in found
    (file.parent / "config.yaml").unlink()


def test_a_folder_that_others_may_write_into_is_named(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.parent.chmod(0o777)
    [found] = findings(file, file.parent, capsys)
    assert found["details"] == {"path": str(file.parent), "command": f"chmod o-w {file.parent}"}


@pytest.mark.parametrize("name", ["rdv.db", "rdv.db.write-lock", "rdv.db.migrate.lock", "alertes.json"])
def test_a_file_of_roots_in_the_services_folder_is_named_to_root(
    migrated_sqlite: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
) -> None:
    """Root may do everything, and so would find nothing."""
    monkeypatch.setenv("RDV_SECRET", "assez long pour signer")
    with folder_of_service(migrated_sqlite) as database:
        path = database.with_name(name)
        path.touch(0o600)
        os.chown(path, 0, 0)
        found = [each for each in findings(database, tmp_path, capsys) if each["code"] == "store_file_unusable"]
    assert [each["details"] for each in found] == [{"path": str(path), "command": f"chown nobody: {path}"}]


def test_a_name_with_a_blank_is_quoted_in_the_command(migrated_sqlite: Path, tmp_path: Path) -> None:
    path = tmp_path / "une base.db"
    shutil.copy(migrated_sqlite, path)
    path.chmod(0o666)
    assert [each.command for each in exposed([path])] == [f"chmod o-rwx '{path}'"]


def test_run_leaves_a_line_of_what_others_may_read(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody types `check` every day."""
    findings(file, file.parent, capsys)
    file.chmod(0o644)
    logs.configure()
    run._tell_exposed(load(file.parent / "config.yaml", {"RDV_SECRET": "s"}))
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["file"] for line in lines if line["event"] == "store_file_exposed"] == ["rdv.db"]
