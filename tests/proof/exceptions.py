"""Where the order of arrival decides, and why it may: a checked table.

Every set of arrivals whose orders come to different ends must be explained by a reason that the set itself shows.
Every other set must end in the newest state, as this module says once more, by itself.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations

from receiver.core.facts import Emitter, EventKind
from tests.proof.judging import Arrival, Known, Orders, Set

DESTROYED = "destroyed"


@dataclass(frozen=True)
class Reason:
    """Why the order of arrival may decide."""

    name: str
    applies: Callable[[list[Arrival]], bool]
    """Whether a set of arrivals is such a case."""
    decides: frozenset[str]
    """What it may decide: names of `ENDS`."""


def shown(known: Known, by_name: Mapping[str, Arrival]) -> str:
    """Return what is shown: the newest state, `DESTROYED`, or nothing."""
    return DESTROYED if known.state and by_name[known.state].is_end else known.state


def _speaks_for_others(arrivals: list[Arrival]) -> bool:
    return len({each.authority for each in arrivals}) > 1


def _is_tied(arrivals: list[Arrival]) -> bool:
    """Whether only the arrival can tell which of two states of one emitter is the newer."""
    return any(_ties(one, other) for one in arrivals for other in arrivals)


def _ties(one: Arrival, other: Arrival) -> bool:
    if one is other or one.is_end or other.is_end or one.emitter is not other.emitter:
        return False
    return not _beats(one, other) and not _beats(other, one)


def _beats(one: Arrival, other: Arrival) -> bool:
    mine, its = one.delivery.version, other.delivery.version
    if mine.state_at != its.state_at:
        return mine.state_at > its.state_at
    if mine.occurred_at and its.occurred_at and mine.occurred_at != its.occurred_at:
        return mine.occurred_at > its.occurred_at
    return (mine.kind, its.kind) == (EventKind.UPDATED, EventKind.CREATED)


def _has_an_end(arrivals: list[Arrival]) -> bool:
    return any(each.is_end for each in arrivals)


ENDS = ("what is shown", "what is remembered of whom it belongs to", "what is set aside")

REASONS = (
    Reason(
        "Two states of one second: the later arrival counts, and the event is marked ambiguous if they differ",
        lambda arrivals: not _speaks_for_others(arrivals) and _is_tied(arrivals),
        frozenset(ENDS[:1]),
    ),
    Reason(
        "An end that came before anything else is remembered as that of an event that was never known, with its secret",
        lambda arrivals: not _speaks_for_others(arrivals) and _has_an_end(arrivals),
        frozenset(ENDS[1:2]),
    ),
    Reason(
        "Secrets of several organisations: who comes first has the number, or the absence; the end of an event that "
        "was never known stops its own organisation only",
        _speaks_for_others,
        frozenset(ENDS[:1]),
    ),
    Reason(
        "Secrets of several organisations: what others say is set aside for somebody to decide, and an absence is also "
        "theirs once they say the same",
        _speaks_for_others,
        frozenset(ENDS[1:]),
    ),
)

FORGOTTEN = (
    "Secrets of several organisations: an end that came before anything else is forgotten, with what it superseded, "
    "once another organisation has the number or the absence; what the first one says later is shown, until a re-sync "
    "or another end"
)


def newest(arrivals: list[Arrival]) -> set[str]:
    """Return what may be shown in the end, of arrivals that one authority sent. Several: only the arrival can tell."""
    own = [each for each in arrivals if each.emitter is Emitter.RDV_SERVICE_PUBLIC] or arrivals
    if not own:
        return {""}
    if _has_an_end(own):
        return {DESTROYED}
    last = max(each.delivery.version.state_at for each in own)
    latest = [each for each in own if each.delivery.version.state_at == last]
    unbeaten = [each for each in latest if not any(_beats(other, each) for other in latest)]
    return {each.name for each in (latest if _is_tied(latest) else unbeaten)}


def _newest_of_some(arrivals: list[Arrival], *, forgotten: bool) -> set[str]:
    """Return what may be shown in the end: the newest of what some of the authorities sent.

    With `forgotten`, also any state: what an end superseded is forgotten with it (`FORGOTTEN`).
    """
    authorities = {each.authority for each in arrivals}
    chosen = [some for count in range(1, len(authorities) + 1) for some in combinations(authorities, count)]
    sent = [[each for each in arrivals if each.authority in some] for some in chosen]
    alive = {each.name for each in arrivals if not each.is_end} if forgotten else set()
    return alive.union(*map(newest, sent)) if sent else {""}


@dataclass(frozen=True)
class Row:
    """One reason in one group of arrivals."""

    reason: str
    sets: int
    """Sets of arrivals whose end it lets the order decide."""
    example: str


@dataclass(frozen=True)
class Table:
    """What every order of a group of arrivals came to."""

    sets: int
    arrivals: int
    rows: tuple[Row, ...]
    unexplained: tuple[str, ...]
    """What contradicts the rules; nothing may."""

    @property
    def independent(self) -> int:
        """Sets whose end no order changes."""
        return self.sets - sum(row.sets for row in self.rows)


def table(pool: Iterable[Arrival], orders: Orders) -> Table:
    """Return the table of a group."""
    by_name = {each.name: each for each in pool}
    counted: dict[str, list[str]] = {}
    wrong = [*orders.restless, *orders.trespasses]
    for names, outcomes in orders.outcomes.items():
        arrivals = [by_name[name] for name in sorted(names)]
        ends = {shown(known, by_name) for known in outcomes}
        differing = _differing(outcomes, ends)
        reasons = [reason for reason in REASONS if reason.applies(arrivals) and reason.decides & differing]
        if differing - frozenset().union(*(reason.decides for reason in reasons)):
            wrong.append(f"{sorted(names)} ends in {sorted(map(str, outcomes))}")
        if not ends <= (
            allowed := _newest_of_some(arrivals, forgotten=_speaks_for_others(arrivals) and _has_an_end(arrivals))
        ):
            wrong.append(f"{sorted(names)} shows {sorted(ends)}, and not {sorted(allowed)}")
        if not ends <= _newest_of_some(arrivals, forgotten=False):
            counted.setdefault(FORGOTTEN, []).append(_example(names, ends, differing))
        elif reasons:
            counted.setdefault(reasons[0].name, []).append(_example(names, ends, differing))
    wrong += [
        f"{sorted(names)}: a repeat of {name} changes {before.state} to {after.state}"
        for names, repeats in orders.revived.items()
        for name, before, after in sorted(repeats)
        if not _may_be_revived([by_name[each] for each in names])
    ]
    rows = tuple(
        Row(name, len(cases), min(cases, key=lambda each: (len(each), each))) for name, cases in counted.items()
    )
    return Table(len(orders.outcomes), orders.arrivals, tuple(sorted(rows, key=lambda row: row.reason)), tuple(wrong))


def _differing(outcomes: set[Known], ends: set[str]) -> frozenset[str]:
    """Return what the order of arrival decided."""
    memory = {(known.organisation, known.tellers, known.never_known) for known in outcomes}
    waiting = {known.waits for known in outcomes}
    counts = len(ends), len(memory), len(waiting)
    return frozenset(name for name, count in zip(ENDS, counts, strict=True) if count > 1)


def _may_be_revived(arrivals: list[Arrival]) -> bool:
    return _is_tied(arrivals) or _speaks_for_others(arrivals)


def _example(names: Set, ends: set[str], differing: frozenset[str]) -> str:
    told = "; ".join(f"*{name}*" for name in sorted(names))
    if ENDS[0] in differing:
        return f"{told}: shows " + " or ".join(f"*{end}*" for end in sorted(ends))
    return f"{told}: " + ", ".join(sorted(differing))
