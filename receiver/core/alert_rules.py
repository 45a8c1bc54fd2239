"""When people are notified: of each trouble once, of each further cause, and of its end.

An alert that could not be sent is due again at the next check.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from enum import StrEnum

from receiver.core.troubles import STORE_CODES, Code, Severity, Trouble

Key = tuple[str, str]


class Kind(StrEnum):
    """What an alert says of its trouble."""

    BEGUN = "begun"
    CHANGED = "changed"
    """It continues, and has a cause that was not sent yet, or has become an alarm."""
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Alert:
    """One thing to send."""

    kind: Kind
    trouble: Trouble
    since: datetime
    """When the trouble was first seen."""
    ended_at: datetime | None = None
    """When it was first seen no more."""
    others: tuple[Trouble, ...] = ()
    """The same trouble, for other causes."""


@dataclass(frozen=True, slots=True)
class KnownTrouble:
    """A trouble that was seen, and what was sent of it to one recipient."""

    trouble: Trouble
    """As it was last seen; the worst of it, where it has several causes. Its `since` is the earliest that was seen."""
    first_at: datetime
    sent: frozenset[str] = frozenset()
    """What was sent of it, as `points` names it; empty: nothing."""
    gone_at: datetime | None = None
    """Since when it has not been seen any more; None: the last check saw it."""
    others: tuple[Trouble, ...] = ()
    unsent_since: datetime | None = None
    """Since when, without a break, it has had points that were not sent."""
    beside: frozenset[Key] = frozenset()
    """Troubles that may hide this one, and did not when it was last seen."""
    last_sent: Trouble | None = None
    """As the last alert described it. The message of its end repeats this: later causes were not sent."""

    @property
    def points(self) -> frozenset[str]:
        """The parts of a trouble that are sent once each: each cause, under a short name, and ``!`` for an alarm."""
        now = (self.trouble, *self.others)
        worst = {"!"} if any(each.severity is Severity.ALARM for each in now) else set()
        return frozenset({f"{each.code}/{each.cause}" for each in now} | worst)


@dataclass(frozen=True, slots=True)
class RecipientState:
    """What is remembered of one recipient between two checks."""

    troubles: Mapping[Key, KnownTrouble] = field(default_factory=dict)
    digest_on: date | None = None
    """The day of the last digest."""


@dataclass(frozen=True, slots=True)
class AlertTimings:
    """When alerts are due."""

    hold: timedelta = timedelta(minutes=5)
    """A trouble that may pass by itself is sent if it lasts for this time."""
    calm: timedelta = timedelta(minutes=5)
    """A trouble counts as over after this time without it: one that comes and goes is one trouble."""
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
"""Troubles that a restart or a short cut brings about: they are sent only when they last."""

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
"""Troubles that are not reported during some others, which explain them: they are not over."""


def _hiding(code: Code, present: Mapping[Key, Sequence[Trouble]]) -> frozenset[Key]:
    """Return which of the troubles that are seen may keep one from being seen."""
    if code in STORE_CODES or code is Code.DISK_LOW:
        return frozenset()
    hiding = STORE_CODES | HIDDEN_BY.get(code, frozenset())
    return frozenset(key for key, troubles in present.items() if any(each.code in hiding for each in troubles))


def update(
    state: RecipientState, seen: Iterable[Trouble], now: datetime, timings: AlertTimings
) -> tuple[RecipientState, list[Alert]]:
    """Take in the troubles of one moment.

    Returns:
        the state to go on with, and the alerts due: each stays due until `note_sent`.

    """
    present: dict[Key, list[Trouble]] = {}
    for trouble in seen:
        present.setdefault(trouble.key, []).append(trouble)
    known = dict(state.troubles)
    for key, troubles in present.items():
        beside = _hiding(troubles[0].code, present)
        known[key] = replace(_seen(known.get(key), troubles, now), beside=beside)
    for key in known.keys() - present.keys():
        each = known[key]
        is_hidden = not _hiding(each.trouble.code, present) <= each.beside
        known[key] = replace(each, gone_at=None if is_hidden else each.gone_at or now)
    # A trouble that ended before it was sent is forgotten.
    kept = {key: each for key, each in known.items() if each.sent or not _is_over(each, now, timings)}
    alerts = [alert for each in kept.values() if (alert := _alert(each, now, timings))]
    return replace(state, troubles=kept), alerts


def _seen(known: KnownTrouble | None, troubles: Sequence[Trouble], now: datetime) -> KnownTrouble:
    worst, *others = sorted(troubles, key=lambda each: each.severity is not Severity.ALARM)
    moments = [each.since for each in (*troubles, *([known.trouble] if known else [])) if each.since]
    worst = replace(worst, since=min(moments, default=None))
    known = KnownTrouble(worst, now) if known is None else replace(known, trouble=worst, gone_at=None)
    known = replace(known, others=tuple(others))
    return replace(known, unsent_since=(known.unsent_since or now) if known.points - known.sent else None)


def note_sent(state: RecipientState, alert: Alert) -> RecipientState:
    """Note that an alert was sent."""
    key = alert.trouble.key
    troubles = dict(state.troubles)
    if alert.kind is Kind.ENDED:
        troubles.pop(key, None)
    elif key in troubles:
        known = troubles[key]
        troubles[key] = replace(known, sent=known.sent | known.points, unsent_since=None, last_sent=alert.trouble)
    return replace(state, troubles=troubles)


def digest_is_due(state: RecipientState, local_now: datetime, is_working_day: bool, timings: AlertTimings) -> bool:
    """Whether the day's digest is to be sent. By the wall clock: a day without offices open has none."""
    if timings.digest_at is None or not is_working_day:
        return False
    return state.digest_on != local_now.date() and local_now.time() >= timings.digest_at


def note_digest_sent(state: RecipientState, local_now: datetime) -> RecipientState:
    """Note that the day's digest was sent."""
    return replace(state, digest_on=local_now.date())


def _alert(known: KnownTrouble, now: datetime, timings: AlertTimings) -> Alert | None:
    if known.gone_at is not None:
        is_due = bool(known.sent) and _is_over(known, now, timings)
        ended = known.last_sent or known.trouble
        return Alert(Kind.ENDED, ended, known.first_at, known.gone_at) if is_due else None
    if known.unsent_since is None:
        return None
    since = known.unsent_since if known.sent else known.first_at
    kind = Kind.CHANGED if known.sent else Kind.BEGUN
    # A cause may pass by itself, for instance while an operator puts a file back. A new alarm does not wait.
    is_another_cause = kind is Kind.CHANGED and not known.others and "!" not in known.points - known.sent
    hold = timings.hold if is_another_cause or known.trouble.code in PASSING else timedelta()
    return Alert(kind, known.trouble, known.first_at, others=known.others) if now - since >= hold else None


def _is_over(known: KnownTrouble, now: datetime, timings: AlertTimings) -> bool:
    return known.gone_at is not None and now - known.gone_at >= timings.calm
