"""The tables of docs/faults.md, from what cells ended as."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from tests.faults import cell, hands, scenes, troubles
from tests.faults.system import SharedExchange

DOCUMENT = Path(__file__).parents[2] / "docs" / "faults.md"

HEAD = """\
# Every fault against every verb

Written by `python -m tests.faults`. It plays each cell with the real store, worker and connector against a mock
Exchange over HTTP, and fails if an entry is lost or doubled. Do not edit: a test compares this page with the result of
a run.

Each cell starts with an agent's calendar in order. Three events change and are served by the same calls. A fault
occurs. Then time passes until nothing is left to do. Each cell then checks that

- each calendar shows **exactly one entry** for each event that it should show, with the newest content, and no other;
- a fourth entry, which is not concerned, is untouched;
- the store agrees: applied equals desired, every write has an outcome, no look-up is due;
- nobody was mailed, and Microsoft's schemas accept every message, where the schemas are present.

A cell says how the events ended, whether they were looked up, and the number of requests: *1 entry each* is one for
each of the three events, *gone* is none. Without a fault, a change of three events is one POST. A move is two, the
identity of a new mailbox two more, and the check for other installations two more. A look-up is one POST, or three if
sub-folders must be searched. *1 kept back* is an entry that Exchange refuses permanently: it is not sent again, its
failure stays visible, and its neighbours are written; it is written with the event's next change. An account that was
refused (401) is left alone for the usual wait.
"""
SINGLES = """
## One fault

It affects the first call of the verb in the column. The last three faults persist and affect every call.
"""
PAIRS = """
## Two faults

The first (row) affects the first call. The second (column) affects the call after it, or the one after that: the
look-up, the retry, or the next verb. A cell holds the POSTs of both; `*`: an entry was kept back until the next change.
In every cell the calendar and the store ended as in the table above: nothing lost, nothing doubled.
"""
HANDS = """
## An agent changes an entry

One of three entries, or its mailbox, is changed by hand. Then all three events change. A copy that an agent made of an
entry stays: it is the agent's own. An entry whose deletion is respected counts as none.
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
