"""What an operator orders, and what the audit's repair records: the real functions, at any moment."""

from collections.abc import Iterator

from receiver.core import plan
from receiver.core.plan import Placement
from receiver.core.troubles import DifferenceKind
from receiver.operations.audit.compare import Difference, repaired
from tests.makers import NOW
from tests.proof.calendar import marked
from tests.proof.explorer import Move
from tests.proof.workers import kept
from tests.proof.world import EDITED, UID, Box, number_of


def orders(box: Box) -> Iterator[Move[Box]]:
    """Return what may be ordered about a mailbox."""
    record = box.record
    if record is None:
        return
    if record.failure is not None or record.gave_up:
        for what, after in (("has it retried", plan.retry(record, NOW)), ("dismisses it", plan.dismiss(record))):
            if after != record:
                yield Move(f"An operator {what}", kept(box, after), free=False)
    if not box.lease and (repair := audited(box)) is not None:
        yield Move("The audit finds a difference, and notes it", kept(box, repair), free=False)


def audited(box: Box) -> Placement | None:
    """Return the record as the audit repairs it; None: it judges nothing, or finds nothing wrong."""
    record = box.record
    if record is None or record.applied is None or record.applied != record.desired or record.due_at is not None:
        return None
    if record.in_doubt or record.gave_up or record.declined:
        return None
    items = [item for item in marked(box) if item.number == number_of(record.item_id)]
    if len(marked(box)) > 1:
        return repaired(Difference(DifferenceKind.DOUBLED, UID, placement=record), NOW)
    if not items:
        return repaired(Difference(DifferenceKind.MISSING, UID, placement=record), NOW)
    if items[0].content == EDITED:
        return repaired(Difference(DifferenceKind.FOREIGN, UID, fields=("title",), placement=record), NOW)
    return None
