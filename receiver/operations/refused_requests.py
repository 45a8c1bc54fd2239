"""What was refused, and until when that is shown.

Counted by the hour; of what is sent again anyhow, the last time is kept.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from receiver.core.refusal_reasons import (
    IGNORED,
    NOT_FOUND,
    NOT_UNDERSTOOD,
    SIGNED_ELSEWHERE,
    SIGNED_UNKNOWN,
    WRONG_SIGNATURE,
)
from receiver.store.counters import Figure

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
LATELY = timedelta(minutes=15)
"""How long a refusal for a while (503) is shown after the last one: the emitter sends the webhook again anyhow."""
TURNED_AWAY = "turned_away/"
"""How the figures begin that say when a webhook was last refused so, by source and reason."""
UNKNOWN_SOURCE = "?"
"""Stands for every address that no source has."""

_OF_STRANGERS = NOT_FOUND, SIGNED_UNKNOWN, SIGNED_ELSEWHERE

Hours = Sequence[tuple[datetime, int]]
"""When each hour began, the oldest first, and how many there were in it."""


@dataclass(frozen=True, slots=True)
class Refused:
    """What one source was refused, by reason."""

    counts: Mapping[str, int] = field(default_factory=dict)
    until: Mapping[str, datetime] = field(default_factory=dict)
    """Until when it is shown if no more comes."""


def is_for_a_while(reason: str) -> bool:
    """Whether a request is refused for the moment only, whatever it says."""
    return reason not in {WRONG_SIGNATURE, *_OF_STRANGERS, *NOT_UNDERSTOOD, *IGNORED}


def of_source(
    name: str,
    hours: Mapping[tuple[str, str], Hours],
    figures: Mapping[str, Figure],
    now: datetime,
    least_signatures: int,
) -> Refused:
    """Return what a source is refused, as shown at a moment.

    Args:
        name: the source.
        hours: what was refused within a day, by (source, reason).
        figures: the store's.
        now: the moment.
        least_signatures: so many wrong signatures are told at least.

    """
    counts: dict[str, int] = {}
    until: dict[str, datetime] = {}
    for (source, reason), some in hours.items():
        if source != name:
            continue
        if is_for_a_while(reason):
            last = figures.get(f"{TURNED_AWAY}{source}/{reason}")
            if last is None or now - last.taken_at >= LATELY:
                continue
            until[reason] = last.taken_at + LATELY
        else:
            until[reason] = _falls_below(least_signatures if reason == WRONG_SIGNATURE else 1, some)
        counts[reason] = _sum(some)
    return Refused(counts, until)


def to_unknown(hours: Mapping[tuple[str, str], Hours]) -> tuple[int, datetime | None]:
    """Return how many webhooks came for no source's address within a day, and until when that is told."""
    some = sorted((*hours.get((UNKNOWN_SOURCE, NOT_FOUND), ()), *hours.get((UNKNOWN_SOURCE, SIGNED_UNKNOWN), ())))
    return _sum(some), _falls_below(1, some) if some else None


def signed_to_unknown(hours: Mapping[tuple[str, str], Hours], least: int) -> tuple[int, datetime | None]:
    """Return how many of them were signed by no known secret, and until when `least` of them are counted."""
    some = hours.get((UNKNOWN_SOURCE, SIGNED_UNKNOWN), ())
    return _sum(some), _falls_below(least, some) if some else None


def misdirected(hours: Mapping[tuple[str, str], Hours]) -> tuple[int, datetime | None]:
    """Return how many requests that a known secret signed came for no source's address, and until when it is told."""
    some = hours.get((UNKNOWN_SOURCE, SIGNED_ELSEWHERE), ())
    return _sum(some), _falls_below(1, some) if some else None


def _falls_below(least: int, hours: Hours) -> datetime:
    """Return when fewer than `least` of some are counted any more: each hour goes as a whole, a day after its end."""
    left = _sum(hours)
    for began_at, count in hours:
        left -= count
        if left < least:
            return began_at + HOUR + DAY
    raise AssertionError("none are left in the end")


def _sum(hours: Iterable[tuple[datetime, int]]) -> int:
    return sum(count for _, count in hours)
