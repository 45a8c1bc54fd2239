"""What was played need not be played again, unless its row was changed."""

from dataclasses import replace
from pathlib import Path

from tests.drill.breakages import BREAKAGES
from tests.drill.play import Played
from tests.drill.record import Record
from tests.drill.screens import Noted, Screen

NOTED = {screen: Noted("alarm", 1.0) for screen in Screen}
PLAYED = Played("alert", NOTED, "sentence", "", NOTED, "")
FIRST, SECOND, *_ = BREAKAGES


def test_what_was_played_is_found_by_the_next_run(tmp_path: Path) -> None:
    Record(tmp_path / "played.json").add(FIRST, PLAYED)
    record = Record(tmp_path / "played.json")
    assert (record.of(FIRST), record.of(SECOND)) == (PLAYED, None)


def test_a_row_that_was_changed_is_played_anew(tmp_path: Path) -> None:
    record = Record(tmp_path / "played.json")
    record.add(FIRST, PLAYED)
    assert record.of(replace(FIRST, made="otherwise")) is None


def test_without_a_file_nothing_is_left_behind() -> None:
    record = Record(None)
    record.add(FIRST, PLAYED)
    assert record.of(FIRST) == PLAYED
