"""The calendar of one mailbox: what it does with a change, what it lists, and what it still makes of a lost one."""

from collections.abc import Iterator
from itertools import permutations
from typing import NamedTuple

from connectors.base import Done, Found, NotFound, Outcome
from receiver.core.plan import Verb
from tests.proof.explorer import Move
from tests.proof.world import UID, Box, Item, Origin, Request, item_id, number_of

TOUCHED = "something of the agent's own was touched"


class Made(NamedTuple):
    """What a change made of a calendar."""

    box: Box
    outcome: Outcome
    broken: str | None = None


def change(box: Box, verb: Verb, item: int | None, content: str | None) -> Made:
    """Make a change of ours."""
    if verb is Verb.CREATE:
        assert content is not None
        number = free_number(box)
        return Made(box._replace(items=(*box.items, Item(number, content, Origin.OURS))), Done(item_id(number)))
    assert item is not None
    known = next((each for each in box.items if each.number == item), None)
    if known is None:
        return Made(box, NotFound())
    broken = TOUCHED if known.origin is Origin.FOREIGN else None
    if verb is Verb.DELETE:
        items = tuple(each for each in box.items if each.number != item)
    else:
        assert content is not None
        items = tuple(each._replace(content=content) if each.number == item else each for each in box.items)
    return Made(box._replace(items=items), Done(item_id(item)), broken)


def free_number(box: Box) -> int:
    """Return a number for a new item that nothing names: an id that is named nowhere may as well be a new one."""
    named = {each.number for each in box.items} | {each.item for each in box.requests}
    named.add(number_of(box.record.item_id) if box.record else None)
    if box.worker:
        named |= {*box.worker.found, box.worker.item, number_of(box.worker.read.item_id if box.worker.read else None)}
        if isinstance(box.worker.outcome, Done):
            named.add(number_of(box.worker.outcome.item_id))
    return next(number for number in range(1, 99) if number not in named)


def marked(box: Box) -> tuple[Item, ...]:
    """Return the items that carry our mark."""
    return tuple(each for each in box.items if each.origin is not Origin.FOREIGN)


def listings(box: Box) -> Iterator[tuple[int, ...]]:
    """Return what a look-up may list: every item with our mark, in any order."""
    return permutations(each.number for each in marked(box))


def as_found(numbers: tuple[int, ...]) -> list[Found]:
    """Return a listing as the connector does."""
    return [Found(item_id(number), UID) for number in numbers]


def late_changes(box: Box) -> Iterator[Move[Box]]:
    """Return what a server without a client may do now."""
    for position, request in enumerate(box.requests):
        rest = box._replace(requests=box.requests[:position] + box.requests[position + 1 :])
        made = change(rest, request.verb, request.item, request.content)
        if isinstance(made.outcome, NotFound):
            continue  # as if it were dropped
        yield Move(f"The server makes the lost {request.verb} after all", made.box, broken=made.broken)


def add_request(box: Box, request: Request) -> Box:
    """Leave a change to a server that has lost its client."""
    return box._replace(requests=tuple(sorted((*box.requests, request), key=str)))


def a_tick_later(box: Box) -> Box:
    """Let time pass: what is lost is dropped in the end."""
    if not box.requests:
        return box
    left = tuple(each._replace(left=each.left - 1) for each in box.requests if each.left > 1)
    return box._replace(requests=left)
