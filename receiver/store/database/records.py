"""The values that go into the store and come out of it, frozen."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import RowMapping

from receiver.core.facts import AgentNews, Delivery, Emitter, EventState, News, RoleNews
from receiver.core.mailboxes import Mailbox
from receiver.core.plan import Placement
from receiver.core.scope import Authority

FACTS: TypeAdapter[EventState] = TypeAdapter(EventState)


def read_facts(text: str | None) -> EventState | None:
    """Read the facts column."""
    return FACTS.validate_json(text) if text is not None else None


def write_facts(state: EventState | None) -> str | None:
    """Write the facts column."""
    return FACTS.dump_json(state).decode() if state is not None else None


@dataclass(frozen=True, slots=True)
class Installation:
    """The installation's identity, made once with the store."""

    id: str
    digest_key: bytes = field(repr=False)
    must_adopt: bool = False
    """The record may be older than the calendars, so they must be read before anything is written."""
    uninstalled_at: datetime | None = None
    """Since when every entry is being removed for good."""
    counter: int = 0
    """Batches of work that were claimed."""

    @property
    def may_write(self) -> bool:
        """Whether entries may be written."""
        return not self.must_adopt and self.uninstalled_at is None


@dataclass(frozen=True, slots=True)
class Incoming:
    """A verified and decoded webhook on its way in."""

    id: str
    source: str
    platform: str
    emitter: Emitter
    digest: bytes
    """Keyed digest of the body: it identifies a repeat and reveals nothing."""
    news: News
    received_at: datetime
    authority: Authority | None = None
    """The authority of its signature; None: it is our own finding, or an older program kept it; it is not checked."""
    signed_by: str = ""
    """Short names of the secrets that signed it."""
    released: bool = False
    """An operator accepted it, whatever would have set it aside."""
    held: bool = False
    """It was held for its removals and waits for an operator: the passing of time does not decide it."""


class Verdict(StrEnum):
    """What became of a webhook."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    SUPERSEDED = "superseded"
    OUT_OF_SCOPE = "out_of_scope"
    """It speaks for another organisation than the event's: set aside, and nothing changed."""
    HELD = "held"
    """It would remove more entries than is allowed without a confirmation: set aside, and nothing changed."""


class Reason(StrEnum):
    """Why a webhook waits for a decision."""

    SCOPE = "scope"
    REMOVAL = "removal"
    CANCELLATION = "cancellation"
    """The webhook was accepted; its entry is shown as cancelled instead of being removed."""


@dataclass(frozen=True, slots=True)
class Aside:
    """The part of a webhook that is set aside."""

    reason: Reason
    news: News
    event: Any = None
    """The event that it concerns; its `id` is set before this is written. None: news of an agent."""
    organisation: int | None = None
    """The organisation that the event belongs to."""
    entries: int = 0
    """Number of entries that it would remove."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """The answer to an `Incoming`."""

    verdict: Verdict
    uid: str | None = None
    ambiguous: bool = False
    asides: tuple[Aside, ...] = ()


@dataclass(frozen=True, slots=True)
class WorkItem:
    """One placement that is due, with the facts to write."""

    placement: Placement
    event_id: int
    source: str
    delivery: str
    state: EventState | None


@dataclass(frozen=True, slots=True)
class Recorded:
    """One placement with the facts that its content is made from."""

    placement: Placement
    source: str
    state: EventState | None
    settled: bool
    """Whether the placement agrees with the newest facts and rules."""


@dataclass(frozen=True, slots=True)
class EventStanding:
    """What is known of an event that has no placement in a mailbox."""

    source: str
    purged: bool
    settled: bool
    items: frozenset[str] = frozenset()
    """Recorded ids of its items in other mailboxes: one of these may be this mailbox under another address."""


@dataclass(frozen=True, slots=True)
class MailboxWork:
    """A mailbox that a worker has leased, and the placements that are due in it."""

    mailbox_id: int
    mailbox: Mailbox
    lease: str
    attempts: int
    """Consecutive troubles of the mailbox so far."""
    identified: bool
    """Whether the server was asked for the mailbox's primary address."""
    items: tuple[WorkItem, ...]
    known: bool = True
    """Whether the server knows the mailbox, by its last answer."""
    conflicts_checked: bool = True
    """Whether the mailbox was checked for entries of other installations."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """A trouble of the whole mailbox, and until when nothing is sent to it."""

    code: str
    until: datetime
    installation: str | None = None
    """The installation whose entries block it."""


@dataclass(frozen=True, slots=True)
class ComingAgent:
    """An agent who has coming events."""

    platform: str
    ident: str
    email: str
    events: int


_SORTS: dict[str, type[News]] = {"event": Delivery, "agent": AgentNews, "role": RoleNews}
_SORT_OF = {kind: sort for sort, kind in _SORTS.items()}
_FORMATS: dict[str, TypeAdapter[News]] = {sort: TypeAdapter(kind) for sort, kind in _SORTS.items()}


def write_news(news: News) -> tuple[str, str]:
    """Write the columns `sort` and `news`."""
    sort = _SORT_OF[type(news)]
    return sort, _FORMATS[sort].dump_json(news).decode()


def read_news(sort: str, text: str) -> News:
    """Read what `write_news` returned."""
    return _FORMATS[sort].validate_json(text)


def incoming_of(row: RowMapping, *, released: bool = False, held: bool = False) -> Incoming:
    """Read a row of the inbox, or of what was set aside."""
    return Incoming(
        row["delivery"],
        row["source"],
        row["platform"],
        Emitter(row["emitter"]),
        row["digest"],
        read_news(row["sort"], row["news"]),
        row["received_at"],
        Authority.read(row["authority"]) if row["authority"] is not None else None,
        row["signed_by"] or "",
        released,
        held,
    )
