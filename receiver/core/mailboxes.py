"""Whose calendar an agent's appointments go to. Nothing is mapped by guess."""

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
"""Codes of a server that knows no such mailbox."""


class Unplaced(StrEnum):
    """Why an agent's appointments go nowhere."""

    NO_EMAIL = "no_email"  # an "intervenant": nobody's mailbox
    DEPARTED = "departed"
    IGNORED = "ignored"
    UNMAPPED = "unmapped"  # the one that an administrator must look at


LEFT = "@deleted."
"""What the e-mail of an agent who left the platform contains."""


def has_left(email: str | None) -> bool:
    """Whether an e-mail is what the platform gives an agent who left it: ``agent_31@deleted.rdv-solidarites.fr``."""
    return email is not None and LEFT in email


@dataclass(frozen=True, slots=True)
class MailboxMap:
    """The mapping in force. Addresses and domains are as `core.addresses` spells them, patterns lower case."""

    default_calendar: str
    addresses: Mapping[str, Mailbox] = field(default_factory=dict)
    """Agent's e-mail to mailbox: what the file and the CSV say one by one."""
    domains: Mapping[str, str] = field(default_factory=dict)
    """Domain of the agent's e-mail to domain of the mailbox, renamed or as it is."""
    ignore: tuple[str, ...] = ()
    """Patterns of e-mails (``*`` and ``?``) that get no entries."""
    only: tuple[str, ...] = ()
    """When not empty, the patterns of e-mails that a pilot is limited to."""

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
