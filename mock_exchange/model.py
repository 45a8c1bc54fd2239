"""Mailboxes, folders and items in memory, and their ids. Knows no XML verbs and no HTTP."""

import base64
import secrets
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from mock_exchange.errors import EwsError
from mock_exchange.names import Element
from mock_exchange.paths import ExtendedKey
from mock_exchange.times import now

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


class Store:
    """Everything the server remembers. Hold `lock` while reading or changing."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.mailboxes: dict[str, Mailbox] = {}
        self.folders: dict[str, Folder] = {}
        self.items: dict[str, Item] = {}
        self._addresses: dict[str, str] = {}
        self._distinguished: dict[tuple[str, str], Folder] = {}
        self._contents: dict[str, dict[str, Item]] = {}

    def add_mailbox(self, address: str, aliases: tuple[str, ...] = ()) -> None:
        """Make a mailbox with its ordinary folders; known already, it only gains the aliases."""
        with self.lock:
            mailbox = self.find_mailbox(address)
            if mailbox is None:
                mailbox = self.mailboxes[address] = Mailbox(address)
                self._grow_tree(address)
            mailbox.aliases.extend(aliases)
            self._addresses |= {name.casefold(): mailbox.address for name in (address, *aliases)}

    def rename_mailbox(self, address: str, new: str) -> Mailbox:
        """Give a mailbox another primary address; those it had still lead to it, and no id changes.

        Raises:
            EwsError: there is no such mailbox.
            ValueError: the new address is another mailbox's.

        """
        with self.lock:
            mailbox, old = self.mailbox(address), self.mailbox(address).address
            if self.find_mailbox(new) not in (None, mailbox):
                raise ValueError("the address is another mailbox's")
            kept = [name for name in (old, *mailbox.aliases) if name.casefold() != new.casefold()]
            mailbox.address, mailbox.aliases = new, kept
            self.mailboxes = {box.address: box for box in self.mailboxes.values()}
            self._addresses |= {name.casefold(): new for name in (new, *kept)}
            self._hand_over(old, new)
            return mailbox

    def find_mailbox(self, address: str) -> Mailbox | None:
        """Return the mailbox behind any of its addresses."""
        return self.mailboxes.get(self._addresses.get(address.casefold(), ""))

    def mailbox(self, address: str) -> Mailbox:
        """Return the mailbox behind any of its addresses.

        Raises:
            EwsError: there is none.

        """
        found = self.find_mailbox(address)
        if found is None:
            raise EwsError("ErrorNonExistentMailbox", "The SMTP address has no mailbox associated with it.")
        return found

    def distinguished(self, address: str, name: str) -> Folder:
        """Return a mailbox's folder by its distinguished id.

        Raises:
            EwsError: the mailbox has no such folder.

        """
        folder = self._distinguished.get((self.mailbox(address).address, name.lower()))
        if folder is None:
            raise EwsError("ErrorFolderNotFound", "The specified folder could not be found in the store.")
        return folder

    def named(self, address: str, label: str) -> Folder:
        """Return a mailbox's folder by distinguished id or display name.

        Raises:
            EwsError: the mailbox has no such folder.

        """
        mailbox = self.mailbox(address)
        for folder in self.folders.values():
            if folder.mailbox == mailbox.address and label in {folder.distinguished, folder.display_name}:
                return folder
        raise EwsError("ErrorFolderNotFound", "The specified folder could not be found in the store.")

    def make_folder(self, address: str, display_name: str, parent: str = "calendar") -> Folder:
        """Make a sub-folder, of its parent's class."""
        with self.lock:
            above = self.named(address, parent)
            return self._add_folder(above.mailbox, above.id, display_name, above.folder_class, None)

    def remove_folder(self, folder: Folder) -> None:
        """Forget a folder, what is below it, and all their items."""
        with self.lock:
            for gone in (*self.subfolders(folder.id, deep=True), folder):
                for item in self.items_in(gone.id):
                    self.remove(item)
                del self.folders[gone.id], self._contents[gone.id]

    def folder(self, folder_id: str) -> Folder:
        """Return a folder by id.

        Raises:
            EwsError: there is none.

        """
        folder = self.folders.get(folder_id)
        if folder is None:
            raise EwsError("ErrorFolderNotFound", "The specified folder could not be found in the store.")
        return folder

    def subfolders(self, folder_id: str, deep: bool = False) -> Iterator[Folder]:
        """Yield the folders below one, in the order they were made."""
        for folder in list(self.folders.values()):
            if folder.parent_id == folder_id:
                yield folder
                if deep:
                    yield from self.subfolders(folder.id, deep=True)

    def items_in(self, folder_id: str) -> list[Item]:
        """Return a folder's items in the order they came."""
        return list(self._contents[folder_id].values())

    def item(self, item_id: str) -> Item:
        """Return an item by id.

        Raises:
            EwsError: the id is malformed, or leads nowhere.

        """
        item = self.items.get(item_id)
        if item is None:
            if not _well_formed(item_id):
                raise EwsError("ErrorInvalidIdMalformed", "Id is malformed.")
            raise EwsError("ErrorItemNotFound", "The specified object was not found in the store.")
        return item

    def insert(self, folder: Folder, values: dict[str, Element], extended: dict[ExtendedKey, Element]) -> Item:
        """Store a new item."""
        moment = now()
        item = Item(new_id(), new_change_key(), folder.mailbox, folder.id, dict(values), dict(extended), moment, moment)
        self._put(item)
        return item

    def rewrite(self, item: Item, values: dict[str, Element], extended: dict[ExtendedKey, Element]) -> Item:
        """Replace an item's properties; it gets a new change key."""
        if values.get("Recurrence") is not item.values.get("Recurrence"):
            item.deleted = frozenset()  # a recurrence that is set anew begins without exceptions
        item.values, item.extended = dict(values), dict(extended)
        item.change_key, item.modified = new_change_key(), now()
        return item

    def move(self, item: Item, folder: Folder) -> Item:
        """Move an item: it is known by a new id from now on."""
        moved = self.copy(item, folder, created=item.created)
        self.remove(item)
        return moved

    def copy(self, item: Item, folder: Folder, created: datetime | None = None) -> Item:
        """Copy an item, all its properties included."""
        copied = replace(
            item,
            id=new_id(),
            change_key=new_change_key(),
            mailbox=folder.mailbox,
            folder_id=folder.id,
            values=dict(item.values),
            extended=dict(item.extended),
            created=created or now(),
            modified=now(),
        )
        self._put(copied)
        return copied

    def remove(self, item: Item) -> None:
        """Forget an item for ever."""
        del self.items[item.id], self._contents[item.folder_id][item.id]

    def _put(self, item: Item) -> None:
        self.items[item.id] = self._contents[item.folder_id][item.id] = item

    def _hand_over(self, old: str, new: str) -> None:
        everything: tuple[Folder | Item, ...] = (*self.folders.values(), *self.items.values())
        for owned in everything:
            if owned.mailbox == old:
                owned.mailbox = new
        self._distinguished = {(folder.mailbox, name): folder for (_, name), folder in self._distinguished.items()}

    def _grow_tree(self, address: str) -> None:
        made: dict[str | None, str | None] = {None: None}
        for name, (parent, display_name, folder_class) in TREE.items():
            made[name] = self._add_folder(address, made[parent], display_name, folder_class, name).id

    def _add_folder(
        self, mailbox: str, parent_id: str | None, name: str, folder_class: str | None, distinguished: str | None
    ) -> Folder:
        folder = Folder(new_id(), new_change_key(), mailbox, parent_id, name, folder_class, distinguished)
        self.folders[folder.id] = folder
        self._contents[folder.id] = {}
        if distinguished:
            self._distinguished[mailbox, distinguished] = folder
        return folder


def _well_formed(item_id: str) -> bool:
    try:
        return len(base64.b64decode(item_id, validate=True)) >= ID_BYTES
    except ValueError:
        return False
