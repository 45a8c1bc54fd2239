"""SIGHUP: a right file replaces the settings, a wrong one changes nothing."""

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from receiver import logs
from receiver.config import Reloadable, load
from tests.logs.captured import captured_logs

ENVIRON = {"RDV_SECRET": "s"}
CONFIG = """
store: {url: "sqlite:////a/b"}
sources: {mds: {emitter: rdv_insertion, platform: p, secrets: [{env: RDV_SECRET}]}}
calendars: {pilot: {kind: ics_folder, path: /srv}}
mailboxes: {map: {"agent@x.example": "box@x.example"}}
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    config = tmp_path / "config.yaml"
    config.write_text(CONFIG)
    return config


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    with captured_logs() as stream:
        yield stream


def test_a_right_file_comes_into_force(path: Path, lines: io.StringIO) -> None:
    reloadable = Reloadable(path, ENVIRON, load(path, ENVIRON))
    path.write_text(CONFIG + "web: {threads: 5}\n")
    assert reloadable.reload()
    assert reloadable.current.web.threads == 5
    assert json.loads(lines.getvalue())["event"] == "configuration_reloaded"


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        (("box@x.example", "box"), "file"),
        (("mailboxes: {", "mailboxes: {csv: away.csv, "), "csv"),
        (("mailboxes: {map", "mailboxes: {csv: away.csv, mpa"), "file"),
    ],
)
def test_what_was_refused_is_known_since_its_first_time_until_a_right_file_comes(
    path: Path, lines: io.StringIO, change: tuple[str, str], cause: str
) -> None:
    reloadable = Reloadable(path, ENVIRON, load(path, ENVIRON))
    assert reloadable.refused is None
    path.write_text(CONFIG.replace(*change))
    assert not reloadable.reload()
    first = reloadable.refused
    assert first is not None
    assert first.cause == cause
    assert not reloadable.reload()
    assert reloadable.refused == first
    path.write_text(CONFIG)
    assert reloadable.reload()
    assert reloadable.refused is None


def test_a_wrong_file_changes_nothing_and_is_logged_without_its_content(path: Path, lines: io.StringIO) -> None:
    before = load(path, ENVIRON)
    reloadable = Reloadable(path, ENVIRON, before)
    path.write_text(CONFIG.replace("box@x.example", "box"))
    assert not reloadable.reload()
    assert reloadable.current is before
    (line,) = [json.loads(line) for line in lines.getvalue().splitlines()]
    expected = {"level": "error", "event": "configuration_refused", "code": "email", "line": 5}
    assert line.items() >= expected.items()
    assert "x.example" not in lines.getvalue()
    assert logs.ROOT not in line["log"]
