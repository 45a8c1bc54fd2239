"""Mapping of agents' e-mails to mailboxes. No mapping is guessed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase

from receiver.core.addresses import canonical, is_mailable, readable


@dataclass(frozen=True, slots=True, order=True)
class Mailbox:
    """One mailbox of one configured calendar server."""

    calendar: str
    address: str


MISSING_MAILBOX_CODES = frozenset({"mailbox_not_found"})
"""Failure codes that mean: the server knows no such mailbox."""


class Unplaced(StrEnum):
    """Why an agent has no mailbox."""

    NO_EMAIL = "no_email"  # an "intervenant"
    DEPARTED = "departed"
    IGNORED = "ignored"
    UNMAPPED = "unmapped"  # the one that an administrator must look at


LEFT = "@deleted."
"""What the e-mail of an agent who left the platform contains."""


def has_left(email: str | None) -> bool:
    """Whether the platform gave this e-mail to an agent who left: ``agent_31@deleted.rdv-solidarites.fr``."""
    return email is not None and LEFT in email


@dataclass(frozen=True, slots=True)
class MailboxMap:
    """The mapping in force. Addresses and domains are canonical (`core.addresses`), patterns lower case."""

    default_calendar: str
    addresses: Mapping[str, Mailbox] = field(default_factory=dict)
    """Agent's e-mail -> mailbox: the single entries of the configuration file and the CSV."""
    domains: Mapping[str, str] = field(default_factory=dict)
    """Domain of the agent's e-mail -> domain of the mailbox."""
    ignore: tuple[str, ...] = ()
    """Patterns (``*`` and ``?``) of e-mails that get no entries."""
    only: tuple[str, ...] = ()
    """Patterns of the e-mails that a pilot is limited to; empty: no limit."""

    def locate(self, email: str | None) -> Mailbox | Unplaced:
        """Return the mailbox for an agent's e-mail, or why there is none."""
        address = canonical(email or "")
        if not address:
            return Unplaced.NO_EMAIL
        if has_left(address):
            return Unplaced.DEPARTED
        if _matches(address, self.ignore) or (self.only and not _matches(address, self.only)):
            return Unplaced.IGNORED
        if mailbox := self.addresses.get(address):
            return mailbox
        local_part, _, domain = address.rpartition("@")
        if is_mailable(local_part) and (renamed := self.domains.get(domain)):
            return Mailbox(self.default_calendar, f"{local_part}@{renamed}")
        return Unplaced.UNMAPPED


def _matches(address: str, patterns: tuple[str, ...]) -> bool:
    spellings = {address, readable(address)} if patterns else ()
    return any(fnmatchcase(spelling, pattern) for pattern in patterns for spelling in spellings)
