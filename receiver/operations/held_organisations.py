"""Asks the platform to which organisation a RDV belongs if a webhook names another one than the known one.

A RDV in the platform's list exists, in the organisation that the list names. One that is not in the list may be hidden
from the account. So a list proves that a RDV moved or did not move, never that it is gone.
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
"""How many rows are read together."""
MOST = 4 * PAGE
"""How many RDVs are asked for in one run; the others follow in the next one."""
PAUSE_S = 2.0
"""Seconds between two requests."""

Pause = Callable[[float], bool]
"""Waits for a number of seconds; returns whether to stop."""


@dataclass(frozen=True, slots=True)
class Decisions:
    """The decisions of one run."""

    released: int = 0
    """The platform has the RDV where the webhook says."""
    dropped: int = 0
    """The platform has the RDV where it is known."""
    unanswered: int = 0
    """The RDV is not shown, or is in a third organisation, or there was no answer: an operator must decide."""
    last: int = 0
    """The number after which the next run continues; 0: at the beginning."""
    trouble: str | None = None
    """Why the platform did not answer."""


def open_api(settings: ApiSettings) -> Api:
    """Return a client without retries: after a refusal or a busy answer the next run asks again."""
    return Api(settings, attempts=1)


def is_asked(store: Store, source: Source) -> bool:
    """Whether a webhook waits that the platform of a source could decide on."""
    return next(_questions(store, source, 0), None) is not None


def ask_platform(store: Store, source: Source, api: Api, after: int, pause: Pause) -> Decisions:
    """Ask about the webhooks that wait from a number on, and decide by the platform's answers.

    Args:
        store: where it waits.
        source: a source with an API; the webhooks may have come to any source of its platform.
        api: the client.
        after: `last` of the run before.
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
    """Return the waiting webhooks about RDVs, by the RDV's number.

    A webhook that names its RDV only by uuid, or with another number, is left out: the API answers by number.
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
    """Return the organisation of each RDV that the account sees, and the code of why the asking stopped."""
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
    """Return whether the webhook is right; None: the platform does not say."""
    news, there = row.news, answers.get(_wire_id(row))
    if there is None or not isinstance(news, Delivery):
        return None
    if news.version.kind is EventKind.DESTROYED:
        return False if there in {news.organisation, row.organisation} else None  # it exists
    if there == news.organisation:
        return True
    return False if there == row.organisation else None


def _carry_out(store: Store, rows: Sequence[Waiting], do: Callable[[Sequence[int]], int]) -> int:
    """Decide on the webhooks that still wait: an operator may have decided meanwhile, or a number been reused."""
    still = {(each.id, each.delivery) for row in rows for each in store.read(set_aside.waiting, 1, row.id - 1)}
    ids = [row.id for row in rows if (row.id, row.delivery) in still]
    return do(ids) if ids else 0
