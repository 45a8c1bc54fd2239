"""Desired state: in which mailboxes an event should have an entry, and with which content."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from receiver.core.facts import EventState
from receiver.core.mailboxes import Mailbox, MailboxMap, Unplaced


@dataclass(frozen=True, slots=True)
class AgentView:
    """What is known of one agent of an event."""

    email: str | None
    former_email: str | None = None
    """The last real address of an agent who left the platform."""
    roles_gone_at: datetime | None = None
    """When the agent lost the last role in an organisation; None: no such loss is known."""


@dataclass(frozen=True, slots=True)
class EventView:
    """What `Ruleset.compute_desired` needs to know of one event."""

    uid: str
    source: str
    state_at: datetime
    state: EventState | None
    """None: destroyed."""
    purged: bool
    agents: tuple[AgentView, ...]
    held: Mapping[Mailbox, bool]
    """Mailbox of each placement -> whether an entry of ours is there, or may be."""
    aliases: Mapping[Mailbox, Mailbox] = field(default_factory=dict)
    """Address -> the primary address of the same mailbox, as the server reported it."""


@dataclass(frozen=True, slots=True)
class Decision:
    """The desired state of one event."""

    digests: Mapping[Mailbox, str | None]
    """Mailbox -> digest of its entry; None: no entry. A mailbox that is absent stays as it is."""
    unmapped: int = 0
    """How many of the event's agents have an e-mail that nothing maps."""
    forget: bool = False
    """Delete the placements and leave the calendars as they are."""
    failure: str | None = None
    """Code of why the event cannot be shown at all."""
    state: EventState | None = None
    """The redacted facts, where policies allow less than the store holds; None: the stored facts stay."""


@dataclass(frozen=True, slots=True)
class Targets:
    """Where the agents of one event have their calendars."""

    mailboxes: frozenset[Mailbox]
    unmapped: int
    """How many agents have an e-mail that nothing maps; an administrator must add a mapping."""


def locate_agents(
    agents: Iterable[AgentView], mapping: MailboxMap, aliases: Mapping[Mailbox, Mailbox], *, keep_departed: bool
) -> Targets:
    """Return the mailboxes of an event's agents. Several agents may share one mailbox.

    With `keep_departed`, an agent who left the platform is located by the last real e-mail.
    """
    located = [_locate(agent, mapping, keep_departed=keep_departed) for agent in agents]
    return Targets(
        frozenset(aliases.get(place, place) for place in located if isinstance(place, Mailbox)),
        sum(place is Unplaced.UNMAPPED for place in located),
    )


def _locate(agent: AgentView, mapping: MailboxMap, *, keep_departed: bool) -> Mailbox | Unplaced:
    place = mapping.locate(agent.email)
    return mapping.locate(agent.former_email) if place is Unplaced.DEPARTED and keep_departed else place


def desired_digests(
    shown: str | None, mailboxes: Collection[Mailbox], held: Mapping[Mailbox, bool], *, may_create: bool
) -> dict[Mailbox, str | None]:
    """Return the desired digest for each mailbox that has, or should get, a placement of the event.

    Args:
        shown: digest of the entry; None: the event shows none.
        mailboxes: the mailboxes of its agents.
        held: as in `EventView`.
        may_create: whether the entry may be created in a mailbox that has none.

    """
    digests: dict[Mailbox, str | None] = {}
    for mailbox in held.keys() | set(mailboxes):
        belongs = mailbox in mailboxes and (may_create or held.get(mailbox, False))
        digest = shown if belongs else None
        if digest is not None or mailbox in held:
            digests[mailbox] = digest
    return digests
