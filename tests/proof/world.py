"""A state of the model: mailboxes, each with one placement and at most one worker, and what may still happen."""

from enum import StrEnum
from typing import NamedTuple

from connectors.base import Outcome
from receiver.core.plan import Placement, Verb

UID = "Rdv/1@production"
EDITED = "edited"
"""Content that an agent typed."""


class Origin(StrEnum):
    """Who made an item."""

    OURS = "ours"
    COPY = "copy"
    """An agent's copy of an entry of ours, which carries our mark."""
    FOREIGN = "foreign"
    """The agent's own, or a copy that lost our mark: a look-up does not find it."""


class Item(NamedTuple):
    """One item of a calendar."""

    number: int
    content: str
    origin: Origin


class Request(NamedTuple):
    """A change that a server without a client may still make."""

    verb: Verb
    item: int | None
    content: str | None
    left: int
    """Ticks until the server has dropped it."""


class Phase(StrEnum):
    """What a worker has done, from claim to release (`receiver/worker/reconcile.py`)."""

    CLAIMED = "claimed"
    FOUND = "found"
    """The server listed what it has; nothing is recorded of that."""
    REMOVING = "removing"
    """What was found is recorded; the call that removes extra items is under way."""
    REMOVED = "removed"
    """The calendar removed extra items; nothing is recorded of that."""
    LOOKED = "looked"
    """The look-up is over and recorded."""
    SENT = "sent"
    """A write is recorded as begun; its call is under way."""
    ANSWERED = "answered"
    """The worker has an outcome, and has not recorded it."""


class Worker(NamedTuple):
    """One pass over a mailbox."""

    phase: Phase
    read: Placement | None
    """The placement as it was claimed, or as the look-up left it; None once a write is begun."""
    same: bool = True
    """Whether the record that it read was not dropped since."""
    facts: str | None = None
    """What the event shows, as claimed."""
    found: tuple[int, ...] = ()
    """Items of a look-up; those to be removed; those that were."""
    verb: Verb | None = None
    item: int | None = None
    sent: str | None = None
    outcome: Outcome | None = None
    left: int = 0
    """Ticks before which the call that is under way is over."""


class Box(NamedTuple):
    """A mailbox, and the placement of the event in it."""

    record: Placement | None
    """None: there is none, or it was dropped."""
    items: tuple[Item, ...] = ()
    requests: tuple[Request, ...] = ()
    worker: Worker | None = None
    lease: int = 0
    """Ticks until the lease ends; 0: it is free."""
    handled: bool = False
    """An agent deleted or edited an entry since the calendar last answered a write or a look-up of ours."""
    deleted: bool = False
    """An agent deleted an entry since the record was made."""
    excuses: int = 0
    """Copies that may be taken for ours: creates without an answer, and entries of ours that went without our doing."""
    copies: int = 0
    """Copies that the agent made."""


class World(NamedTuple):
    """Everything, and how much may still go wrong."""

    boxes: tuple[Box, ...]
    content: str | None
    """What the event shows now; None: nothing."""
    home: int
    """In which mailbox."""
    faults: int
    changes: int
    """How often what the event shows, or where, may still change."""
    hands: int
    """How often an agent may still do something."""
    orders: int
    """How often an operator may still do something."""


def item_id(number: int) -> str:
    """Return an item's id as the calendar gives it."""
    return f"i{number}"


def number_of(ident: str | None) -> int | None:
    """Return the number of an item's id."""
    return None if ident is None else int(ident[1:])


def replaced(world: World, index: int, box: Box) -> World:
    """Return a world with another box."""
    return world._replace(boxes=(*world.boxes[:index], box, *world.boxes[index + 1 :]))
