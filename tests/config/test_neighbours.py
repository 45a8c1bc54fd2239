"""`store.neighbours`: the installations that may stand beside this one."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from receiver.config import load
from receiver.core.other_installations import Served
from tests.config.problems import problems_of
from tests.config.test_problems import ENVIRON, minimal

ONE, TWO = "00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-00000000000a"


def written(folder: Path, neighbours: Any) -> Path:
    tree = minimal()
    tree["store"]["neighbours"] = neighbours
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(tree), "utf-8")
    return path


def test_none_stand_beside_us_unless_it_is_said(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(minimal()), "utf-8")
    assert load(path, ENVIRON).served == Served(frozenset({"production"}))


@pytest.mark.parametrize("text", [TWO, TWO.upper(), f" {TWO} ", TWO.replace("-", "")])
def test_a_name_is_taken_however_it_is_written(tmp_path: Path, text: str) -> None:
    assert load(written(tmp_path, [ONE, text]), ENVIRON).store.neighbours == {ONE, TWO}


def test_each_wrong_one_is_told_with_its_place(tmp_path: Path) -> None:
    found = problems_of(written(tmp_path, [ONE, "x", 12, "", None, f"{TWO}0"]), ENVIRON)
    assert [(each.path, each.code) for each in found] == [
        ("store.neighbours[1]", "installation_name"),
        ("store.neighbours[2]", "not_text"),
        ("store.neighbours[3]", "installation_name"),
        ("store.neighbours[4]", "not_text"),
        ("store.neighbours[5]", "installation_name"),
    ]
    assert all(each.line is not None for each in found)


@pytest.mark.parametrize("wrong", [ONE, {"id": ONE}, 1, True])
def test_what_is_no_list_is_told(tmp_path: Path, wrong: Any) -> None:
    assert [(each.path, each.code) for each in problems_of(written(tmp_path, wrong), ENVIRON)] == [
        ("store.neighbours", "not_list")
    ]
