"""One placement's life, as pure functions: what to do next, and what an answer makes of it.

A placement is one event in one mailbox. Level-triggered: what is desired is compared with what was applied; how the
two came apart does not matter. Every write is first *begun* (recorded, committed), then sent, then *ended* with its
outcome. A write whose outcome never came stays begun, which is all that a crash leaves behind.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from connectors.base import (
    ConnectorError,
    Done,
    Failed,
    Found,
    NotFound,
    Outcome,
    Permanent,
    Scope,
    Temporary,
    Unconfirmed,
)
from receiver.core import backoff
from receiver.core.backoff import delay_s

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

STALE = "stale"
"""Applied digest of an entry that is there, but whose content nobody can vouch for."""


class Verb(StrEnum):
    """What is sent to a calendar."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


class Step(StrEnum):
    """What a placement needs next."""

    NOTHING = "nothing"
    LOOK_UP = "look_up"
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Timings:
    """How long doubt lasts, all derived from how long one call can take."""

    settle: timedelta
    """After so long no call of a batch can still be under way from our side: one a verb, each up to twice as long."""
    recheck: timedelta
    """After so long a server that lost its client has either committed or given up."""
    lease: timedelta
    """Longer than the look-ups or the writes of one batch can take; extended before each."""

    @classmethod
    def of(cls, call_timeout_s: float) -> "Timings":
        """Derive the timings from the connector's time-out."""
        call = timedelta(seconds=call_timeout_s)
        return cls(settle=call * 6, recheck=call * 20, lease=call * 10)


@dataclass(frozen=True, slots=True)
class Placement:
    """One event in one mailbox, as recorded."""

    id: int
    uid: str
    desired: str | None
    """Digest of the entry that should be there; None: none should."""
    applied: str | None = None
    """Digest of what the calendar confirmed; `STALE`: something of ours is there; None: nothing that we know of."""
    item_id: str | None = None
    attempted: Verb | None = None
    """A write that was begun and has had no outcome yet."""
    look_up_at: datetime | None = None
    """A look-up is owed, from this moment on, before anything is written."""
    recheck_at: datetime | None = None
    """A second look-up is owed then, for a write that was committed late; it holds nothing up."""
    open_creates: int = 0
    """Creates that were sent and may each have left an item that we have not seen."""
    attempts: int = 0
    not_before: datetime = EPOCH
    """Nothing is tried earlier: the moment of the newest wish, or the end of a wait after a failure."""
    failure: str | None = None
    gave_up: bool = False
    """The newest content cannot be written, whatever is tried: wait for other content."""
    declined: bool = False
    """The agent deleted the entry and the policy respects that: it is not written again."""

    @property
    def settled(self) -> bool:
        """Nothing is there, nothing is wanted, and nothing may still turn up: the record may go."""
        return self.desired is None and not self.may_be_there

    @property
    def may_be_there(self) -> bool:
        """Something of ours is in the mailbox, or may still turn up there."""
        return self.applied is not None or self.in_doubt

    @property
    def in_doubt(self) -> bool:
        """A look-up is owed: a write had no answer, or an item was not where it was left."""
        return self.look_up_at is not None or self.recheck_at is not None

    @property
    def due_at(self) -> datetime | None:
        """The moment from which `next_step` has something to do; None: never, as things stand."""
        if self.look_up_at is not None:
            return max(self.look_up_at, self.not_before)
        write_at = self.not_before if self._differs and not self.gave_up and not self.declined else None
        return min((moment for moment in (write_at, self.recheck_at) if moment is not None), default=None)

    @property
    def _differs(self) -> bool:
        return self.desired != self.applied


def next_step(placement: Placement, now: datetime) -> Step:
    """Return what the placement needs at this moment."""
    due_at = placement.due_at
    if due_at is None or now < due_at:
        return Step.NOTHING
    recheck_due = placement.recheck_at is not None and placement.recheck_at <= now
    if placement.look_up_at is not None or recheck_due:
        return Step.LOOK_UP
    if placement.applied is None:
        return Step.CREATE
    return Step.DELETE if placement.desired is None else Step.UPDATE


def desire(placement: Placement, desired: str | None, now: datetime) -> Placement:
    """Want another content, or none. What doubt there is stays."""
    if desired == placement.desired:
        return placement
    return replace(placement, desired=desired, not_before=now, attempts=0, failure=None, gave_up=False)


def begin(placement: Placement, verb: Verb, now: datetime, timings: Timings) -> Placement:
    """Record that a write is about to be sent. Committed before it is: from here on it may happen."""
    created = 1 if verb is Verb.CREATE else 0
    return replace(
        placement,
        attempted=verb,
        look_up_at=now + timings.settle,
        open_creates=placement.open_creates + created,
    )


def end(placement: Placement, sent: str | None, outcome: Outcome, now: datetime, jitter: float) -> Placement:
    """Record what a begun write came to.

    Args:
        placement: as `begin` left it, with the wishes that came since.
        sent: digest of the content that was sent; None for a delete.
        outcome: the connector's word.
        now: the moment of the answer.
        jitter: from 0 to 1, for the wait after a failure.

    """
    match outcome:
        case Done(item_id):
            there = item_id if sent is not None else None
            done = replace(placement, applied=sent, item_id=there, attempts=0, failure=None)
            return _answered(done)
        case NotFound():
            return _missing(_answered(placement), now, jitter)
        case Unconfirmed(code):
            return replace(placement, attempts=placement.attempts + 1, failure=code)
        case Failed(error):
            answered = _answered(placement)
            # A refusal says nothing of content that was wished for since.
            return failed(answered, error, now, jitter) if answered.desired == sent else answered


def _answered(placement: Placement) -> Placement:
    created = 1 if placement.attempted is Verb.CREATE else 0
    return replace(placement, attempted=None, look_up_at=None, open_creates=placement.open_creates - created)


def _missing(placement: Placement, now: datetime, jitter: float) -> Placement:
    """The id leads nowhere, but the entry may have moved: look for it, at once the first time."""
    wait_s = delay_s(placement.attempts, None, jitter) if placement.attempts else 0.0
    look_up_at = now + timedelta(seconds=wait_s)
    return replace(placement, look_up_at=look_up_at, attempts=placement.attempts + 1, failure="item_not_found")


def failed(placement: Placement, error: ConnectorError, now: datetime, jitter: float) -> Placement:
    """Record a refusal or a failed look-up: certainly nothing was changed.

    What ails a whole mailbox or server is waited for there, so that all its placements go on at once when it heals.
    """
    if error.scope is not Scope.ITEM:
        return replace(placement, failure=error.code)
    # A removal is never given up: no other content will be wanted in its place, and the entry would stay for ever.
    if isinstance(error, Permanent) and not placement.in_doubt and placement.desired is not None:
        return replace(placement, failure=error.code, gave_up=True)
    attempts = placement.attempts + 1
    retry_after_s = error.retry_after_s if isinstance(error, Temporary) else None
    retry_at = now + timedelta(seconds=delay_s(attempts, retry_after_s, jitter))
    recheck_at = max(placement.recheck_at, retry_at) if placement.recheck_at else None
    return replace(placement, attempts=attempts, not_before=retry_at, recheck_at=recheck_at, failure=error.code)


def retry(placement: Placement, now: datetime) -> Placement:
    """Have what waits or was given up tried at once, as an operator asks. What is in doubt is still looked up first."""
    return replace(placement, not_before=min(placement.not_before, now), attempts=0, gave_up=False)


def shortened(placement: Placement, now: datetime) -> Placement:
    """Shorten a wait after a failure that an earlier version granted."""
    if placement.failure is None:
        return placement
    return replace(
        placement,
        not_before=backoff.shortened(placement.not_before, now) or placement.not_before,
        recheck_at=backoff.shortened(placement.recheck_at, now),
    )


def dismiss(placement: Placement) -> Placement:
    """Neither try nor show a content that cannot be written, as an operator asks, until other content is wanted.

    What is in doubt stays: nobody knows what is there. So does a removal, which no other content will ever follow.
    """
    if placement.failure is None or placement.in_doubt or placement.desired is None:
        return placement
    return replace(placement, attempts=0, failure=None, gave_up=True)


def looked_up(
    placement: Placement, found: Sequence[Found], now: datetime, timings: Timings, *, respect: bool = False
) -> tuple[Placement, tuple[str, ...]]:
    """Record what a complete look-up found; also return the ids of items that our own lost writes left and must go.

    Never more items go than our record explains: one that it knows, one for each create without an answer. A copy
    that the agent made is not ours to delete.

    With `respect`, an entry that was confirmed and is gone was deleted by its agent, and stays so.
    """
    explained = placement.open_creates + (placement.applied is not None)
    ids = [item.item_id for item in found] if explained else []
    kept = placement.item_id if placement.item_id in ids else next(iter(ids), None)
    extras = tuple([item_id for item_id in ids if item_id != kept][: max(explained - 1, 0)])
    open_creates = placement.open_creates - _settles_a_create(placement, kept)
    rechecking = placement.look_up_at is None
    return replace(
        placement,
        applied=None if kept is None else STALE,
        item_id=kept,
        attempted=None,
        look_up_at=None,
        recheck_at=_recheck_at(placement, extras, open_creates, now, timings),
        open_creates=0 if rechecking and not extras else open_creates,
        declined=kept is None and (placement.declined or (respect and _was_deleted(placement))),
        not_before=now,
    ), extras


def removed(placement: Placement, count: int) -> Placement:
    """Record that so many superfluous items went for certain: as many lost creates explain nothing any more.

    Else the next look-up would take a copy that the agent made for what they left.
    """
    return replace(placement, open_creates=max(placement.open_creates - count, 0))


def _was_deleted(placement: Placement) -> bool:
    """Whether an entry that is not found was there, with no write of ours that could have removed it."""
    ours = placement.attempted is Verb.DELETE or placement.recheck_at is not None
    return placement.applied is not None and not ours


def _settles_a_create(placement: Placement, kept: str | None) -> int:
    return int(kept is not None and placement.applied is None and placement.open_creates > 0)


def _recheck_at(
    placement: Placement, extras: tuple[str, ...], open_creates: int, now: datetime, timings: Timings
) -> datetime | None:
    """Look once more while something may still turn up, or until what was removed is seen gone."""
    if placement.look_up_at is None:
        return now + timings.settle if extras else None
    unanswered = placement.attempted in {Verb.UPDATE, Verb.DELETE} or open_creates > 0
    return now + timings.recheck if unanswered else placement.recheck_at


# Entries found where the record was lost, or is older than the calendars


BELIEVED_FOR = timedelta(days=1)
"""How long a calendar that contradicts older facts is believed. Newer facts, which a resync brings, count at once."""


def names_one_of(placement: Placement, ids: Collection[str]) -> bool:
    """Whether the entry is written, and its recorded item is among these."""
    return placement.applied is not None and placement.item_id in ids


def first_placement(uid: str, item_id: str, until: datetime) -> Placement:
    """Return the placement of an event that had none where an item of it was found: nothing is wanted there so far."""
    return Placement(id=0, uid=uid, desired=None, applied=STALE, item_id=item_id, not_before=until)


def unseen_placement(uid: str, desired: str, now: datetime) -> Placement:
    """Return a new placement in a mailbox that nobody has read since the record was lost: an entry may stand there.

    It is looked up before anything is written, as if a removal had had no answer: one item that turns up is explained.
    """
    return Placement(
        id=0, uid=uid, desired=desired, applied=STALE, attempted=Verb.DELETE, look_up_at=now, not_before=now
    )


def taken_over(placement: Placement, item_id: str, until: datetime) -> Placement:
    """Return a placement that names the item found, whose content nobody can vouch for. What doubt there is stays.

    `until`: what is wanted of older facts is not written before.
    """
    if names_one_of(placement, [item_id]):
        return placement
    settles_a_create = placement.applied is None and placement.open_creates > 0
    return replace(
        placement,
        applied=STALE,
        item_id=item_id,
        open_creates=placement.open_creates - settles_a_create,
        declined=False,
        failure=placement.failure if placement.desired is None else None,  # what it waits for is no failure
        not_before=placement.not_before if placement.desired is None else until,
    )
