"""What must hold: in every state, and in every state at rest, where nothing is due, under way or still to come.

Each promise is one sentence of docs/architecture.md, docs/decisions/begun-writes.md or `receiver/core/plan.py`.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta

from receiver.core import plan
from receiver.core.plan import Placement, Step, Verb
from tests.makers import NOW
from tests.proof.calendar import marked
from tests.proof.rules import Rules
from tests.proof.world import EDITED, Box, Origin, World, number_of

LONG = timedelta(days=400)
INSTANT = timedelta(microseconds=1)

Check = Callable[[Box, Rules], bool]
"""Whether a promise holds."""


def _applied_has_an_item(box: Box, rules: Rules) -> bool:
    record = box.record
    if record is None or (record.applied is not None) is (record.item_id is not None):
        return True
    return rules.lost_record and record.look_up_at is not None  # what was there before is looked up first


def _begun_is_in_doubt(box: Box, rules: Rules) -> bool:
    record = box.record
    return record is None or (record.attempted is None or record.look_up_at is not None)


def _open_creates_are_in_doubt(box: Box, rules: Rules) -> bool:
    record = box.record
    return record is None or record.open_creates == 0 or (record.open_creates > 0 and record.in_doubt)


def _no_write_before_the_look_up(box: Box, rules: Rules) -> bool:
    record = box.record
    if record is None or record.look_up_at is None:
        return True
    return plan.next_step(record, NOW) in _NO_WRITE and plan.next_step(record, NOW + LONG) in _NO_WRITE


_NO_WRITE = {Step.NOTHING, Step.LOOK_UP}


def _due_tells(box: Box, rules: Rules) -> bool:
    record = box.record
    if record is None:
        return True
    due_at = record.due_at
    if due_at is None:
        return plan.next_step(record, NOW + LONG) is Step.NOTHING
    return (
        plan.next_step(record, due_at) is not Step.NOTHING and plan.next_step(record, due_at - INSTANT) is Step.NOTHING
    )


def _dropped_when_nothing_can_be_there(box: Box, rules: Rules) -> bool:
    if box.record is not None:
        return True
    if rules.copies:
        return len(marked(box)) <= box.copies
    return not marked(box) and not any(request.verb is Verb.CREATE for request in box.requests)


def _declined_was_deleted(box: Box, rules: Rules) -> bool:
    return box.record is None or not box.record.declined or (rules.respect and box.deleted)


ALWAYS: Mapping[str, Check] = {
    "what is applied has an item, and nothing else has": _applied_has_an_item,
    "a begun write stays in doubt until it has an outcome or is looked up": _begun_is_in_doubt,
    "a create without an answer is forgotten only after the second look-up": _open_creates_are_in_doubt,
    "nothing is written while a look-up is due, now or later": _no_write_before_the_look_up,
    "`due_at` announces every step, and no other moment": _due_tells,
    "a record is dropped only when no entry of ours is, or may still come": _dropped_when_nothing_can_be_there,
    "an entry counts as deleted by its agent only if an agent deleted one": _declined_was_deleted,
}


def _is_finished(box: Box, rules: Rules) -> bool:
    record = box.record
    if record is None:
        return True
    return record.desired == record.applied or record.gave_up or record.declined


def _given_up_is_shown(box: Box, rules: Rules) -> bool:
    record = box.record
    if record is None or not record.gave_up:
        return True
    return record.desired is not None and (record.failure is not None or rules.orders > 0)


def _success_is_no_failure(box: Box, rules: Rules) -> bool:
    record = box.record
    return record is None or record.failure is None or record.gave_up or record.declined


def _doubt_ends(box: Box, rules: Rules) -> bool:
    record = box.record
    return record is None or (record.open_creates == 0 and record.attempted is None and not record.in_doubt)


def _no_second_entry(box: Box, rules: Rules) -> bool:
    return len(marked(box)) <= _expected(box) + box.copies


def _expected(box: Box) -> int:
    return int(box.record is not None and not box.record.declined and box.record.may_be_there)


def _newest_content_is_shown(box: Box, rules: Rules) -> bool:
    record = box.record
    if record is None or record.gave_up or record.applied is None:
        return True
    shown = [item.content for item in marked(box)]
    if box.copies:  # nobody can tell which of them is ours
        return record.desired in shown or box.handled
    return shown == [record.desired] or (box.handled and shown in ([EDITED], []))


AT_REST: Mapping[str, Check] = {
    "at rest, what is desired is applied, given up, or declined": _is_finished,
    "at rest, what was given up is wanted, and shown as a failure unless an operator dismissed it": _given_up_is_shown,
    "at rest, what succeeded is not shown as a failure": _success_is_no_failure,
    "at rest, nothing is in doubt": _doubt_ends,
    "at rest, no second entry of ours stays": _no_second_entry,
    "at rest, the entry is there and shows the newest content": _newest_content_is_shown,
}


def broken_always(world: World, rules: Rules) -> str | None:
    """Return the promise that a state breaks."""
    return next((name for name, holds in ALWAYS.items() for box in world.boxes if not holds(box, rules)), None)


def broken_at_rest(world: World, rules: Rules) -> str | None:
    """Return the promise that a state at rest breaks."""
    for box, wanted in zip(world.boxes, wishes(world), strict=True):
        if (box.record.desired if box.record else None) != wanted:
            return RECORDED
        for name, holds in AT_REST.items():
            if not holds(box, rules):
                return name
    return None


GAP = "a move removes the old entry only once the new one is there, or its creation fails"


def gap(world: World, index: int) -> str | None:
    """Return the promise that claiming a mailbox breaks; None: it breaks none.

    Stated exceptions: the new place fails, or holds an entry according to the last look-up, which an agent removed
    since, or a removal of ours that had no answer.
    """
    if index == world.home or world.content is None or not marked(world.boxes[index]):
        return None
    box = world.boxes[world.home]
    record = box.record
    excused = record is not None and (record.failure is not None or record.declined or record.recheck_at is not None)
    return None if marked(box) or box.handled or excused else GAP


RECORDED = "at rest, the record of every mailbox says what the event shows now"


def wishes(world: World) -> list[str | None]:
    """Return what each mailbox should hold."""
    return [world.content if index == world.home else None for index in range(len(world.boxes))]


def is_clean(box: Box, content: str | None) -> bool:
    """Whether a mailbox holds exactly one entry with this content, or none, beside what the agent made."""
    shown = [item.content for item in box.items if item.origin is Origin.OURS]
    if box.copies:
        recorded = number_of(box.record.item_id) if box.record else None
        named = [item.content for item in box.items if item.number == recorded]
        return named == ([] if content is None else [content]) and len(marked(box)) <= len(named) + box.copies
    return shown == ([] if content is None else [content])


def is_done(placement: Placement | None, content: str | None) -> bool:
    """Whether the record says that this content is written."""
    return (placement.applied if placement else None) == content
