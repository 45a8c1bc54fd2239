"""SECURITY.md gives each threat an id; the tests that show what stands against it bear that id as their marker."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROWS = [
    line
    for line in (ROOT / "SECURITY.md").read_text("utf-8").splitlines()
    if line.startswith("| ") and not line.startswith("| Threat")
]
IDS = [re.fullmatch(r"`([a-z0-9-]+)`", row.split(" | ")[-1].removesuffix(" |")) for row in ROWS]
MARKED_TEST = re.compile(
    r"^( *)@pytest\.mark\.threat\(id=\"([^\"]+)\"\)\n(?:\1[@ )].*\n)*\1def test_\w+\(", re.MULTILINE
)
TESTS = {path: path.read_text("utf-8") for path in sorted((ROOT / "tests").rglob("test_*.py"))}


def marked(text: str) -> list[str]:
    """Return the ids of all markers, each of which stands before a test."""
    starts = [match.start() for match in re.finditer(r"^ *@pytest\.mark\.threat\(", text, re.MULTILINE)]
    found = [MARKED_TEST.match(text, start) for start in starts]
    assert None not in found
    return [match[2] for match in found if match]


def test_each_threat_has_an_id_of_its_own() -> None:
    assert len(ROWS) > 70
    assert [row for row, found in zip(ROWS, IDS, strict=True) if found is None] == []
    ids = [found[1] for found in IDS if found]
    assert len(set(ids)) == len(ids)


def test_each_threat_has_a_test_and_each_marker_a_threat() -> None:
    shown = {ident for text in TESTS.values() for ident in marked(text)}
    assert shown == {found[1] for found in IDS if found}


def test_each_module_of_this_folder_shows_a_threat() -> None:
    here = Path(__file__)
    idle = [path.name for path, text in TESTS.items() if path.parent == here.parent and not marked(text)]
    assert idle == [here.name]
