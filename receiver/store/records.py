"""What goes into the store and comes out of it, as frozen values."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from pydantic import TypeAdapter

from receiver.core.facts import Emitter, EventState, News
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
    must_adopt: bool = False
    """The record may be older than the calendars: they are read before anything is written."""
    uninstalled_at: datetime | None = None
    """Since when every entry is being taken out, for good."""

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
    """Keyed digest of the body: recognises a repeat, tells nothing."""
    news: News
    received_at: datetime


class Verdict(StrEnum):
    """What became of a webhook."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    SUPERSEDED = "superseded"


@dataclass(frozen=True, slots=True)
class Receipt:
    """The answer to an `Incoming`."""

    verdict: Verdict
    uid: str | None = None
    ambiguous: bool = False


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
    identified: bool
    """Whether the server has told which mailbox the address is."""
    items: tuple[WorkItem, ...]
    known: bool = True
    """Whether the server knows the mailbox, as far as anybody was told."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """A trouble of the mailbox as a whole, and until when to leave it alone."""

    code: str
    until: datetime


@dataclass(frozen=True, slots=True)
class ComingAgent:
    """An agent who has events to come."""

    platform: str
    ident: str
    email: str
    events: int
