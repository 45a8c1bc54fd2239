"""The memory of a server. Knows no XML verbs and no HTTP."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from mock_exchange.calendar.model import TREE, Folder, Item, Mailbox, new_change_key, new_id, well_formed
from mock_exchange.calendar.times import now
from mock_exchange.errors import EwsError
from mock_exchange.xml.elements import Element
from mock_exchange.xml.paths import ExtendedKey


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

    def make_folder(
        self, address: str, display_name: str, parent: str = "calendar", folder_class: str | None = None
    ) -> Folder:
        """Make a sub-folder, of its parent's class where none is given."""
        with self.lock:
            above = self.named(address, parent)
            return self._add_folder(above.mailbox, above.id, display_name, folder_class or above.folder_class, None)

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
            if not well_formed(item_id):
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
        self.touch(item)
        return item

    def touch(self, item: Item) -> None:
        """Mark an item, and the folder that holds it, as changed just now."""
        item.change_key, item.modified = new_change_key(), now()
        self.folders[item.folder_id].changed = item.modified

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
        self.folders[item.folder_id].changed = now()

    def renew_ids(self, address: str) -> None:
        """Give every folder and item of a mailbox a new id, as a move may; the old ones lead nowhere."""
        with self.lock:
            owner = self.mailbox(address).address
            renewed: dict[str | None, str] = {key: new_id() for key, it in self.folders.items() if it.mailbox == owner}
            for folder in self.folders.values():
                folder.id = renewed.get(folder.id, folder.id)
                folder.parent_id = renewed.get(folder.parent_id, folder.parent_id)
            for item in self.items.values():
                item.folder_id = renewed.get(item.folder_id, item.folder_id)
                item.id = new_id() if item.mailbox == owner else item.id
            self.folders = {folder.id: folder for folder in self.folders.values()}
            self.items = {item.id: item for item in self.items.values()}
            self._contents = {key: {} for key in self.folders}
            for item in self.items.values():
                self._contents[item.folder_id][item.id] = item

    def _put(self, item: Item) -> None:
        self.items[item.id] = self._contents[item.folder_id][item.id] = item
        self.folders[item.folder_id].changed = now()

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
