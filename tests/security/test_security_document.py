"""SECURITY.md promises what tests show: each test that it names is there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "SECURITY.md").read_text("utf-8")
NAMED = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", DOCUMENT)


def test_each_test_that_the_table_names_exists() -> None:
    gone = [f"{file}::{name}" for file, name in NAMED if f"def {name}(" not in (ROOT / file).read_text("utf-8")]
    assert gone == []


def test_each_threat_names_its_tests() -> None:
    rows = [line for line in DOCUMENT.splitlines() if line.startswith("| ") and not line.startswith("| Threat")]
    assert len(rows) > 40
    assert [row for row in rows if "::" not in row.rpartition(" | ")[2]] == []


def test_each_test_of_this_folder_stands_in_the_table_or_beside_one_that_does() -> None:
    files = {path.relative_to(ROOT).as_posix() for path in Path(__file__).parent.glob("test_*.py")}
    assert files - {file for file, _ in NAMED} == {"tests/security/test_security_document.py"}
