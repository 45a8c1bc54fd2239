"""Refused requests, and until when they are shown.

Refusals are counted by the hour. For temporary refusals only the last time is kept.
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
"""How long a temporary refusal (503) is shown after the last one: the emitter sends the webhook again."""
TURNED_AWAY = "turned_away/"
"""Prefix of the figures for the last temporary refusal, by source and reason."""
UNKNOWN_SOURCE = "?"
"""Stands for every address that no source has."""

_OF_STRANGERS = NOT_FOUND, SIGNED_UNKNOWN, SIGNED_ELSEWHERE

Hours = Sequence[tuple[datetime, int]]
"""The beginning of each hour, the oldest first, with the number of refusals in it."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The refused requests of one source, by reason."""

    counts: Mapping[str, int] = field(default_factory=dict)
    until: Mapping[str, datetime] = field(default_factory=dict)
    """Until when they are shown if no more come."""


def is_for_a_while(reason: str) -> bool:
    """Whether a refusal is temporary and independent of the request's content."""
    return reason not in {WRONG_SIGNATURE, *_OF_STRANGERS, *NOT_UNDERSTOOD, *IGNORED}


def of_source(
    name: str,
    hours: Mapping[tuple[str, str], Hours],
    figures: Mapping[str, Figure],
    now: datetime,
    least_signatures: int,
) -> Refused:
    """Return the refused requests of a source, as shown at a moment.

    Args:
        name: the source.
        hours: the refusals within a day, by (source, reason).
        figures: the store's.
        now: the moment.
        least_signatures: wrong signatures are shown from this number on.

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
    """Return how many webhooks came to addresses that no source has within a day, and until when that is shown."""
    some = sorted((*hours.get((UNKNOWN_SOURCE, NOT_FOUND), ()), *hours.get((UNKNOWN_SOURCE, SIGNED_UNKNOWN), ())))
    return _sum(some), _falls_below(1, some) if some else None


def signed_to_unknown(hours: Mapping[tuple[str, str], Hours], least: int) -> tuple[int, datetime | None]:
    """Return how many of them no known secret signed, and until when at least `least` of them count."""
    some = hours.get((UNKNOWN_SOURCE, SIGNED_UNKNOWN), ())
    return _sum(some), _falls_below(least, some) if some else None


def misdirected(hours: Mapping[tuple[str, str], Hours]) -> tuple[int, datetime | None]:
    """Return how many requests with a known signature came to unknown addresses, and until when that is shown."""
    some = hours.get((UNKNOWN_SOURCE, SIGNED_ELSEWHERE), ())
    return _sum(some), _falls_below(1, some) if some else None


def _falls_below(least: int, hours: Hours) -> datetime:
    """Return when fewer than `least` of them will count: each hour is dropped as a whole, a day after its end."""
    left = _sum(hours)
    for began_at, count in hours:
        left -= count
        if left < least:
            return began_at + HOUR + DAY
    raise AssertionError("none are left in the end")


def _sum(hours: Iterable[tuple[datetime, int]]) -> int:
    return sum(count for _, count in hours)
