"""What people do to mailboxes without EWS: administrators and agents."""

from datetime import datetime

from mock_exchange.calendar.model import Folder, Item
from mock_exchange.calendar.series import find, shown, take_out
from mock_exchange.calendar.store import Store
from mock_exchange.calendar.times import to_wire
from mock_exchange.ews.calendar_item import Draft
from mock_exchange.http.faults import Faults
from mock_exchange.http.recording import StoredItem, describe
from mock_exchange.http.throttling import Limits, Throttle
from mock_exchange.xml.elements import make

EDITABLE = {
    "subject": "Subject",
    "location": "Location",
    "show_as": "LegacyFreeBusyStatus",
    "sensitivity": "Sensitivity",
    "body": "Body",
    "start": "Start",
    "end": "End",
}


class People:
    """The methods by which a test plays administrators and agents."""

    store: Store
    faults: Faults
    throttle: Throttle

    def limit(
        self,
        concurrency: int | None = None,
        calls: int | None = None,
        recharge_per_s: float = 1.0,
        by_mailbox: bool = False,
    ) -> None:
        """Throttle accounts, as `Limits` says; without arguments, no more."""
        self.throttle.limit(Limits(concurrency, calls, recharge_per_s, by_mailbox))

    def set_quota(self, mailbox: str, size_bytes: int | None) -> None:
        """Let a mailbox hold so much and no more; None: any amount.

        Raises:
            EwsError: there is no such mailbox.

        """
        with self.store.lock:
            self.store.mailbox(mailbox).quota_bytes = size_bytes

    def begin_move(self, mailbox: str) -> None:
        """Begin to move a mailbox to another database: no access until `finish_move`.

        Raises:
            EwsError: there is no such mailbox.

        """
        with self.store.lock:
            self.store.mailbox(mailbox).moving = True

    def finish_move(self, mailbox: str) -> None:
        """End the move: access again, and new ids for all that the mailbox holds.

        Raises:
            EwsError: there is no such mailbox.

        """
        with self.store.lock:
            self.store.renew_ids(mailbox)
            self.store.mailbox(mailbox).moving = False

    def add_mailbox(self, address: str, *aliases: str) -> None:
        """Make a mailbox, or give one that exists more addresses."""
        self.store.add_mailbox(address, tuple(aliases))

    def rename_mailbox(self, address: str, new: str) -> None:
        """Give a mailbox a new primary address, as when an agent marries; the old ones stay as aliases.

        Raises:
            EwsError: there is no such mailbox.
            ValueError: the new address is another mailbox's.

        """
        with self.store.lock:
            old = self.store.mailbox(address).address
            self.store.rename_mailbox(old, new)
            self.faults.rename(old, new)

    def items(self, mailbox: str, folder: str | None = "calendar") -> list[StoredItem]:
        """Return a folder's items, by distinguished id or display name; None: those of every folder."""
        with self.store.lock:
            if folder is None:
                owner = self.store.mailbox(mailbox).address
                found = [item for item in self.store.items.values() if item.mailbox == owner]
            else:
                found = self.store.items_in(self.store.named(mailbox, folder).id)
            return [describe(self.store, item) for item in found]

    def occurrences(self, mailbox: str, start: datetime, end: datetime) -> list[StoredItem]:
        """Return what the calendar shows between two moments, by start: single items, and the occurrences of series.

        Raises:
            ValueError: a moment has no zone.

        """
        if start.tzinfo is None or end.tzinfo is None:
            raise ValueError("the moments must be aware of their zone")
        with self.store.lock:
            items = self.store.items_in(self.store.distinguished(mailbox, "calendar").id)
            return [describe(self.store, item) for item in shown(items, start, end)]

    def make_folder(self, mailbox: str, name: str, parent: str = "calendar") -> str:
        """Make a sub-folder and return its id."""
        return self.store.make_folder(mailbox, name, parent).id

    def move_item(self, item_id: str, folder: str) -> str:
        """Move an item within its mailbox, as an agent does; return its new id."""
        with self.store.lock:
            item = self.store.item(item_id)
            return self.store.move(item, self._beside(item, folder)).id

    def copy_item(self, item_id: str, folder: str = "calendar") -> str:
        """Copy an item within its mailbox, as an agent does; return the copy's id."""
        with self.store.lock:
            item = self.store.item(item_id)
            return self.store.copy(item, self._beside(item, folder)).id

    def delete_item(self, item_id: str, to: str | None = None) -> str | None:
        """Delete an item for ever, or into a folder, and return its id there; or an occurrence out of its series."""
        if to is not None:
            return self.move_item(item_id, to)
        with self.store.lock:
            item = find(self.store, item_id)
            if item.original_start is not None:
                take_out(self.store, item)
            else:
                self.store.remove(item)
        return None

    def edit_item(self, item_id: str, **changes: str | datetime) -> StoredItem:
        """Change an item's fields, as an agent does; the names are those of `StoredItem`."""
        with self.store.lock:
            item = self.store.item(item_id)
            draft = Draft.of(item.values, item.extended)
            for name, value in changes.items():
                kind = {"BodyType": "Text"} if name == "body" else {}
                text = to_wire(value) if isinstance(value, datetime) else value
                draft.set(make(EDITABLE[name], text, **kind))
            self.store.rewrite(item, draft.checked().values, draft.extended)
            return describe(self.store, item)

    def _beside(self, item: Item, folder: str) -> Folder:
        return self.store.named(item.mailbox, folder)
