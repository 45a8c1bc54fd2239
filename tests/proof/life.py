"""The life of an event's placements: the model that `tests/proof/explorer.py` explores."""

import marshal
from collections.abc import Iterator, Sequence
from functools import lru_cache

from connectors.base import Done, Failed, Outcome
from receiver.core import plan
from receiver.core.plan import Placement
from tests.makers import NOW
from tests.proof import agent, calendar, description, operator, promises, ticks, workers
from tests.proof.explorer import Move
from tests.proof.rules import Rules
from tests.proof.ticks import is_waiting, tidy
from tests.proof.workers import kept
from tests.proof.world import UID, Box, Item, Origin, Phase, Worker, World, replaced

HEALED = "after a state at rest, the next change of the event leaves exactly one entry, and its end none"
HEALING = 200
"""Steps within which an undisturbed change comes to rest."""


class Life:
    """The model of one event in one or two mailboxes, within stated bounds."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._healed: set[bytes] = set()

    def first(self) -> Sequence[World]:
        rules = self._rules
        nothing = Box(None)
        new = nothing._replace(record=tidy(Placement(1, UID, desired="A", not_before=NOW)))
        starts = [new]
        if rules.lost_record:
            unseen = nothing._replace(record=tidy(plan.unseen_placement(UID, "A", NOW)))
            starts = [unseen, unseen._replace(items=(Item(1, "old", Origin.OURS),))]
        others = (nothing,) * (rules.boxes - 1)
        return [
            World((start, *others), "A", 0, rules.faults, rules.changes, rules.hands, rules.orders) for start in starts
        ]

    # What may happen

    def moves(self, world: World) -> Iterator[Move[World]]:
        for index, box in enumerate(world.boxes):
            yield from self._work(world, index, box)
        yield from self._tick(world)
        for index, box in enumerate(world.boxes):
            yield from (_placed(world, index, move) for move in calendar.late_changes(box))
            if world.hands:
                spent = world._replace(hands=world.hands - 1)
                yield from (_placed(spent, index, move) for move in agent.deeds(box, self._rules))
            if world.orders:
                spent = world._replace(orders=world.orders - 1)
                yield from (_placed(spent, index, move) for move in operator.orders(box))
        if world.changes:
            yield from self._changes(world)

    def _work(self, world: World, index: int, box: Box) -> Iterator[Move[World]]:
        if box.worker:
            for move in workers.steps(box, self._rules, may_fail=world.faults > 0):
                left = world if move.free else world._replace(faults=world.faults - 1)
                yield _placed(left, index, move)
        if not box.lease and workers.is_due(box) and may_be_claimed(world, index):
            for move in workers.claim(box, self._rules):
                yield _placed(world, index, move)._replace(broken=promises.gap(world, index))

    def _tick(self, world: World) -> Iterator[Move[World]]:
        if not any(box.lease or box.requests or (box.record and is_waiting(box.record)) for box in world.boxes):
            return
        under_way = (box.worker for box in world.boxes if box.worker and box.worker.phase in _CALLING)
        if any(worker.left < 2 for worker in under_way):
            return
        stalled = any(box.worker and box.lease == 1 for box in world.boxes)
        if stalled and not world.faults:
            return
        later = world._replace(boxes=tuple(_later(box) for box in world.boxes), faults=world.faults - stalled)
        also = ": a worker is held up, and its lease ends" if stalled else ""
        yield Move(f"Time passes{also}", later, not stalled)

    def _changes(self, world: World) -> Iterator[Move[World]]:
        for home in range(len(world.boxes)):
            for content in (*self._rules.contents, None):
                if (content, home) == (world.content, world.home) or (content is None and home != world.home):
                    continue
                where = f" in mailbox {home + 1}" if len(world.boxes) > 1 else ""
                what = f"The event shows {content}{where}" if content else "The event shows nothing any more"
                after = settled_anew(world._replace(changes=world.changes - 1), content, home)
                yield Move(what, after, free=False)

    # What must hold

    def broken(self, world: World, *, at_rest: bool) -> str | None:
        broken = promises.broken_always(world, self._rules)
        if broken or not at_rest:
            return broken
        return promises.broken_at_rest(world, self._rules) or self._stays_ill(world)

    def _stays_ill(self, world: World) -> str | None:
        calm = world._replace(faults=0, changes=0, hands=0, orders=0)
        key = self.key(calm)
        if key in self._healed:
            return None
        self._healed.add(key)
        for content in ("last", None, "again"):
            calm = self._undisturbed(settled_anew(calm, content, calm.home))
            if not _is_healed(calm):
                return HEALED
        return None

    def _undisturbed(self, world: World) -> World:
        for _ in range(HEALING):
            move = next(iter(self.moves(world)), None)
            if move is None:
                return world
            world = move.state
        return world

    # Form

    def key(self, world: World) -> bytes:
        boxes = tuple(_box_key(box) for box in world.boxes)
        return marshal.dumps((boxes, *world[1:]), 2)  # type: ignore[arg-type]  # the second version has one form a value

    def describe(self, world: World) -> str:
        return " || ".join(description.of(box) for box in world.boxes)


def _placed(world: World, index: int, move: Move[Box]) -> Move[World]:
    """Put what happened in a mailbox into the world."""
    where = f" (mailbox {index + 1})" if len(world.boxes) > 1 else ""
    return Move(f"{move.what}{where}", replaced(world, index, move.state), move.free, move.broken)


_CALLING = {Phase.SENT, Phase.REMOVING}


def _later(box: Box) -> Box:
    later = calendar.a_tick_later(box)
    worker = box.worker
    if worker is not None:
        read = worker.read and ticks.a_tick_later(worker.read)
        worker = worker._replace(read=read, left=max(worker.left - 1, 0))
    record = box.record and ticks.a_tick_later(box.record)
    return later._replace(record=record, worker=worker, lease=max(box.lease - 1, 0))


def settled_anew(world: World, content: str | None, home: int) -> World:
    """Settle the event: every mailbox that has a placement, or is to have one, gets its wish."""
    boxes = []
    for index, box in enumerate(world.boxes):
        wish = content if index == home else None
        if box.record is not None:
            boxes.append(kept(box, plan.set_desired(box.record, wish, NOW)))
        elif wish is not None:
            boxes.append(box._replace(record=tidy(Placement(1, UID, desired=wish, not_before=NOW))))
        else:
            boxes.append(box)
    return world._replace(boxes=tuple(boxes), content=content, home=home)


def may_be_claimed(world: World, index: int) -> bool:
    """Whether a due placement may be claimed, as `receiver/store/work/claiming.py` says in SQL.

    A removal waits for a creation of the same event, and while a write is in doubt where the entry is wanted; not for
    what fails.
    """
    record = world.boxes[index].record
    if record is None or record.desired is not None:
        return True
    siblings = (box.record for number, box in enumerate(world.boxes) if number != index)
    return not any(is_arriving(sibling) for sibling in siblings if sibling is not None)


def is_arriving(sibling: Placement) -> bool:
    """Whether a removal of the same event elsewhere waits for this placement."""
    due = sibling.due_at is not None and sibling.due_at <= NOW
    arriving = sibling.look_up_at is not None or (sibling.applied is None and due)
    return sibling.desired is not None and sibling.failure is None and arriving


def _is_healed(world: World) -> bool:
    wanted = promises.wishes(world)
    return all(
        (box.record is not None and box.record.declined)
        or (promises.is_clean(box, wish) and promises.is_done(box.record, wish))
        for box, wish in zip(world.boxes, wanted, strict=True)
    )


@lru_cache(ticks.MET)
def _placement_key(placement: Placement | None) -> tuple[object, ...]:
    if placement is None:
        return ()
    return (
        placement.desired,
        placement.applied,
        placement.item_id,
        placement.attempted and placement.attempted.value,
        ticks.ahead(placement.look_up_at),
        ticks.ahead(placement.recheck_at),
        placement.open_creates,
        placement.attempts,
        ticks.ahead(placement.not_before),
        placement.failure,
        placement.gave_up,
        placement.declined,
    )


def _worker_key(worker: Worker | None) -> tuple[object, ...]:
    if worker is None:
        return ()
    phase, read, same, facts, found, verb, item, sent, outcome, left = worker
    verb_key = verb and verb.value
    return (phase.value, _placement_key(read), same, facts, found, verb_key, item, sent, _outcome_key(outcome), left)


def _outcome_key(outcome: Outcome | None) -> str:
    match outcome:
        case None:
            return ""
        case Done(ident):
            return ident
        case Failed(error):
            return f"{type(error).__name__} {error.code} {error.scope}"
        case _:
            return type(outcome).__name__


def _box_key(box: Box) -> tuple[object, ...]:
    record, items, requests, worker, lease, handled, deleted, excuses, copies = box
    return (
        _placement_key(record),
        tuple((number, content, origin.value) for number, content, origin in items),
        tuple((verb.value, item, content, left) for verb, item, content, left in requests),
        _worker_key(worker),
        lease,
        handled,
        deleted,
        excuses,
        copies,
    )
