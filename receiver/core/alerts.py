"""When to tell somebody: one message for each trouble, one when it is over, whatever happens in between.

A message counts as told once it was sent: what could not be sent is due again at the next look.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from enum import StrEnum

from receiver.core.health import Code, Trouble

Key = tuple[str, str, str]


class Kind(StrEnum):
    """What a message says of its trouble."""

    BEGUN = "begun"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Message:
    """One thing to tell."""

    kind: Kind
    trouble: Trouble
    since: datetime
    """When the trouble was first seen."""


@dataclass(frozen=True, slots=True)
class Sight:
    """A trouble that was seen, and what was told of it."""

    trouble: Trouble
    first_at: datetime
    told: bool = False
    gone_at: datetime | None = None
    """Since when it has not been seen any more; None: it was there at the last look."""


@dataclass(frozen=True, slots=True)
class Memory:
    """What is remembered between two looks."""

    sights: Mapping[Key, Sight] = field(default_factory=dict)
    digest_on: date | None = None
    """The day of the last digest."""


@dataclass(frozen=True, slots=True)
class Timings:
    """How patient to be."""

    hold: timedelta = timedelta(minutes=5)
    """A trouble that may pass by itself is told after so long."""
    calm: timedelta = timedelta(minutes=5)
    """A trouble is over after so long without it: one that comes and goes is one trouble."""
    digest_at: time | None = time(8)
    """Wall-clock time of the daily digest; None: there is none."""


PASSING = frozenset({Code.SERVER_FAILING, Code.MAILBOXES_FAILING, Code.STORE_UNREACHABLE, Code.WORKER_SILENT})
"""Troubles that a restart or a short cut bring about: worth a message only when they last."""


def look(memory: Memory, seen: Iterable[Trouble], now: datetime, timings: Timings) -> tuple[Memory, list[Message]]:
    """Take in what is wrong at a moment.

    Returns:
        the memory to go on with, and the messages due, each until `told` says that it was sent.

    """
    present = {trouble.key: trouble for trouble in seen}
    sights = dict(memory.sights)
    for key, trouble in present.items():
        known = sights.get(key)
        sights[key] = replace(known, trouble=trouble, gone_at=None) if known else Sight(trouble, now)
    for key in sights.keys() - present.keys():
        sights[key] = replace(sights[key], gone_at=sights[key].gone_at or now)
    # What went before anybody was told of it is nobody's concern any more.
    kept = {key: sight for key, sight in sights.items() if sight.told or not _is_over(sight, now, timings)}
    messages = [message for sight in kept.values() if (message := _message(sight, now, timings))]
    return replace(memory, sights=kept), messages


def told(memory: Memory, message: Message) -> Memory:
    """Note that a message was sent."""
    key = message.trouble.key
    sights = dict(memory.sights)
    if message.kind is Kind.ENDED:
        sights.pop(key, None)
    elif key in sights:
        sights[key] = replace(sights[key], told=True)
    return replace(memory, sights=sights)


def digest_is_due(memory: Memory, local_now: datetime, is_working_day: bool, timings: Timings) -> bool:
    """Whether the day's digest is to be sent. By the wall clock: a day without offices open has none."""
    if timings.digest_at is None or not is_working_day:
        return False
    return memory.digest_on != local_now.date() and local_now.time() >= timings.digest_at


def digest_sent(memory: Memory, local_now: datetime) -> Memory:
    """Note that the day's digest was sent."""
    return replace(memory, digest_on=local_now.date())


def _message(sight: Sight, now: datetime, timings: Timings) -> Message | None:
    if sight.told:
        return Message(Kind.ENDED, sight.trouble, sight.first_at) if _is_over(sight, now, timings) else None
    waits = timings.hold if sight.trouble.code in PASSING else timedelta()
    is_due = sight.gone_at is None and now - sight.first_at >= waits
    return Message(Kind.BEGUN, sight.trouble, sight.first_at) if is_due else None


def _is_over(sight: Sight, now: datetime, timings: Timings) -> bool:
    return sight.gone_at is not None and now - sight.gone_at >= timings.calm
