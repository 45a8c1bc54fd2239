"""How stored things are read: one property at a time, stored or worked out, as schema elements and as texts."""

import base64
from html.parser import HTMLParser
from typing import Protocol

from mock_exchange.calendar.model import Folder, Item
from mock_exchange.calendar.quota import size_of
from mock_exchange.calendar.series import split_id
from mock_exchange.calendar.store import Store
from mock_exchange.calendar.times import WINDOWS_ZONES, parse, to_wire
from mock_exchange.ews import mapi
from mock_exchange.ews.mime import mime_content
from mock_exchange.ews.occurrence_elements import deleted_occurrences, first_occurrence, last_occurrence
from mock_exchange.ews.rights import OF_FOLDER, OF_ITEM, Level, effective_rights
from mock_exchange.ews.zones import zone_element
from mock_exchange.xml.elements import Element, add, child_text, children, local, make, own_copy, t
from mock_exchange.xml.paths import TAG, ExtendedKey, PropertyKey

ZONES = frozenset({"StartTimeZone", "EndTimeZone"})
ARTICLE_NUMBER = ExtendedKey(TAG, "0xe23")

OF_SERIES = {
    "FirstOccurrence": first_occurrence,
    "LastOccurrence": last_occurrence,
    "DeletedOccurrences": deleted_occurrences,
}


class Readable(Protocol):
    """Something with properties, for shapes and restrictions."""

    def element(self, name: str) -> Element | None:
        """Return an own copy of the property's element; None where it has no value."""
        ...

    def extended(self, key: ExtendedKey) -> list[str]:
        """Return the values of an extended property; empty where it is not set."""
        ...


def texts(thing: Readable, key: PropertyKey) -> list[str]:
    """Return a property's values as texts; empty where it is not set."""
    if isinstance(key, ExtendedKey):
        return thing.extended(key)
    element = thing.element(key)
    if element is None:
        return []
    return [str(text) for text in element.itertext() if str(text).strip()]


class ItemView:
    """Properties of one item."""

    def __init__(self, store: Store, item: Item, level: Level = Level.OWNER) -> None:
        self.store = store
        self.item = item
        self.level = level

    def element(self, name: str) -> Element | None:
        """Return a stored property, or work it out."""
        stored = self.item.values.get(name)
        if stored is not None:
            return self._whole_zone(stored) if name in ZONES else own_copy(stored)
        built = self._of_series(name) if name in OF_SERIES else self._built(name)
        if built is not None:
            return built
        text = self._computed().get(name)
        return None if text is None else make(name, text)

    def extended(self, key: ExtendedKey) -> list[str]:
        """Return the values of a stored property, or of one the store itself keeps."""
        stored = self.item.extended.get(key)
        if stored is not None:
            return [value.text or "" for value in stored.iter(t("Value"))]
        if key == ARTICLE_NUMBER:
            return [str(list(self.store.items).index(split_id(self.item.id)[0]) + 1)]
        read = mapi.OF_ITEM.get(key)
        return [read(self.item, self.text)] if read else _by_tag(self, key)

    def text(self, name: str) -> str:
        """Return a property's own text; empty where it has none."""
        element = self.element(name)
        return "" if element is None else element.text or ""

    def _computed(self) -> dict[str, str]:
        item, stored = self.item, self.item.values
        moments = {name: to_wire(item.created) for name in ("DateTimeReceived", "DateTimeSent", "DateTimeCreated")}
        moments |= _original_start(item)
        attendees = [name for name in ("RequiredAttendees", "OptionalAttendees", "Resources") if name in stored]
        return moments | {
            "ItemClass": "IPM.Appointment",
            "Size": str(size_of(stored)),
            "DisplayCc": self._display("OptionalAttendees"),
            "DisplayTo": self._display("RequiredAttendees"),
            "HasAttachments": "false",
            "Culture": "en-US",
            "LastModifiedName": self.store.mailbox(item.mailbox).name,
            "LastModifiedTime": to_wire(item.modified),
            "IsAssociated": "false",
            "IsSubmitted": "false",
            "IsDraft": "false",
            "IsFromMe": "false",
            "IsResend": "false",
            "IsUnmodified": "false",
            "IsMeeting": _boolean(bool(attendees)),
            "IsCancelled": "false",
            "IsRecurring": _boolean(kind_of_item(item) != "Single"),
            "MeetingRequestWasSent": "false",
            "IsResponseRequested": "true",
            "CalendarItemType": kind_of_item(item),
            "MyResponseType": "Organizer",
            "AppointmentSequenceNumber": "0",
            "AppointmentState": "1" if attendees else "0",
            "Duration": self._duration(),
            "TimeZone": _zone_id(stored.get("StartTimeZone")),
            "StartTimeZoneId": _zone_id(stored.get("StartTimeZone")),
            "EndTimeZoneId": _zone_id(stored.get("EndTimeZone")),
            "AllowNewTimeProposal": "true",
            "IsOrganizer": "true",
        }

    def _whole_zone(self, stored: Element) -> Element:
        """Return the definition of a zone that clients name; one that nobody knows stays as it came."""
        known = stored.get("Id") in WINDOWS_ZONES
        year = parse(self.item.values["Start"].text or "").year
        return zone_element(local(stored), stored.get("Id"), year) if known else own_copy(stored)

    def _of_series(self, name: str) -> Element | None:
        return OF_SERIES[name](self.item) if kind_of_item(self.item) == "RecurringMaster" else None

    def _built(self, name: str) -> Element | None:
        if name == "ItemId":
            return make("ItemId", Id=self.item.id, ChangeKey=self.item.change_key)
        if name == "ParentFolderId":
            folder = self.store.folder(self.item.folder_id)
            return make("ParentFolderId", Id=folder.id, ChangeKey=folder.change_key)
        if name == "EffectiveRights":
            return effective_rights(OF_ITEM[self.level])
        made = {"Organizer": self._organizer, "TextBody": self._text_body, "MimeContent": self._mime_content}
        return made[name]() if name in made else None

    def _text_body(self) -> Element | None:
        body = self.item.values.get("Body")
        return None if body is None else as_text(own_copy(body), "TextBody")

    def _mime_content(self) -> Element:
        content = mime_content(self.item, self.text("TextBody"))
        return make("MimeContent", base64.b64encode(content).decode(), CharacterSet="UTF-8")

    def _organizer(self) -> Element:
        mailbox = self.store.mailbox(self.item.mailbox)
        organizer = make("Organizer")
        box = add(organizer, t("Mailbox"))
        for name, text in (("Name", mailbox.name), ("EmailAddress", mailbox.address), ("RoutingType", "SMTP")):
            add(box, t(name), text)
        add(box, t("MailboxType"), "Mailbox")
        return organizer

    def _display(self, name: str) -> str:
        attendees = self.item.values.get(name)
        if attendees is None:
            return ""
        return "; ".join(child_text(attendee, "t:Mailbox/t:EmailAddress") or "" for attendee in children(attendees))

    def _duration(self) -> str:
        start, end = (parse(self.item.values[name].text or "") for name in ("Start", "End"))
        minutes = int((end - start).total_seconds() // 60)
        days, rest = divmod(minutes, 24 * 60)
        return f"P{days}DT{rest // 60}H{rest % 60}M"


class FolderView:
    """Properties of one folder."""

    def __init__(self, store: Store, folder: Folder, level: Level = Level.OWNER) -> None:
        self.store = store
        self.folder = folder
        self.level = level

    def element(self, name: str) -> Element | None:
        """Return a property, worked out."""
        folder = self.folder
        if name == "FolderId":
            return make("FolderId", Id=folder.id, ChangeKey=folder.change_key)
        if name == "ParentFolderId":
            # The root is its own parent's child nowhere; Exchange names an id all the same.
            return make("ParentFolderId", Id=folder.parent_id or folder.id)
        if name == "EffectiveRights":
            return effective_rights(OF_FOLDER[self.level])
        text = self._computed().get(name)
        return None if text is None else make(name, text)

    def extended(self, key: ExtendedKey) -> list[str]:
        """Return what the store itself keeps under a MAPI tag."""
        return _by_tag(self, key)

    def _computed(self) -> dict[str, str | None]:
        folder = self.folder
        plain = kind_of(folder) in {"Folder", "TasksFolder"}
        return {
            "FolderClass": folder.folder_class,
            "DisplayName": folder.display_name,
            "TotalCount": str(len(self.store.items_in(folder.id))),
            "ChildFolderCount": str(len(list(self.store.subfolders(folder.id)))),
            "DistinguishedFolderId": folder.distinguished,
            "UnreadCount": "0" if plain else None,
            "LastModifiedTime": to_wire(folder.changed),
        }


def kind_of(folder: Folder) -> str:
    """Return the schema element a folder is written as."""
    kinds = {"IPF.Appointment": "CalendarFolder", "IPF.Contact": "ContactsFolder", "IPF.Task": "TasksFolder"}
    return kinds.get(folder.folder_class or "", "Folder")


def kind_of_item(item: Item) -> str:
    """Return an item's CalendarItemType."""
    if item.original_start is not None:
        return "Occurrence"
    return "RecurringMaster" if "Recurrence" in item.values else "Single"


def as_text(body: Element, name: str = "Body") -> Element:
    """Return a body as plain text."""
    if body.get("BodyType") == "Text":
        return make(name, body.text, BodyType="Text")
    collector = _TextOfHtml()
    collector.feed(body.text or "")
    return make(name, "".join(collector.parts).strip(), BodyType="Text")


class _TextOfHtml(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []

    def handle_data(self, data: str) -> None:
        self.parts.append(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        if tag in {"br", "p", "div", "li", "tr"}:
            self.parts.append("\n")


def _by_tag(thing: Readable, key: ExtendedKey) -> list[str]:
    name = mapi.TAG_OF_NAME.get(key.name) if key.space == TAG else None
    return texts(thing, name) if name else []


def _original_start(item: Item) -> dict[str, str]:
    if item.original_start is None:
        return {}
    return dict.fromkeys(("OriginalStart", "RecurrenceId"), to_wire(item.original_start))


def _zone_id(zone: Element | None) -> str:
    return "UTC" if zone is None else zone.get("Id") or "UTC"


def _boolean(value: bool) -> str:
    return "true" if value else "false"
