"""A mailbox in one line of plain English: what is recorded, and what its calendar holds."""

from datetime import datetime

from receiver.core.plan import STALE, Placement
from tests.makers import NOW
from tests.proof.ticks import ahead
from tests.proof.world import Box, Origin


def of(box: Box) -> str:
    """Return the line of a mailbox."""
    items = ", ".join(f"i{item.number}={item.content}{_NOTES[item.origin]}" for item in box.items)
    lost = ", ".join(_request(request.verb.value, request.item, request.content) for request in box.requests)
    return f"Recorded: {_recorded(box.record)}. Calendar: {items or 'empty'}{f' (lost: {lost})' if lost else ''}"


_NOTES = {Origin.OURS: "", Origin.COPY: " (a copy)", Origin.FOREIGN: " (without our mark)"}


def _request(verb: str, item: int | None, content: str | None) -> str:
    return " ".join(part for part in (verb, item and f"i{item}", content) if part)


def _recorded(placement: Placement | None) -> str:
    if placement is None:
        return "nothing"
    parts = [f"desired {placement.desired or 'none'}", f"applied {_applied(placement)}"]
    if placement.attempted:
        parts.append(f"{placement.attempted.value} begun")
    if placement.look_up_at is not None:
        parts.append(f"look-up {_when(placement.look_up_at)}")
    if placement.recheck_at is not None:
        parts.append(f"second look-up {_when(placement.recheck_at)}")
    if placement.open_creates:
        parts.append(f"{placement.open_creates} create(s) without an answer")
    if placement.not_before > NOW:
        parts.append(f"not before {_when(placement.not_before)}")
    parts += [name for name in ("failure", "gave_up", "declined") if getattr(placement, name)]
    return ", ".join(parts)


def _applied(placement: Placement) -> str:
    if placement.applied is None:
        return "none"
    what = "unknown content" if placement.applied == STALE else placement.applied
    return f"{what} as {placement.item_id}"


def _when(moment: datetime) -> str:
    ticks = ahead(moment)
    return f"in {ticks} tick(s)" if ticks else "now"
