"""Asks the platform to which organisation a RDV belongs, where a webhook names another one than is known.

What a list shows exists, in the organisation that it names; what it does not show may be hidden from the account. So a
list confirms that a RDV moved, or that it did not; it never confirms that one is gone.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from receiver.config import ApiSettings, Source
from receiver.core.facts import Delivery, EventKind, Model
from receiver.operations.resync.platform_api import PAGE, Api
from receiver.operations.resync.platform_http import RestError
from receiver.store import Store
from receiver.store.database.records import Reason
from receiver.store.intake import judge_batch, set_aside
from receiver.store.intake.set_aside import Waiting

AT_ONCE = 500
"""So many rows are read together."""
MOST = 4 * PAGE
"""So many RDVs are asked for at once, the others the next time."""
PAUSE_S = 2.0
"""Between two requests."""

Pause = Callable[[float], bool]
"""Waits so many seconds; returns whether to stop."""


@dataclass(frozen=True, slots=True)
class Decisions:
    """What was decided at once."""

    released: int = 0
    """The platform has the RDV where the webhook says."""
    dropped: int = 0
    """The platform has the RDV where it is known."""
    unanswered: int = 0
    """It is not shown, or in a third organisation, or there was no answer: an operator must decide."""
    last: int = 0
    """The number after which to go on the next time; 0: at the beginning."""
    trouble: str | None = None
    """Why the platform did not answer."""


def open_api(settings: ApiSettings) -> Api:
    """Return a client that asks once: a server that is busy, or refuses, is left alone until the next time."""
    return Api(settings, attempts=1)


def is_asked(store: Store, source: Source) -> bool:
    """Whether anything waits that the platform behind a source could decide."""
    return next(_questions(store, source, 0), None) is not None


def ask_platform(store: Store, source: Source, api: Api, after: int, pause: Pause) -> Decisions:
    """Ask about what waits from a number on, and decide what the platform answers.

    Args:
        store: where it waits.
        source: one that has an API; what waits may have come to any source of its platform.
        api: asks.
        after: `last` of the look before.
        pause: waits between two requests.

    """
    asked: list[Waiting] = []
    wire_ids: set[int] = set()
    for each in _questions(store, source, after):
        wire_ids.add(_wire_id(each))
        if len(wire_ids) > MOST:
            break
        asked.append(each)
    is_all = len(wire_ids) <= MOST
    answers, trouble = _answers(api, sorted({_wire_id(each) for each in asked}), pause)
    found = [(each, _decides(each, answers)) for each in asked]
    last = 0 if is_all or trouble else asked[-1].id
    released = _carry_out(
        store,
        [each for each, holds in found if holds is True],
        lambda ids: store.write(judge_batch.release, ids, store.now()),
    )
    dropped = _carry_out(
        store, [each for each, holds in found if holds is False], lambda ids: store.write(set_aside.drop, ids)
    )
    return Decisions(released, dropped, sum(holds is None for _, holds in found), last, trouble)


def _questions(store: Store, source: Source, after: int) -> Iterator[Waiting]:
    """Return what waits and is news of a RDV, by the RDV's number.

    One that names the RDV by its uuid alone, or beside another number, is no question that a number answers.
    """
    while rows := store.read(set_aside.waiting, AT_ONCE, after):
        for row in rows:
            if row.reason is Reason.SCOPE and row.platform == source.platform and _is_rdv_by_number(row):
                yield row
        after = rows[-1].id


def _is_rdv_by_number(row: Waiting) -> bool:
    news = row.news
    if not isinstance(news, Delivery) or news.model is not Model.RDV:
        return False
    return row.wire_id is not None and row.wire_id == news.wire_id


def _wire_id(row: Waiting) -> int:
    if row.wire_id is None:
        raise AssertionError("a question has a number")
    return row.wire_id


def _answers(api: Api, wire_ids: Sequence[int], pause: Pause) -> tuple[Mapping[int, int | None], str | None]:
    """Return the organisation of each RDV that the account sees, and why others were not asked for."""
    answers: dict[int, int | None] = {}
    for start in range(0, len(wire_ids), PAGE):
        if start and pause(PAUSE_S):
            return answers, "interrupted"
        try:
            answers |= api.organisations_of(wire_ids[start : start + PAGE])
        except RestError as error:
            return answers, error.code
    return answers, None


def _decides(row: Waiting, answers: Mapping[int, int | None]) -> bool | None:
    """Say whether what waits holds; None: the platform does not say."""
    news, there = row.news, answers.get(_wire_id(row))
    if there is None or not isinstance(news, Delivery):
        return None
    if news.version.kind is EventKind.DESTROYED:
        return False if there in {news.organisation, row.organisation} else None  # it exists
    if there == news.organisation:
        return True
    return False if there == row.organisation else None


def _carry_out(store: Store, rows: Sequence[Waiting], do: Callable[[Sequence[int]], int]) -> int:
    """Decide on what still waits. Meanwhile an operator may have decided, and a number been used again."""
    still = {(each.id, each.delivery) for row in rows for each in store.read(set_aside.waiting, 1, row.id - 1)}
    ids = [row.id for row in rows if (row.id, row.delivery) in still]
    return do(ids) if ids else 0
