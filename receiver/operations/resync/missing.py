"""Events that a resync did not bring: asks the platform, one by one, whether they are gone.

`destroyed` is final, so an object that may only be hidden from the account does not count as gone:

- an absence is gone if the platform itself says so (a 404 with the platform's own text, not a proxy's page);
- a RDV can only be looked up in a list. It is gone if the list, filtered by its id, is empty twice, while the account
sees RDVs of the same motif in the same organisation (these two decide who may see a RDV), among them all that were just
sent, as these certainly exist;
- a plage d'ouverture cannot be read at all: it stays, and is reported.
"""

import secrets
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from receiver.config import Source
from receiver.core.digests import delivery_digest
from receiver.core.facts import Delivery, EventKind, Model, Version
from receiver.operations.resync.platform_api import PAGE, Api, Existence
from receiver.operations.resync.platform_http import RestError
from receiver.operations.rules import FREE_REMOVALS, FREE_SHARE
from receiver.store import Incoming, Store, Verdict
from receiver.store.intake import judge_batch
from receiver.store.tools import resync
from receiver.store.tools.resync import HeldEvent, Scope

WITNESSES = 5
"""How many RDVs of a kind that certainly exist are looked up beside those in doubt."""
FAILURES_ALLOWED = 3
"""After this number of consecutive requests without an answer the others are not sent."""
AT_ONCE = 200

Kind = tuple[int | None, str | None]
"""Organisation and motif of a RDV."""


class Finding(StrEnum):
    """What was found out about an event."""

    GONE = "gone"
    EXISTS = "exists"
    """The event exists, though it was not sent again."""
    FORBIDDEN = "forbidden"
    """The platform says that it exists, but the account may not see it."""
    HIDDEN = "hidden"
    """The account does not see all RDVs of its kind."""
    UNREADABLE = "unreadable"
    """The API has no way to ask for it."""
    UNANSWERED = "unanswered"


@dataclass(frozen=True, slots=True)
class Judged:
    """An event and what was found out about it."""

    event: HeldEvent
    finding: Finding
    trouble: str | None = None
    """Why there was no answer."""


@dataclass(frozen=True, slots=True)
class Removal:
    """The result of removing the events that are gone."""

    removed: tuple[HeldEvent, ...] = ()
    held: int = 0
    """The number of removals, if it is too high without a confirmation."""


def judge(
    api: Api, store: Store, source: str, events: Sequence[HeldEvent], since: datetime, done: Callable[[], None]
) -> list[Judged]:
    """Find out about events that the resync did not bring; `done` is called after each."""
    by_model = {model: [each for each in events if each.model is model] for model in Model}
    found: list[Judged] = []
    for judged in (
        *_rdvs(api, store, source, by_model[Model.RDV], since),
        *_absences(api, by_model[Model.ABSENCE]),
        *(Judged(each, Finding.UNREADABLE) for each in by_model[Model.PLAGE_OUVERTURE]),
    ):
        found.append(judged)
        done()
    return found


def _absences(api: Api, events: Iterable[HeldEvent]) -> Iterator[Judged]:
    failures, trouble = 0, ""
    for event in events:
        if failures == FAILURES_ALLOWED:
            yield Judged(event, Finding.UNANSWERED, trouble)
            continue
        try:
            standing = api.absence(event.wire_id)
        except RestError as error:
            yield _unanswered(event, error.code)
            failures, trouble = (0 if error.code == "forbidden" else failures + 1), error.code
        else:
            failures = 0
            yield Judged(event, Finding.GONE if standing is Existence.GONE else Finding.EXISTS)


def _unanswered(event: HeldEvent, code: str) -> Judged:
    return Judged(event, Finding.FORBIDDEN) if code == "forbidden" else Judged(event, Finding.UNANSWERED, code)


def _rdvs(api: Api, store: Store, source: str, events: Sequence[HeldEvent], since: datetime) -> Iterator[Judged]:
    witnesses = store.read(resync.witnesses, source, {_kind(event) for event in events}, since, WITNESSES)
    try:
        visible = _visible(api, [*events, *witnesses])
    except RestError as error:
        yield from (_unanswered(event, error.code) for event in events)
        return
    hidden = {_kind(each) for each in witnesses if each.wire_id not in visible}
    shown = {_kind(each) for each in [*events, *witnesses] if each.wire_id in visible} - hidden
    for event in events:
        if event.wire_id in visible:
            yield Judged(event, Finding.EXISTS)
        elif event.organisation is None or _kind(event) not in shown:
            yield Judged(event, Finding.HIDDEN)
        else:
            yield _asked_alone(api, event)


def _kind(event: HeldEvent) -> Kind:
    return event.organisation, event.motif


def _visible(api: Api, events: Sequence[HeldEvent]) -> frozenset[int]:
    ids = sorted({event.wire_id for event in events})
    pages = (ids[start : start + PAGE] for start in range(0, len(ids), PAGE))
    return frozenset(ident for page in pages for ident in api.rdvs_among(page))


def _asked_alone(api: Api, event: HeldEvent) -> Judged:
    try:
        there = api.rdvs_among([event.wire_id])
    except RestError as error:
        return _unanswered(event, error.code)
    return Judged(event, Finding.EXISTS if there else Finding.GONE)


def may_go(count: int, live: int) -> bool:
    """Return whether a number of removals needs no confirmation."""
    return count <= max(FREE_REMOVALS, live * FREE_SHARE)


def remove(
    store: Store, source: Source, judged: Iterable[Judged], scope: Scope, since: datetime, *, force: bool
) -> Removal:
    """Remove what is gone from the record, as its webhook would have done. The worker removes the entries.

    An event stays if a webhook about it came meanwhile.
    """
    store.judge_all(store.now())  # such a webhook may wait in the inbox
    not_sent = {event.event_id for event in store.read(resync.not_sent, scope, since)}
    gone = [each.event for each in judged if each.finding is Finding.GONE and each.event.event_id in not_sent]
    if not force and not may_go(len(gone), store.read(resync.count_live, scope)):
        return Removal(held=len(gone))
    removed: list[HeldEvent] = []
    for start in range(0, len(gone), AT_ONCE):
        removed += _accept(store, source, gone[start : start + AT_ONCE])
    return Removal(tuple(removed))


def _accept(store: Store, source: Source, gone: Sequence[HeldEvent]) -> list[HeldEvent]:
    now, key = store.now(), store.installation().digest_key
    receipts = store.write(judge_batch.take, [_destroyed(source, event, now, key) for event in gone], now)
    return [event for event, receipt in zip(gone, receipts, strict=True) if receipt.verdict is Verdict.ACCEPTED]


def _destroyed(source: Source, event: HeldEvent, now: datetime, digest_key: bytes) -> Incoming:
    """Return the webhook that would have reported the destruction.

    Its digest is made of the event and its version, and differs from that of any body. A second run makes a repeat.
    """
    digest = delivery_digest(digest_key, b"resync gone " + event.uid.encode())
    news = Delivery(
        model=event.model,
        wire_id=event.wire_id,
        uuid=event.uuid,
        organisation=event.organisation,
        version=Version(EventKind.DESTROYED, now),
        purge=False,
        state=None,
    )
    return Incoming(secrets.token_hex(16), source.name, source.platform, source.emitter, digest, news, now)


def counts(judged: Iterable[Judged]) -> dict[Finding, int]:
    """Return the number of events by finding."""
    found = Counter(each.finding for each in judged)
    return {finding: found[finding] for finding in Finding}
