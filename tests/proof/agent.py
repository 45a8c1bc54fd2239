"""What an agent, or an administrator of Exchange, does to a mailbox behind our back."""

from collections.abc import Iterator

from tests.proof.calendar import free_number, marked
from tests.proof.explorer import Move
from tests.proof.rules import Rules
from tests.proof.world import EDITED, Box, Item, Origin

DEEDS = {
    "deletes": "deletes an item that carries our mark",
    "edits": "edits an item that carries our mark",
    "moves": "moves an item that carries our mark to another folder: it gets another id",
    "copies": "copies an item, and the copy carries our mark",
    "copies_plainly": "copies an item, and the copy lacks our mark",
    "mailbox_moves": "every id of the mailbox changes, as after a move to another database",
    "mailbox_is_recreated": "the mailbox is made anew, empty",
}
"""Name and meaning of each."""


def deeds(box: Box, rules: Rules) -> Iterator[Move[Box]]:
    """Return what may be done to a mailbox."""
    for item in marked(box):
        for name, deed in _DEEDS.items():
            if name in rules.deeds:
                yield deed(box, item, rules)
    if "mailbox_moves" in rules.deeds and marked(box):
        moved = box
        for item in marked(box):
            moved, _ = _with_other_id(moved, item, rules)
        yield Move("The mailbox moves to another database: every id changes", moved, free=False)
    if "mailbox_is_recreated" in rules.deeds and box.items:
        emptied = _without(box, box.items, rules)
        yield Move("The mailbox is made anew: it is empty", emptied, free=False)


def _delete(box: Box, item: Item, rules: Rules) -> Move[Box]:
    return Move(f"The agent deletes i{item.number}", _without(box, (item,), rules), free=False)


def _edit(box: Box, item: Item, rules: Rules) -> Move[Box]:
    edited = _replaced(box, item, item._replace(content=EDITED))
    return Move(f"The agent edits i{item.number}", edited._replace(handled=True), free=False)


def _move(box: Box, item: Item, rules: Rules) -> Move[Box]:
    moved, number = _with_other_id(box, item, rules)
    return Move(f"The agent moves i{item.number}: now it is i{number}", moved, free=False)


def _copy(box: Box, item: Item, rules: Rules) -> Move[Box]:
    copy = Item(free_number(box), item.content, Origin.COPY)
    copied = box._replace(items=(*box.items, copy), copies=box.copies + 1)
    return Move(f"The agent copies i{item.number} to i{copy.number}", copied, free=False)


def _copy_plainly(box: Box, item: Item, rules: Rules) -> Move[Box]:
    copy = Item(free_number(box), item.content, Origin.FOREIGN)
    what = f"The agent copies i{item.number} to i{copy.number}, which lacks our mark"
    return Move(what, box._replace(items=(*box.items, copy)), free=False)


_DEEDS = {"deletes": _delete, "edits": _edit, "moves": _move, "copies": _copy, "copies_plainly": _copy_plainly}


def _without(box: Box, gone: tuple[Item, ...], rules: Rules) -> Box:
    ours = sum(item.origin is Origin.OURS for item in gone)
    return box._replace(
        items=tuple(item for item in box.items if item not in gone),
        handled=True,
        deleted=True,
        excuses=box.excuses + ours * rules.copies,
    )


def _with_other_id(box: Box, item: Item, rules: Rules) -> tuple[Box, int]:
    number = free_number(box)
    excuse = item.origin is Origin.OURS and rules.copies
    moved = _replaced(box, item, item._replace(number=number))
    return moved._replace(excuses=box.excuses + excuse), number


def _replaced(box: Box, item: Item, other: Item) -> Box:
    return box._replace(items=tuple(other if each is item else each for each in box.items))
