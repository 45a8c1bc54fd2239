"""Nothing is lost and nothing doubled, whatever strikes: each cell of docs/faults.md with one fault, some with two.

The page itself, with every pair, is written by ``python -m tests.faults``.
"""

import logging
from collections.abc import Iterator

import pytest

from tests.faults import hands, scenes, table, troubles
from tests.faults.system import SharedExchange
from tests.faults.system import shared_exchange as open_shared_exchange

PAGE = table.DOCUMENT.read_text("utf-8") if table.DOCUMENT.exists() else ""
STRIDE = 5
"""Of each row of a table of pairs one cell is played, this much further to the right than that of the row before."""


@pytest.fixture(scope="module")
def shared_exchange() -> Iterator[SharedExchange]:
    logging.disable()
    with open_shared_exchange() as opened:
        yield opened
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("trouble", [*troubles.TROUBLES, *troubles.PLIGHTS], ids=lambda trouble: trouble.name)
def test_one_fault_against_every_verb_ends_as_the_page_says(
    shared_exchange: SharedExchange, trouble: troubles.Trouble | troubles.Plight
) -> None:
    assert table.row(table.single(shared_exchange, trouble)) in PAGE.splitlines()


@pytest.mark.parametrize("hand", hands.HANDS, ids=lambda hand: hand.name)
def test_hands_on_an_entry_end_as_the_page_says(shared_exchange: SharedExchange, hand: hands.Hand) -> None:
    assert table.row(table.hand(shared_exchange, hand)) in PAGE.splitlines()


def sample() -> Iterator[tuple[scenes.Scene, troubles.Trouble, troubles.Trouble]]:
    count = len(troubles.IN_PAIRS)
    for offset, scene in enumerate(scenes.IN_PAIRS):
        for number in range(offset, count, 2):
            yield scene, troubles.IN_PAIRS[number], troubles.IN_PAIRS[(number * STRIDE + offset) % count]


@pytest.mark.parametrize(
    ("scene", "first", "second"), list(sample()), ids=lambda part: getattr(part, "short", part.name)
)
def test_two_faults_end_as_the_page_says(
    shared_exchange: SharedExchange, scene: scenes.Scene, first: troubles.Trouble, second: troubles.Trouble
) -> None:
    chapter = PAGE.partition(f"\n### {scene.name}\n")[2].partition("\n### ")[0]
    [line] = [line for line in chapter.splitlines() if line.startswith(f"| {first.short} |")]
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert table.pair(shared_exchange, scene, first, second) == cells[1 + troubles.IN_PAIRS.index(second)]


def test_the_page_has_every_row_and_no_other() -> None:
    rows = [line.split("|")[1].strip() for line in PAGE.splitlines() if line.startswith("| ")]
    shorts = [trouble.short for trouble in troubles.IN_PAIRS]
    singles = [trouble.name for trouble in (*troubles.TROUBLES, *troubles.PLIGHTS)]
    heads = {"fault", "done to it", "first \\ second", "---"}
    expected = [*singles, *(hand.name for hand in hands.HANDS), *(shorts * len(scenes.IN_PAIRS))]
    assert [name for name in rows if name not in heads] == expected
