"""What goes into the store and comes out of it, as frozen values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from pydantic import TypeAdapter

from receiver.core.facts import Delivery, Emitter, EventState
from receiver.core.mailboxes import Mailbox
from receiver.core.plan import Placement

FACTS: TypeAdapter[EventState] = TypeAdapter(EventState)


def read_facts(text: str | None) -> EventState | None:
    """Read the facts column."""
    return FACTS.validate_json(text) if text is not None else None


def write_facts(state: EventState | None) -> str | None:
    """Write the facts column."""
    return FACTS.dump_json(state).decode() if state is not None else None


@dataclass(frozen=True, slots=True)
class Installation:
    """Who we are: made once with the store."""

    id: str
    digest_key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Incoming:
    """A verified and decoded webhook on its way in."""

    id: str
    source: str
    platform: str
    emitter: Emitter
    digest: bytes
    """Keyed digest of the body: recognises a repeat, tells nothing."""
    delivery: Delivery


class Verdict(StrEnum):
    """What became of a webhook."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    SUPERSEDED = "superseded"
    TOO_OLD = "too_old"
    TOO_NEW = "too_new"


@dataclass(frozen=True, slots=True)
class Receipt:
    """The answer to an `Incoming`."""

    verdict: Verdict
    uid: str | None = None
    ambiguous: bool = False


@dataclass(frozen=True, slots=True)
class EventView:
    """An event whose placements may not agree with its facts."""

    uid: str
    source: str
    state: EventState | None
    """None: destroyed."""
    purged: bool
    emails: tuple[str | None, ...]
    """The newest e-mail of each of its agents."""
    held: Mapping[Mailbox, bool]
    """Mailboxes it has a placement in, and whether something of ours is or may be there."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What an event's placements should become."""

    wishes: Mapping[Mailbox, str | None]
    unmapped: int = 0
    forget: bool = False
    """Drop the record of what was placed and leave the calendars as they are."""


@dataclass(frozen=True, slots=True)
class WorkItem:
    """One placement that is due, with the facts to write."""

    placement: Placement
    event_id: int
    source: str
    delivery: str
    state: EventState | None


@dataclass(frozen=True, slots=True)
class MailboxWork:
    """What one worker has leased: a mailbox and the placements that are due in it."""

    mailbox_id: int
    mailbox: Mailbox
    lease: str
    attempts: int
    """Troubles of the mailbox in a row so far."""
    items: tuple[WorkItem, ...]


@dataclass(frozen=True, slots=True)
class Trouble:
    """A trouble of the mailbox as a whole, and until when to leave it alone."""

    code: str
    until: datetime
