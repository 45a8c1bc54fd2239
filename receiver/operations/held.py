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
"""So many are decided before a line of the log says so."""


class Decision(StrEnum):
    """A decision."""

    RELEASE = "release"
    """It is taken in, whatever set it aside."""
    DROP = "drop"
    """It changes nothing, for good."""


@dataclass(frozen=True, slots=True)
class Held:
    """One webhook that waits. Nothing of an appointment, nothing of an usager."""

    number: int
    since: datetime
    reason: Reason
    source: str
    secrets: tuple[str, ...]
    """Short names of the secrets that signed it."""
    places: tuple[str, ...]
    """Where they stand in the configuration; the short name of one that stands there no more."""
    model: str
    kind: str
    """``created``, ``updated`` or ``destroyed``."""
    uid: str | None
    """The event; None: it is news of an agent."""
    event_number: int | None
    """The event's at the emitter, by which people find it there; None: it has none, or it is news of an agent."""
    agent: str | None
    """The agent's number at the emitter; None: it is news of an event."""
    email: str | None
    """The e-mail that the agent would have from now on, which the decision is about; None: it has none."""
    organisation: int | None
    """To which the event belongs, as far as that is known."""
    claimed: int | None
    """The one for which the webhook speaks."""
    entries: int
    """So many entries it would take out."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where secrets stand in the configuration."""

    known: Mapping[tuple[str, str], str]
    """By source and short name: two sources may share a secret."""

    def of(self, source: str, signed_by: str) -> tuple[str, ...]:
        """Return the places of the secrets that signed; of one that is configured no more its short name."""
        return tuple(self.known.get((source, tag), tag) for tag in tags(signed_by))


def tags(signed_by: str) -> tuple[str, ...]:
    """Return the short names of the secrets that signed."""
    return tuple(tag for tag in signed_by.split(",") if tag)


def places(settings: Settings, digest_key: bytes) -> Places:
    """Return where each secret stands."""
    known = {
        (source.name, secret_tag(digest_key, key.text)): place_of(source.name, key.position)
        for source in settings.sources.values()
        for key in signing_keys(source)
    }
    return Places(known)


def describe(waiting: Waiting, known: Places) -> Held:
    """Say what waits.

    Args:
        waiting: as the store has it.
        known: where each secret stands, as `places` tells.

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
    """Yield all that waits and is meant, the first first."""
    after = 0
    while some := store.read(set_aside.waiting, PAGE, after, wanted):
        yield from some
        after = some[-1].id


def decide(store: Store, decision: Decision, numbers: Collection[int], by: str) -> int:
    """Apply or drop what waits; return how many still waited.

    Args:
        store: where it waits.
        decision: which of the two.
        numbers: of what.
        by: who decided; it goes into the log.

    Raises:
        StoreUnavailable: what was decided before stands in the log.

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
