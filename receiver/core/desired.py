"""Which mailboxes an event belongs in, and with what content."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from connectors.base import CalendarEntry
from receiver.core.facts import EventState
from receiver.core.mailboxes import Mailbox, MailboxMap, Unplaced
from receiver.core.redaction import digest


@dataclass(frozen=True, slots=True)
class Targets:
    """Where the agents of one event have their calendars."""

    mailboxes: frozenset[Mailbox]
    unmapped: int
    """How many agents have an e-mail that nothing maps: an administrator's business."""


def targets(emails: Iterable[str | None], mapping: MailboxMap) -> Targets:
    """Locate every agent; several may share one mailbox."""
    located = [mapping.locate(email) for email in emails]
    return Targets(
        frozenset(place for place in located if isinstance(place, Mailbox)),
        sum(place is Unplaced.UNMAPPED for place in located),
    )


def wanted(
    entry: CalendarEntry | None,
    state: EventState,
    mailboxes: Collection[Mailbox],
    held: Mapping[Mailbox, bool],
    now: datetime,
    past_days: int,
) -> dict[Mailbox, str | None]:
    """Return the digest wanted in every mailbox that has, or should get, a placement of the event.

    Args:
        entry: what to show; None: nothing.
        state: the facts behind it.
        mailboxes: where its agents are now.
        held: mailboxes with a placement, and whether something of ours is or may be there.
        now: for the age of the event.
        past_days: an older event is not written for the first time; what is written stays right.

    """
    shown = digest(entry) if entry else None
    too_old = state.ends_at < now - timedelta(days=past_days)
    wishes: dict[Mailbox, str | None] = {}
    for mailbox in held.keys() | set(mailboxes):
        new = not held.get(mailbox, False)
        wish = shown if mailbox in mailboxes and not (new and too_old) else None
        if wish is not None or mailbox in held:
            wishes[mailbox] = wish
    return wishes
