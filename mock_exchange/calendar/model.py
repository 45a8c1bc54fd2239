"""What a server remembers: mailboxes, folders and items, and their ids. Knows no XML verbs and no HTTP."""

import base64
import secrets
from dataclasses import dataclass, field
from datetime import date, datetime

from mock_exchange.calendar.times import now
from mock_exchange.xml.elements import Element
from mock_exchange.xml.paths import ExtendedKey

ID_PREFIX = "AAMk"
ID_BYTES = 84
"""Ids of Exchange have about this length; they are base64, and differ by case alone."""

TREE = {
    "root": (None, "", None),
    "msgfolderroot": ("root", "Top of Information Store", None),
    "calendar": ("msgfolderroot", "Calendar", "IPF.Appointment"),
    "contacts": ("msgfolderroot", "Contacts", "IPF.Contact"),
    "deleteditems": ("msgfolderroot", "Deleted Items", "IPF.Note"),
    "drafts": ("msgfolderroot", "Drafts", "IPF.Note"),
    "inbox": ("msgfolderroot", "Inbox", "IPF.Note"),
    "journal": ("msgfolderroot", "Journal", "IPF.Journal"),
    "junkemail": ("msgfolderroot", "Junk Email", "IPF.Note"),
    "notes": ("msgfolderroot", "Notes", "IPF.StickyNote"),
    "outbox": ("msgfolderroot", "Outbox", "IPF.Note"),
    "sentitems": ("msgfolderroot", "Sent Items", "IPF.Note"),
    "tasks": ("msgfolderroot", "Tasks", "IPF.Task"),
    "recoverableitemsroot": ("root", "Recoverable Items", None),
    "recoverableitemsdeletions": ("recoverableitemsroot", "Deletions", None),
    "recoverableitemspurges": ("recoverableitemsroot", "Purges", None),
    "recoverableitemsversions": ("recoverableitemsroot", "Versions", None),
}
"""Distinguished id -> parent, display name, folder class."""


@dataclass(slots=True)
class Mailbox:
    """One mailbox; every address leads to it, the first is the primary one."""

    address: str
    aliases: list[str] = field(default_factory=list)
    zone_id: str = "Romance Standard Time"
    """Windows id of the zone its owner chose in Outlook on the web."""
    quota_bytes: int | None = None
    """What its items may take together; None: any amount."""
    moving: bool = False
    """It is being moved to another database, and cannot be accessed."""

    @property
    def name(self) -> str:
        """What the directory shows."""
        return self.address.partition("@")[0]


@dataclass(slots=True)
class Folder:
    """One folder of a mailbox."""

    id: str
    change_key: str
    mailbox: str
    parent_id: str | None
    display_name: str
    folder_class: str | None = None
    distinguished: str | None = None
    changed: datetime = field(default_factory=now)
    """When something in it last came, went or changed."""

    @property
    def label(self) -> str:
        """The distinguished id, else the display name."""
        return self.distinguished or self.display_name


@dataclass(slots=True)
class Item:
    """One calendar item: its properties as the schema's own elements."""

    id: str
    change_key: str
    mailbox: str
    folder_id: str
    values: dict[str, Element]
    extended: dict[ExtendedKey, Element]
    created: datetime
    modified: datetime
    deleted: frozenset[date] = frozenset()
    """Of a series: the days whose occurrence was taken out."""
    original_start: datetime | None = None
    """Of an occurrence, which is worked out and never stored: when its series has it."""


def new_id() -> str:
    """Return an id like Exchange's, never given before."""
    return ID_PREFIX + base64.b64encode(secrets.token_bytes(ID_BYTES)).decode()


def new_change_key() -> str:
    """Return a change key like Exchange's."""
    return "DwAAABYA" + base64.b64encode(secrets.token_bytes(24)).decode()


def well_formed(item_id: str) -> bool:
    """Tell whether an id is of the form that ids have."""
    try:
        return len(base64.b64decode(item_id, validate=True)) >= ID_BYTES
    except ValueError:
        return False
