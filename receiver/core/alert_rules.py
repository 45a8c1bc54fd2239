"""When to tell somebody: one message for each trouble, one for each cause that joins it, one when it is over.

A message counts as told once it was sent: what could not be sent is due again at the next look.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from enum import StrEnum

from receiver.core.troubles import STORE_CODES, Code, Severity, Trouble

Key = tuple[str, str]


class Kind(StrEnum):
    """What a message says of its trouble."""

    BEGUN = "begun"
    CHANGED = "changed"
    """It lasts, and has another cause than was told, or is an alarm now."""
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Message:
    """One thing to tell."""

    kind: Kind
    trouble: Trouble
    since: datetime
    """When the trouble was first seen."""
    ended_at: datetime | None = None
    """When it was first seen no more."""
    others: tuple[Trouble, ...] = ()
    """The same trouble, for other causes."""


@dataclass(frozen=True, slots=True)
class Sight:
    """A trouble that was seen, and what was told of it."""

    trouble: Trouble
    """As it was last seen; the worst of it, where it has several causes. Its `since` is the earliest that was seen."""
    first_at: datetime
    told: frozenset[str] = frozenset()
    """What was told of it, as `tellings` names it; empty: nothing."""
    gone_at: datetime | None = None
    """Since when it has not been seen any more; None: it was there at the last look."""
    others: tuple[Trouble, ...] = ()
    news_at: datetime | None = None
    """Since when there is something of it that was not told, without a break."""
    beside: frozenset[Key] = frozenset()
    """Troubles that may hide it, and did not when it was last seen."""
    last_told: Trouble | None = None
    """As the last message described it; its end is told of that, not of a cause that nobody was told."""

    @property
    def tellings(self) -> frozenset[str]:
        """What there is to tell of it: each cause, under a short name, and that it is an alarm."""
        now = (self.trouble, *self.others)
        worst = {"!"} if any(each.severity is Severity.ALARM for each in now) else set()
        return frozenset({f"{each.code}/{each.cause}" for each in now} | worst)


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


PASSING = frozenset(
    {
        Code.SERVER_FAILING,
        Code.SERVER_WAITING,
        Code.MAILBOXES_FAILING,
        Code.ENTRIES_RETRIED,
        Code.STORE_UNREACHABLE,
        Code.WEB_SILENT,
        Code.WORKER_SILENT,
    }
)
"""Troubles that a restart or a short cut bring about: worth a message only when they last."""

HIDDEN_BY: Mapping[Code, frozenset[Code]] = {
    Code.CHANGES_LATE: frozenset(
        {
            Code.STORE_BEHIND,
            Code.MUST_ADOPT,
            Code.MARKER_UNUSABLE,
            Code.UNINSTALLED,
            Code.DRY_RUN,
            Code.SERVER_FAILING,
            Code.MAILBOXES_FAILING,
            Code.OTHER_INSTALLATION,
        }
    )
}
"""Troubles that are not told while one of some others is, as that one explains them: they are not over."""


def _hiding(code: Code, present: Mapping[Key, Sequence[Trouble]]) -> frozenset[Key]:
    """Return which of the troubles that are seen may keep one from being seen."""
    if code in STORE_CODES or code is Code.DISK_LOW:
        return frozenset()
    hiding = STORE_CODES | HIDDEN_BY.get(code, frozenset())
    return frozenset(key for key, troubles in present.items() if any(each.code in hiding for each in troubles))


def look(memory: Memory, seen: Iterable[Trouble], now: datetime, timings: Timings) -> tuple[Memory, list[Message]]:
    """Take in what is wrong at a moment.

    Returns:
        the memory to go on with, and the messages due, each until `told` says that it was sent.

    """
    present: dict[Key, list[Trouble]] = {}
    for trouble in seen:
        present.setdefault(trouble.key, []).append(trouble)
    sights = dict(memory.sights)
    for key, troubles in present.items():
        beside = _hiding(troubles[0].code, present)
        sights[key] = replace(_seen(sights.get(key), troubles, now), beside=beside)
    for key in sights.keys() - present.keys():
        sight = sights[key]
        is_hidden = not _hiding(sight.trouble.code, present) <= sight.beside
        sights[key] = replace(sight, gone_at=None if is_hidden else sight.gone_at or now)
    # What went before anybody was told of it is nobody's concern any more.
    kept = {key: sight for key, sight in sights.items() if sight.told or not _is_over(sight, now, timings)}
    messages = [message for sight in kept.values() if (message := _message(sight, now, timings))]
    return replace(memory, sights=kept), messages


def _seen(known: Sight | None, troubles: Sequence[Trouble], now: datetime) -> Sight:
    worst, *others = sorted(troubles, key=lambda each: each.severity is not Severity.ALARM)
    moments = [each.since for each in (*troubles, *([known.trouble] if known else [])) if each.since]
    worst = replace(worst, since=min(moments, default=None))
    sight = Sight(worst, now) if known is None else replace(known, trouble=worst, gone_at=None)
    sight = replace(sight, others=tuple(others))
    news_at = (sight.news_at or now) if sight.tellings - sight.told else None
    return replace(sight, news_at=news_at)


def told(memory: Memory, message: Message) -> Memory:
    """Note that a message was sent."""
    key = message.trouble.key
    sights = dict(memory.sights)
    if message.kind is Kind.ENDED:
        sights.pop(key, None)
    elif key in sights:
        sight = sights[key]
        tellings = sight.told | sight.tellings
        sights[key] = replace(sight, told=tellings, news_at=None, last_told=message.trouble)
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
    if sight.gone_at is not None:
        is_due = bool(sight.told) and _is_over(sight, now, timings)
        ended = sight.last_told or sight.trouble
        return Message(Kind.ENDED, ended, sight.first_at, sight.gone_at) if is_due else None
    if sight.news_at is None:
        return None
    since = sight.news_at if sight.told else sight.first_at
    waits = timings.hold if sight.trouble.code in PASSING else timedelta()
    kind = Kind.CHANGED if sight.told else Kind.BEGUN
    return Message(kind, sight.trouble, sight.first_at, others=sight.others) if now - since >= waits else None


def _is_over(sight: Sight, now: datetime, timings: Timings) -> bool:
    return sight.gone_at is not None and now - sight.gone_at >= timings.calm
