"""The tables of docs/faults.md, from what cells ended as."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from tests.faults import cell, hands, scenes, troubles
from tests.faults.system import SharedExchange

DOCUMENT = Path(__file__).parents[2] / "docs" / "faults.md"

HEAD = """\
# Every fault against every verb

Written by `python -m tests.faults`, which plays each cell with the real store, worker and connector against a mock
Exchange over HTTP, and fails where an entry is lost or doubled. Do not edit: a test compares this page with what a run
produces.

Each cell begins with an agent's calendar in order. Three events change and are served by the same calls; a fault
strikes; then time passes until nothing is left to be done. In every cell it is then checked that

- each calendar shows **exactly one entry** for each event that it should show, with the newest content, and no other;
- a fourth entry, which is not concerned, was not touched;
- the store agrees: what is applied is what is desired, no write is without an outcome, no look-up is owed;
- nobody was mailed, and Microsoft's schemas accept every message, where they are at hand.

A cell tells what the events ended as, whether they were looked up, and what it took: *1 entry each* is one for each of
the three events, *gone* none. Without a fault, a change of three events is one POST; a move is two, the identity of a
new mailbox two more, and two the look whether other installations write there. A look-up is one POST, or three where
sub-folders must be searched. *1 kept back* is an entry that Exchange refuses for good: it is not sent again, its
failure stays on show, its neighbours are written; with the event's next change it is written too. An account that was
refused (401) is left alone for a while; here, for the usual waits.
"""
SINGLES = """
## One fault

It strikes the first call of the verb that the column names; the last three last, and strike every call.
"""
PAIRS = """
## Two faults

The first (row) strikes the first call; the second (column) strikes the call after it, which is the look-up, the retry
or the next verb, or the one after that. A cell holds the POSTs of both; `*`: an entry was kept back until the next
change. In every cell the calendar and the store ended as in the table above: nothing lost, nothing doubled.
"""
HANDS = """
## Hands on an entry

One of three entries is laid hands on, or their mailbox; then all three events change. A copy that an agent made of an
entry stays as it is: it is the agent's own. An entry that is respected as deleted is counted as none.
"""

Play = Callable[[], cell.Ended]


def row(cells: Iterable[object]) -> str:
    """Return a line of a Markdown table."""
    return "| " + " | ".join(str(each) for each in cells) + " |"


def ruled(head: Sequence[object], rows: Iterable[Sequence[object]]) -> str:
    """Return a Markdown table."""
    return "\n".join([row(head), row("---" for _ in head), *(row(each) for each in rows)]) + "\n"


def single(shared_exchange: SharedExchange, trouble: troubles.Trouble | troubles.Plight) -> list[str]:
    """Play a trouble in every scene; return its row."""
    ended = [cell.play(shared_exchange, scene, [(trouble, scene.struck, 0)]) for scene in scenes.SCENES]
    return [trouble.name, *map(str, ended)]


def pair(
    shared_exchange: SharedExchange, scene: scenes.Scene, first: troubles.Trouble, second: troubles.Trouble
) -> str:
    """Play two troubles, the second one call and two calls after the first; return the cell."""
    struck = None if scene is scenes.LOOK_UP else scene.struck
    opening = (first, scenes.LOOK_UP.struck if struck is None else struck, 0)
    # The lost create of that scene comes first, and is one more call to be spared.
    spared = 1 if scene is scenes.LOOK_UP else 0
    ended = [cell.play(shared_exchange, scene, [opening, (second, None, spared + gap)]) for gap in (1, 2)]
    return " / ".join(f"{each.posts}{'*' if each.refused else ''}" for each in ended)


def hand(shared_exchange: SharedExchange, done: hands.Hand) -> list[str]:
    """Play one hand in every scene; return its row."""
    return [done.name, *(str(hands.play(shared_exchange, done, scene)) for scene in hands.SCENES)]


def singles_table(shared_exchange: SharedExchange) -> str:
    rows = [single(shared_exchange, trouble) for trouble in (*troubles.TROUBLES, *troubles.PLIGHTS)]
    return ruled(["fault", *(scene.name for scene in scenes.SCENES)], rows)


def pairs_table(shared_exchange: SharedExchange, scene: scenes.Scene) -> str:
    head = ["first \\ second", *(trouble.short for trouble in troubles.IN_PAIRS)]
    rows = [
        [first.short, *(pair(shared_exchange, scene, first, second) for second in troubles.IN_PAIRS)]
        for first in troubles.IN_PAIRS
    ]
    return f"\n### {scene.name}\n\n{ruled(head, rows)}"


def hands_table(shared_exchange: SharedExchange) -> str:
    rows = [hand(shared_exchange, done) for done in hands.HANDS]
    return ruled(["done to it", *(scene.name.partition(":")[0] for scene in hands.SCENES)], rows)


def document(shared_exchange: SharedExchange) -> str:
    """Play everything; return the whole page."""
    pairs = "".join(pairs_table(shared_exchange, scene) for scene in scenes.IN_PAIRS)
    return f"{HEAD}{SINGLES}\n{singles_table(shared_exchange)}{HANDS}\n{hands_table(shared_exchange)}{PAIRS}{pairs}"
