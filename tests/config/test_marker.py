"""`store.marker` and `store.installation`."""

import json
from pathlib import Path
from typing import Any

import pytest

from receiver.config import ConfigurationErrors, Settings, load, store_url
from tests.lab.configuration import a_source

NAME = "3b0f4c1e-52a7-4c39-9d0e-6a1f2b7c8d90"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stands for the one that systemd makes."""
    made = tmp_path / "marker-folder"
    monkeypatch.setattr(store_url, "MARKER_FOLDER", made)
    return made


def read(folder: Path, **store: Any) -> Settings:
    source = a_source("p")
    tree = {
        "store": {"url": f"sqlite:///{folder}/rdv.db"} | store,
        "sources": {"mds": source},
        "calendars": {"files": {"kind": "ics_folder", "path": str(folder)}},
        "mailboxes": {},
    }
    (folder / "config.yaml").write_text(json.dumps(tree))
    return load(folder / "config.yaml", {"RDV_SECRET": "s"})


def problems(folder: Path, **store: Any) -> list[tuple[str, str]]:
    with pytest.raises(ConfigurationErrors) as caught:
        read(folder, **store)
    return [(".".join(map(str, problem.location)), problem.code) for problem in caught.value.problems]


def test_where_nothing_is_said_it_stands_in_the_folder_of_its_own_one_for_each_configuration(
    tmp_path: Path, folder: Path
) -> None:
    folder.mkdir()
    found = read(tmp_path).store.marker
    assert found is not None
    assert found.parent == folder
    (tmp_path / "second").mkdir()
    assert read(tmp_path / "second").store.marker not in {None, found}


def test_without_that_folder_it_stands_beside_the_database_and_is_not_copied_with_it(tmp_path: Path) -> None:
    found = read(tmp_path).store.marker
    assert found is not None
    assert found.parent == tmp_path
    assert found not in tmp_path.glob("rdv.db*")
    assert read(tmp_path, url="postgresql://rdv@base/rdv").store.marker is None


def test_it_stands_where_it_is_put(tmp_path: Path) -> None:
    assert read(tmp_path, marker="/srv/marker.json").store.marker == Path("/srv/marker.json")
    assert read(tmp_path, marker="here.json").store.marker == tmp_path / "here.json"


@pytest.mark.parametrize("ending", ["", "-wal", "-shm", "-journal", ".write-lock", ".migrate.lock"])
def test_it_never_overwrites_the_database(tmp_path: Path, ending: str) -> None:
    for named in (f"{tmp_path}/rdv.db{ending}", f"{tmp_path}/../{tmp_path.name}/rdv.db{ending}"):
        assert problems(tmp_path, marker=named) == [("store.marker", "marker_is_store")]


def test_it_is_a_file(tmp_path: Path) -> None:
    assert problems(tmp_path, marker=str(tmp_path)) == [("store.marker", "marker_is_folder")]


@pytest.mark.parametrize("path", ["a" * 256, "é" * 128, "b/" * 2048 + "c"], ids=["name", "in bytes", "path"])
def test_a_path_that_no_file_can_have_is_a_problem(tmp_path: Path, path: str) -> None:
    assert problems(tmp_path, marker=path) == [("store.marker", "path_too_long")]
    assert problems(tmp_path, url=f"sqlite:////srv/{path}") == [("store.url", "path_too_long")]


def test_links_that_lead_round_in_a_circle_are_left_to_who_opens_them(tmp_path: Path) -> None:
    (tmp_path / "one").symlink_to(tmp_path / "two")
    (tmp_path / "two").symlink_to(tmp_path / "one")
    assert read(tmp_path, marker="one").store.marker == tmp_path / "one"


def test_an_installation_is_an_identifier(tmp_path: Path) -> None:
    assert read(tmp_path).store.installation is None
    assert read(tmp_path, installation=NAME.upper()).store.installation == NAME
    for wrong in ("production", NAME[:-1], ""):
        assert problems(tmp_path, installation=wrong) == [("store.installation", "installation_name")]
    assert problems(tmp_path, installation=7) == [("store.installation", "not_text")]
