"""Which mailboxes an event belongs in, and with what content."""

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
    """The last real one of an agent who left the platform."""
    roles_gone_at: datetime | None = None
    """When the agent lost the last place in an organisation; None: has one, as far as we know."""


@dataclass(frozen=True, slots=True)
class EventView:
    """An event whose placements may not agree with its facts."""

    uid: str
    source: str
    state_at: datetime
    state: EventState | None
    """None: destroyed."""
    purged: bool
    agents: tuple[AgentView, ...]
    held: Mapping[Mailbox, bool]
    """Mailboxes it has a placement in, and whether something of ours is or may be there."""
    aliases: Mapping[Mailbox, Mailbox] = field(default_factory=dict)
    """Addresses that the server says are another one of the same mailbox, and that other one."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What an event's placements should become."""

    digests: Mapping[Mailbox, str | None]
    """Digest wanted in each mailbox; None: nothing. A mailbox that is not named stays as it is."""
    unmapped: int = 0
    forget: bool = False
    """Drop the record of what was placed and leave the calendars as they are."""
    failure: str | None = None
    """Why the event cannot be shown at all."""
    state: EventState | None = None
    """The facts as they may be kept, where that is less than what is kept."""


@dataclass(frozen=True, slots=True)
class Targets:
    """Where the agents of one event have their calendars."""

    mailboxes: frozenset[Mailbox]
    unmapped: int
    """How many agents have an e-mail that nothing maps: an administrator's business."""


def locate_agents(
    agents: Iterable[AgentView], mapping: MailboxMap, aliases: Mapping[Mailbox, Mailbox], *, keep_departed: bool
) -> Targets:
    """Locate every agent; several may share one mailbox, by one address or by several.

    With `keep_departed`, one who left the platform is still found where the last real e-mail leads.
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
    """Return the digest wanted in every mailbox that has, or should get, a placement of the event.

    Args:
        shown: digest of the entry; None: none.
        mailboxes: where its agents are now.
        held: mailboxes with a placement, and whether something of ours is or may be there.
        may_create: whether it may be written where nothing of it is yet.

    """
    wishes: dict[Mailbox, str | None] = {}
    for mailbox in held.keys() | set(mailboxes):
        belongs = mailbox in mailboxes and (may_create or held.get(mailbox, False))
        wish = shown if belongs else None
        if wish is not None or mailbox in held:
            wishes[mailbox] = wish
    return wishes
