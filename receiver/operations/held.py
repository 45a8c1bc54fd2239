"""Held webhooks: listed, applied or dropped. Each decision is logged, with who made it."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from receiver import logs
from receiver.config import Settings, place_of, signing_keys
from receiver.core.digests import secret_tag
from receiver.core.facts import AgentNews, Delivery, event_uid
from receiver.store import Store
from receiver.store.database.records import Reason
from receiver.store.intake import judge_batch, set_aside
from receiver.store.intake.set_aside import Waiting, Wanted

log = logs.get("operations")

PAGE = 500
AT_ONCE = 100
"""How many decisions one line of the log covers."""


class Decision(StrEnum):
    """A decision on held webhooks."""

    RELEASE = "release"
    """The webhook is accepted, whatever set it aside."""
    DROP = "drop"
    """The webhook is dropped for good."""


@dataclass(frozen=True, slots=True)
class Held:
    """One webhook that waits, without the content of an appointment and without anything of an usager."""

    number: int
    since: datetime
    reason: Reason
    source: str
    secrets: tuple[str, ...]
    """Short names of the secrets that signed it."""
    places: tuple[str, ...]
    """Where these secrets stand in the configuration; the short name of one that is not there any more."""
    model: str
    kind: str
    """``created``, ``updated`` or ``destroyed``."""
    uid: str | None
    """Uid of the event; None: the webhook is about an agent."""
    event_number: int | None
    """The event's number at the emitter, by which people find it there; None: no number, or no event."""
    agent: str | None
    """The agent's number at the emitter; None: the webhook is about an event."""
    email: str | None
    """The agent's new e-mail, which the decision is about; None: the webhook has none."""
    organisation: int | None
    """The organisation that the event belongs to, as far as that is known."""
    claimed: int | None
    """The organisation that the webhook speaks for."""
    entries: int
    """The number of entries that it would remove."""


@dataclass(frozen=True, slots=True)
class Places:
    """The places of secrets in the configuration."""

    known: Mapping[tuple[str, str], str]
    """Places by source and short name: two sources may share a secret."""

    def of(self, source: str, signed_by: str) -> tuple[str, ...]:
        """Return the places of the secrets that signed; the short name of one that is no longer configured."""
        return tuple(self.known.get((source, tag), tag) for tag in tags(signed_by))


def tags(signed_by: str) -> tuple[str, ...]:
    """Return the short names of the secrets that signed."""
    return tuple(tag for tag in signed_by.split(",") if tag)


def places(settings: Settings, digest_key: bytes) -> Places:
    """Return the place of each secret."""
    known = {
        (source.name, secret_tag(digest_key, key.text)): place_of(source.name, key.position)
        for source in settings.sources.values()
        for key in signing_keys(source)
    }
    return Places(known)


def describe(waiting: Waiting, known: Places) -> Held:
    """Return what a waiting webhook is about.

    Args:
        waiting: as the store has it.
        known: where each secret stands, from `places`.

    """
    news = waiting.news
    agent = None if isinstance(news, Delivery) else news.agent
    return Held(
        number=waiting.id,
        since=waiting.since,
        reason=waiting.reason,
        source=waiting.source,
        secrets=tags(waiting.signed_by),
        places=known.of(waiting.source, waiting.signed_by),
        model=waiting.model,
        kind=news.version.kind,
        uid=waiting.uid or (event_uid(waiting.platform, news) if isinstance(news, Delivery) else None),
        event_number=news.wire_id if isinstance(news, Delivery) else None,
        agent=agent.ident if agent else None,
        email=news.agent.email if isinstance(news, AgentNews) else None,
        organisation=waiting.organisation,
        claimed=news.organisation,
        entries=waiting.entries,
    )


def walk(store: Store, wanted: Wanted) -> Iterator[Waiting]:
    """Yield the waiting webhooks that match, the oldest first."""
    after = 0
    while some := store.read(set_aside.waiting, PAGE, after, wanted):
        yield from some
        after = some[-1].id


def decide(store: Store, decision: Decision, numbers: Collection[int], by: str) -> int:
    """Apply or drop webhooks; return how many of them still waited.

    Args:
        store: where they wait.
        decision: whether to apply or to drop.
        numbers: which webhooks.
        by: who decided; it goes into the log.

    Raises:
        StoreUnavailable: the decisions before are in the log.

    """
    done = 0
    ordered = sorted(set(numbers))
    for begin in range(0, len(ordered), AT_ONCE):
        some = ordered[begin : begin + AT_ONCE]
        release = decision is Decision.RELEASE
        count = store.write(judge_batch.release, some, store.now()) if release else store.write(set_aside.drop, some)
        event = "held_released" if release else "held_dropped"
        log.info(event, by=by, count=count, numbers=",".join(map(str, some)))
        done += count
    return done
