"""The life of one placement, as pure functions: its next step, and its state after an answer.

A placement is one event in one mailbox. It is level-triggered: the desired content is compared with the applied one;
how they came to differ does not matter. Every write is first *begun* (recorded and committed), then sent, then *ended*
with its outcome. A write without an outcome stays begun; that is all a crash leaves behind.
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
"""Applied digest of an entry that exists, but whose content is unknown."""


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
class CallLimits:
    """Upper limits derived from the duration of one call."""

    settle: timedelta
    """After this, no call of a batch is still under way on our side: one call a verb, each up to twice its timeout."""
    recheck: timedelta
    """After this, a server that lost its client has either committed the write or dropped it."""
    lease: timedelta
    """Longer than the look-ups or the writes of one batch; extended before each of the two."""

    @classmethod
    def of(cls, call_timeout_s: float) -> "CallLimits":
        """Derive the limits from the connector's timeout."""
        call = timedelta(seconds=call_timeout_s)
        return cls(settle=call * 6, recheck=call * 20, lease=call * 10)


@dataclass(frozen=True, slots=True)
class Placement:
    """One event in one mailbox, as recorded."""

    id: int
    uid: str
    desired: str | None
    """Digest of the entry that should exist; None: none should."""
    applied: str | None = None
    """Digest of the entry that the calendar confirmed; `STALE`: an entry of unknown content; None: no known entry."""
    item_id: str | None = None
    attempted: Verb | None = None
    """A write that was begun and has no outcome yet."""
    look_up_at: datetime | None = None
    """From this moment on a look-up is due. Nothing is written before it."""
    recheck_at: datetime | None = None
    """From this moment on a second look-up is due, for a write committed late. Writes do not wait for it."""
    open_creates: int = 0
    """Creates without an answer, each of which may have left an item that we have not seen."""
    attempts: int = 0
    not_before: datetime = EPOCH
    """Nothing is tried earlier: when the desired content last changed, or when the delay after a failure ends."""
    failure: str | None = None
    gave_up: bool = False
    """The desired content cannot be written; no further attempt until other content is desired."""
    declined: bool = False
    """The agent deleted the entry, and the policy respects that: it is not written again."""

    @property
    def settled(self) -> bool:
        """Whether no entry exists, is desired, or may still appear: the placement may be deleted."""
        return self.desired is None and not self.may_be_there

    @property
    def may_be_there(self) -> bool:
        """Whether an entry of ours is in the mailbox, or may still appear there."""
        return self.applied is not None or self.in_doubt

    @property
    def in_doubt(self) -> bool:
        """Whether a look-up is due, now or later: a write had no answer, or the item was not found under its id."""
        return self.look_up_at is not None or self.recheck_at is not None

    @property
    def due_at(self) -> datetime | None:
        """The moment from which `next_step` returns a step; None: never, unless something changes."""
        if self.look_up_at is not None:
            return max(self.look_up_at, self.not_before)
        write_at = self.not_before if self._differs and not self.gave_up and not self.declined else None
        return min((moment for moment in (write_at, self.recheck_at) if moment is not None), default=None)

    @property
    def _differs(self) -> bool:
        return self.desired != self.applied


def next_step(placement: Placement, now: datetime) -> Step:
    """Return what the placement needs now."""
    due_at = placement.due_at
    if due_at is None or now < due_at:
        return Step.NOTHING
    recheck_due = placement.recheck_at is not None and placement.recheck_at <= now
    if placement.look_up_at is not None or recheck_due:
        return Step.LOOK_UP
    if placement.applied is None:
        return Step.CREATE
    return Step.DELETE if placement.desired is None else Step.UPDATE


def set_desired(placement: Placement, desired: str | None, now: datetime) -> Placement:
    """Change the desired content. A look-up that is due stays due."""
    if desired == placement.desired:
        return placement
    return replace(placement, desired=desired, not_before=now, attempts=0, failure=None, gave_up=False)


def begin(placement: Placement, verb: Verb, now: datetime, timings: CallLimits) -> Placement:
    """Record that a write is about to be sent. This must be committed before the write is sent."""
    created = 1 if verb is Verb.CREATE else 0
    return replace(
        placement,
        attempted=verb,
        look_up_at=now + timings.settle,
        open_creates=placement.open_creates + created,
    )


def end(placement: Placement, sent: str | None, outcome: Outcome, now: datetime, jitter: float) -> Placement:
    """Record the outcome of a begun write.

    Args:
        placement: as `begin` left it; its desired content may have changed since.
        sent: digest of the content that was sent; None for a delete.
        outcome: what the connector returned.
        now: the moment of the answer.
        jitter: from 0 to 1, for the delay after a failure.

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
            # The refusal does not concern content that is desired since.
            return failed(answered, error, now, jitter) if answered.desired == sent else answered


def _answered(placement: Placement) -> Placement:
    created = 1 if placement.attempted is Verb.CREATE else 0
    return replace(placement, attempted=None, look_up_at=None, open_creates=placement.open_creates - created)


def _missing(placement: Placement, now: datetime, jitter: float) -> Placement:
    """Schedule a look-up, without delay the first time: the id is unknown, but the entry may have moved."""
    wait_s = delay_s(placement.attempts, None, jitter) if placement.attempts else 0.0
    look_up_at = now + timedelta(seconds=wait_s)
    return replace(placement, look_up_at=look_up_at, attempts=placement.attempts + 1, failure="item_not_found")


def failed(placement: Placement, error: ConnectorError, now: datetime, jitter: float) -> Placement:
    """Record a refusal or a failed look-up: nothing was changed.

    A failure of the whole mailbox or server delays that mailbox or server, not the placement: when it recovers, all
    its placements go on at once.
    """
    if error.scope is not Scope.ITEM:
        return replace(placement, failure=error.code)
    # A removal is never given up: no other content will be desired, and the entry would stay for ever.
    if isinstance(error, Permanent) and not placement.in_doubt and placement.desired is not None:
        return replace(placement, failure=error.code, gave_up=True)
    attempts = placement.attempts + 1
    retry_after_s = error.retry_after_s if isinstance(error, Temporary) else None
    retry_at = now + timedelta(seconds=delay_s(attempts, retry_after_s, jitter))
    recheck_at = max(placement.recheck_at, retry_at) if placement.recheck_at else None
    return replace(placement, attempts=attempts, not_before=retry_at, recheck_at=recheck_at, failure=error.code)


def retry(placement: Placement, now: datetime) -> Placement:
    """Try again now what is delayed or was given up, as an operator asks. A look-up that is due still comes first."""
    return replace(placement, not_before=min(placement.not_before, now), attempts=0, gave_up=False)


def shortened(placement: Placement, now: datetime) -> Placement:
    """Cap a delay after a failure that an earlier version recorded."""
    if placement.failure is None:
        return placement
    return replace(
        placement,
        not_before=backoff.shortened(placement.not_before, now) or placement.not_before,
        recheck_at=backoff.shortened(placement.recheck_at, now),
    )


def dismiss(placement: Placement) -> Placement:
    """Neither try nor report content that cannot be written, as an operator asks, until other content is desired.

    A placement in doubt stays as it is: its entry may exist. So does a removal: no other content will follow it.
    """
    if placement.failure is None or placement.in_doubt or placement.desired is None:
        return placement
    return replace(placement, attempts=0, failure=None, gave_up=True)


def looked_up(
    placement: Placement, found: Sequence[Found], now: datetime, timings: CallLimits, *, respect: bool = False
) -> tuple[Placement, tuple[str, ...]]:
    """Record what a complete look-up found; also return the ids of the extra items that must be removed.

    Extra items are those that creates without an answer left. No more items are removed than the record explains: one
    that it knows, and one for each create without an answer. A copy that the agent made is not ours to delete.

    With `respect`, an entry that was confirmed and is gone was deleted by its agent, and is not written again.
    """
    explained = placement.open_creates + (placement.applied is not None)
    ids = [item.item_id for item in found] if explained else []
    kept = placement.item_id if placement.item_id in ids else next(iter(ids), None)
    extras = tuple([item_id for item_id in ids if item_id != kept][: max(explained - 1, 0)])
    explains_create = kept is not None and placement.applied is None and placement.open_creates > 0
    open_creates = placement.open_creates - explains_create
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
    """Record that so many extra items were removed: as many creates without an answer are explained.

    Otherwise the next look-up would take a copy that the agent made for an extra item.
    """
    return replace(placement, open_creates=max(placement.open_creates - count, 0))


def _was_deleted(placement: Placement) -> bool:
    """Whether an entry that is not found existed, and no write of ours can have removed it."""
    ours = placement.attempted is Verb.DELETE or placement.recheck_at is not None
    return placement.applied is not None and not ours


def _recheck_at(
    placement: Placement, extras: tuple[str, ...], open_creates: int, now: datetime, timings: CallLimits
) -> datetime | None:
    """Return when to look up once more: while an item may still appear, or until removed items are gone for certain."""
    # The removal of extra items is sent now. Without an answer it may be done late: one of them may be the entry then.
    removal_over = now + timings.settle + timings.recheck if extras else None
    if placement.look_up_at is None:
        return removal_over
    unanswered = placement.attempted in {Verb.UPDATE, Verb.DELETE} or open_creates > 0
    moments = placement.recheck_at, now + timings.recheck if unanswered else None, removal_over
    return max((moment for moment in moments if moment is not None), default=None)


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
