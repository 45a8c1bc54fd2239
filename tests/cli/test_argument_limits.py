"""What people type to name something is refused where no statement would take it: nothing is tried, nothing changes."""

import os

import pytest

from receiver.cli import main as cli
from receiver.cli.parser import LONGEST_TEXT
from tests.cli.console import Console

COMMANDS = [
    ["retry", "--mailbox"],
    ["retry", "--code"],
    ["retry", "--calendar"],
    ["retry", "--event"],
    ["forget", "--event"],
    ["audit", "--mailbox"],
    ["adopt", "--mailbox"],
    ["adopt", "--without"],
    ["uninstall", "--mailbox"],
    ["check", "--mailbox"],
    ["mailboxes", "check"],
    ["purge", "--agent"],
]
STRANGE = {"long": "a@" + "b" * LONGEST_TEXT, "half letters": os.fsdecode(b"a\xff@b")}


@pytest.mark.threat(id="database-limits")
@pytest.mark.parametrize("strange", STRANGE)
@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_name_that_no_statement_takes_is_a_mistake_of_usage(
    console: Console,  # the fixture
    words: list[str],
    strange: str,
) -> None:
    with pytest.raises(SystemExit) as leaving:
        cli.main(["--config", str(console.path), *words, STRANGE[strange]])
    assert leaving.value.code == 2
    assert "usage : " in console.capsys.readouterr().err
