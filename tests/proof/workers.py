"""Workers: one pass over one mailbox, in the steps that others can come between (`receiver/worker/reconcile.py`).

A step ends where something is committed, or where the calendar has done something. What is decided is the real plan's.
There is one worker with a lease. One that lost its lease can do nothing more: each call follows at once on a record
that needs the lease (`tests/proof/bounds.py` states that as an assumption), and reading changes nothing.
"""

from collections.abc import Iterator

from connectors.base import Done, Failed, NotFound, Outcome, Scope, Unconfirmed
from receiver.core import plan
from receiver.core.plan import Placement, Step, Verb
from tests.makers import NOW
from tests.proof.calendar import add_request, as_found, change, listings
from tests.proof.explorer import Move
from tests.proof.faults import NO_ANSWER, refused
from tests.proof.rules import Rules
from tests.proof.ticks import tidy
from tests.proof.world import Box, Origin, Phase, Request, Worker, item_id, number_of

VERBS = {Step.CREATE: Verb.CREATE, Step.UPDATE: Verb.UPDATE, Step.DELETE: Verb.DELETE}
NO_JITTER = 0.0
COPY_TAKEN = "a copy that the agent made was taken for ours, though every create of ours was accounted for"

Steps = Iterator[Move[Box]]


def kept(box: Box, placement: Placement) -> Box:
    """Record a placement as the store does: one that is settled is dropped."""
    if not placement.settled:
        return box._replace(record=tidy(placement))
    worker = box.worker and box.worker._replace(same=False)
    return box._replace(record=None, worker=worker, deleted=False)


def is_due(box: Box) -> bool:
    """Whether the placement is due, as `due_at` says."""
    due_at = box.record.due_at if box.record else None
    return due_at is not None and due_at <= NOW


def claim(box: Box, rules: Rules) -> Steps:
    """Return the claim of a mailbox whose lease is free. A worker that is still at work there loses it."""
    worker = Worker(Phase.CLAIMED, read=box.record, facts=box.record.desired if box.record else None)
    who = "Another worker" if box.worker else "A worker"
    free = _unrecorded(box, box.worker, rules) if box.worker else box
    yield Move(f"{who} claims the mailbox", free._replace(worker=worker, lease=rules.proportions.lease))


def steps(box: Box, rules: Rules, *, may_fail: bool) -> Steps:
    """Return what the worker in a mailbox may do next; with `may_fail`, also what may go wrong with it."""
    assert box.worker is not None
    yield from _STEPS[box.worker.phase](box, box.worker, rules, may_fail)
    if may_fail:
        yield from _deaths(box, box.worker, rules)


def _deaths(box: Box, worker: Worker, rules: Rules) -> Steps:
    dead = box._replace(worker=None)
    if worker.phase is Phase.SENT:
        yield Move("The worker dies after it sent", _lost(dead, worker, rules), free=False)
    if worker.phase is Phase.REMOVING:
        yield Move("The worker dies after it sent", _lost_removals(dead, worker, rules), free=False)
    what = "before it can record that" if worker.phase in {Phase.ANSWERED, Phase.FOUND, Phase.REMOVED} else "there"
    yield Move(f"The worker dies {what}", _unrecorded(dead, worker, rules), free=False)


def _unrecorded(box: Box, worker: Worker, rules: Rules) -> Box:
    """Count what a worker without a lease will never record: it may be the reason why a copy is taken for ours."""
    match worker:
        case Worker(phase=Phase.SENT, verb=Verb.CREATE):
            return _excused(box, rules)
        case Worker(phase=Phase.ANSWERED, verb=Verb.CREATE, outcome=Done() | Failed()):
            return _excused(box, rules)
        case Worker(phase=Phase.ANSWERED, verb=Verb.DELETE, outcome=Done()):
            return _excused(box, rules)
        case Worker(phase=Phase.REMOVED, found=found):
            return _excused(box, rules, len(found))
    return box


def _lost(box: Box, worker: Worker, rules: Rules) -> Box:
    """Leave the write that is under way to the server."""
    assert worker.verb is not None
    left = worker.left + rules.proportions.recheck + rules.late_by
    excused = _excused(box, rules, int(worker.verb is not Verb.UPDATE))
    return add_request(excused, Request(worker.verb, worker.item, worker.sent, left))


def _lost_removals(box: Box, worker: Worker, rules: Rules) -> Box:
    left = worker.left + rules.proportions.recheck + rules.late_by
    for number in worker.found:
        box = add_request(box, Request(Verb.DELETE, number, None, left))
    return box


def _excused(box: Box, rules: Rules, count: int = 1) -> Box:
    return box._replace(excuses=box.excuses + count) if rules.copies else box


def _released(box: Box) -> Box:
    return box._replace(worker=None, lease=0)


def _at(box: Box, rules: Rules, **changes: object) -> Box:
    """Go on, after a commit that extends the lease."""
    assert box.worker is not None
    return box._replace(worker=box.worker._replace(**changes), lease=rules.proportions.lease)  # type: ignore[arg-type]


# Look-ups


def _claimed(box: Box, worker: Worker, rules: Rules, may_fail: bool) -> Steps:
    assert worker.read is not None
    if plan.next_step(worker.read, NOW) is not Step.LOOK_UP:
        yield from _begin(box, worker, rules, may_fail)
        return
    for numbers in listings(box):
        found = worker._replace(phase=Phase.FOUND, found=numbers)
        names = ", ".join(map(item_id, numbers)) or "nothing"
        yield Move(f"The worker looks up: the calendar lists {names}", box._replace(worker=found, handled=False))
    if may_fail:
        for what, error in rules.errors.items():
            advanced = kept(box, plan.failed(box.record, error, NOW, NO_JITTER)) if worker.same and box.record else box
            yield Move(f"The worker looks up: the calendar {what}", _released(advanced), free=False)


def _found(box: Box, worker: Worker, rules: Rules, may_fail: bool) -> Steps:
    if not worker.same or box.record is None:
        yield Move("The worker finds the record dropped, and gives the mailbox back", _released(box))
        return
    before = box.record
    found = as_found(worker.found)
    after, extras = plan.looked_up(before, found, NOW, rules.proportions.limits, respect=rules.respect)
    numbers = tuple(int(each[1:]) for each in extras)
    looked, broken = _accounted(box, before, number_of(after.item_id), rules)
    looked = kept(looked, after)
    phase = Phase.REMOVING if numbers else Phase.LOOKED
    looked = _at(looked, rules, phase=phase, read=tidy(after), found=numbers, left=rules.proportions.settle)
    also = f", and has {', '.join(extras)} removed" if extras else ""
    yield Move(f"The worker records what it found{also}", looked, broken=broken)


def _accounted(box: Box, before: Placement, number: int | None, rules: Rules) -> tuple[Box, str | None]:
    """Account for an item that is taken for ours. The model knows who made it; the plan does not."""
    if not rules.copies or number is None or item_id(number) == before.item_id:
        return box, None
    item = next((each for each in box.items if each.number == number), None)
    if item is None:
        return box, None
    if item.origin is Origin.COPY and not box.excuses:
        return box, COPY_TAKEN
    items = tuple(each._replace(origin=Origin.OURS) if each is item else each for each in box.items)
    return box._replace(items=items, excuses=max(box.excuses - 1, 0)), None


def _removing(box: Box, worker: Worker, rules: Rules, may_fail: bool) -> Steps:
    after, broken = box, None
    went: tuple[int, ...] = ()
    for number in worker.found:
        item = next((each for each in after.items if each.number == number), None)
        if item is None:
            continue
        unexplained = rules.copies and item.origin is Origin.COPY and not after.excuses
        made = change(after._replace(excuses=max(after.excuses - 1, 0)), Verb.DELETE, number, None)
        after, went, broken = made.box, (*went, number), broken or (COPY_TAKEN if unexplained else made.broken)
    done = worker._replace(phase=Phase.REMOVED, found=went, left=0)
    yield Move("The calendar removes them", after._replace(worker=done), broken=broken)
    if may_fail:
        lost = _lost_removals(box, worker, rules)
        yield Move("The calendar's answer to the removal is lost", _released(lost), free=False)
        for what, error in rules.errors.items():
            looked = box._replace(worker=worker._replace(phase=Phase.LOOKED, found=(), left=0))
            refusal = looked if error.scope is Scope.ITEM else _released(box)
            yield Move(f"Asked to remove them, the calendar {what}", refusal, free=False)


def _removed(box: Box, worker: Worker, rules: Rules, may_fail: bool) -> Steps:
    advanced = box
    if worker.found and worker.same and box.record is not None:
        advanced = kept(box, plan.removed(box.record, len(worker.found)))
    yield Move("The worker records the removal", _at(advanced, rules, phase=Phase.LOOKED, found=(), left=0))


# Writes


def _begin(box: Box, worker: Worker, rules: Rules, may_fail: bool) -> Steps:
    assert worker.read is not None
    verb = VERBS.get(plan.next_step(worker.read, NOW))
    if verb is None:
        yield Move("The worker has nothing to write, and gives the mailbox back", _released(box))
    elif verb is not Verb.DELETE and worker.read.desired != worker.facts:
        yield Move("The worker finds other content wanted than it read, and gives the mailbox back", _released(box))
    elif not worker.same or box.record is None:
        yield Move("The worker finds the record dropped, and gives the mailbox back", _released(box))
    else:
        begun = kept(box, plan.begin(box.record, verb, NOW, rules.proportions.limits))
        sent = Worker(
            Phase.SENT,
            read=None,
            verb=verb,
            item=None if verb is Verb.CREATE else number_of(worker.read.item_id),
            sent=None if verb is Verb.DELETE else worker.read.desired,
            left=rules.proportions.settle,
        )
        what = {Verb.CREATE: f"create {sent.sent}", Verb.UPDATE: f"update to {sent.sent}", Verb.DELETE: "delete"}[verb]
        after = begun._replace(worker=sent, lease=rules.proportions.lease)
        yield Move(f"The worker records the {what} as begun, and sends it", after)


def _sent(box: Box, worker: Worker, rules: Rules, may_fail: bool) -> Steps:
    assert worker.verb is not None
    made = change(box, worker.verb, worker.item, worker.sent)
    did = "has no such item" if isinstance(made.outcome, NotFound) else "does it and answers"
    yield Move(
        f"The calendar {did}", _answered(made.box._replace(handled=False), worker, made.outcome), broken=made.broken
    )
    if may_fail:
        lost = _lost(box, worker, rules)
        what = "No answer comes; the server may do it now, later or never"
        yield Move(what, _answered(lost, worker, NO_ANSWER), free=False)
        if isinstance(made.outcome, Done) and worker.verb is not Verb.CREATE:
            what = "The calendar says that it has no such item, though it has"
            yield Move(what, _answered(box, worker, NotFound()), free=False)
        for what, error in rules.errors.items():
            yield Move(f"The calendar {what}", _answered(box, worker, refused(error)), free=False)


def _answered(box: Box, worker: Worker, outcome: Outcome) -> Box:
    return box._replace(worker=worker._replace(phase=Phase.ANSWERED, outcome=outcome, left=0))


def _record_outcome(box: Box, worker: Worker, rules: Rules, may_fail: bool) -> Steps:
    assert worker.outcome is not None
    ended = box
    if worker.same and box.record is not None:
        ended = kept(box, plan.end(box.record, worker.sent, worker.outcome, NOW, NO_JITTER))
    what = "no answer" if isinstance(worker.outcome, Unconfirmed) else "the outcome"
    yield Move(f"The worker records {what}, and gives the mailbox back", _released(ended))


_STEPS = {
    Phase.CLAIMED: _claimed,
    Phase.FOUND: _found,
    Phase.REMOVING: _removing,
    Phase.REMOVED: _removed,
    Phase.LOOKED: _begin,
    Phase.SENT: _sent,
    Phase.ANSWERED: _record_outcome,
}
