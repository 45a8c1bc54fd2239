"""What an operation works with: the call, the caller, the store; and the loop over a batch."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import tzinfo

from mock_exchange.calendar.model import Folder, Item
from mock_exchange.calendar.series import find, find_by_index, series_of
from mock_exchange.calendar.store import Store
from mock_exchange.calendar.times import zone_of
from mock_exchange.errors import EwsError
from mock_exchange.ews.access import Access, Caller
from mock_exchange.ews.rights import Level
from mock_exchange.ews.soap import Call, error_message, response_message
from mock_exchange.xml.elements import NAMESPACES, Element, child_text, children, local, m


@dataclass(slots=True)
class Context:
    """One call being answered."""

    call: Call
    caller: Caller
    access: Access
    item_errors: Mapping[int, str] = field(default_factory=dict)
    """Position in the batch -> the code that a fault makes of it."""
    mails: int = 0
    """Mails that the call would have sent."""

    @property
    def store(self) -> Store:
        """The server's memory."""
        return self.access.store

    @property
    def zone_id(self) -> str:
        """Windows id of the zone that is meant where an item names none; times without offset are in it."""
        header = self.call.header("TimeZoneContext")
        definition = None if header is None else header.find("t:TimeZoneDefinition", NAMESPACES)
        return "UTC" if definition is None else str(definition.get("Id") or "UTC")

    @property
    def zone(self) -> tzinfo:
        """What a time without offset means."""
        return zone_of(self.zone_id)

    def option(self, name: str) -> str | None:
        """Return an attribute of the call."""
        value = self.call.body.get(name)
        return None if value is None else str(value)

    def part(self, name: str) -> Element | None:
        """Return a child of the call."""
        return self.call.body.find(m(name))

    def parts(self, name: str) -> list[Element]:
        """Return the elements inside a child of the call."""
        holder = self.part(name)
        return [] if holder is None else children(holder)

    def folder(self, reference: Element, write: bool = False) -> Folder:
        """Return the folder of a FolderId or DistinguishedFolderId.

        Raises:
            EwsError: it is not there, or not for this caller.

        """
        if local(reference) == "FolderId":
            folder = self.store.folder(str(reference.get("Id")))
            self.access.check(self.caller, folder.mailbox, write)
            return folder
        address = child_text(reference, "t:Mailbox/t:EmailAddress") or self.caller.mailbox
        if address is None:
            raise EwsError("ErrorMissingEmailAddress", "An account without a mailbox must name the mailbox it means.")
        mailbox = self.store.mailbox(address)
        self.access.check(self.caller, mailbox.address, write)
        return self.store.distinguished(mailbox.address, str(reference.get("Id")))

    def item(self, reference: Element, write: bool = False) -> Item:
        """Return the item or the occurrence of an ItemId, an OccurrenceItemId or a RecurringMasterItemId.

        Raises:
            EwsError: it is not there, or not for this caller.

        """
        match local(reference):
            case "ItemId":
                item = find(self.store, str(reference.get("Id")))
            case "OccurrenceItemId":
                master, index = str(reference.get("RecurringMasterId")), int(reference.get("InstanceIndex", "0"))
                item = find_by_index(self.store, master, index)
            case "RecurringMasterItemId":
                item = series_of(self.store, str(reference.get("OccurrenceId")))
            case _:
                raise EwsError("ErrorInvalidRequest", "Ranges of occurrences are not supported here.")
        self.access.check(self.caller, item.mailbox, write)
        if not self.sees(item):
            raise EwsError("ErrorAccessDenied", "Access is denied. Check credentials and try again.")
        return item

    def sees(self, item: Item) -> bool:
        """Tell whether an item of a mailbox that the caller was let into is there for it.

        Exchange filters private items out of what a delegate lists who may not see them.
        """
        return self.level(item.mailbox).sees_private or item.values["Sensitivity"].text != "Private"

    def owner(self, thing_id: str) -> str:
        """Return the primary address of the mailbox that an item, an occurrence or a folder lies in.

        Raises:
            EwsError: it is not there, or not for this caller.

        """
        mailbox = (self.store.folders.get(thing_id) or find(self.store, thing_id)).mailbox
        self.access.check(self.caller, mailbox, write=False)
        return mailbox

    def level(self, mailbox: str) -> Level:
        """Return how far the caller may go in a mailbox that it was let into."""
        return self.access.level(self.caller, mailbox) or Level.REVIEWER

    def each(
        self,
        things: Iterable[Element],
        act: Callable[[Element], Iterable[Element]],
        empty: Callable[[], Iterable[Element]] = tuple,
    ) -> list[Element]:
        """Answer a batch: one message each, in order; what fails costs its neighbours nothing."""
        return [self._one(index, thing, act, empty) for index, thing in enumerate(things)]

    def _one(
        self,
        index: int,
        thing: Element,
        act: Callable[[Element], Iterable[Element]],
        empty: Callable[[], Iterable[Element]],
    ) -> Element:
        try:
            self._fail_on_demand(index)
            with self.store.lock:
                return response_message(self.call.verb, *act(thing))
        except EwsError as error:
            return error_message(self.call.verb, error, *empty())

    def _fail_on_demand(self, index: int) -> None:
        if index in self.item_errors:
            raise EwsError(self.item_errors[index])
