"""What tests read back: requests as they came, and items as plain values."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from mock_exchange.calendar.model import Item
from mock_exchange.calendar.recurrence_element import read_recurrence
from mock_exchange.calendar.store import Store
from mock_exchange.calendar.times import parse
from mock_exchange.ews.views import ItemView, kind_of_item
from mock_exchange.xml.elements import children
from mock_exchange.xml.paths import ExtendedKey


@dataclass(frozen=True, slots=True)
class Recorded:
    """One POST and what became of it."""

    verb: str
    """Empty where the request was no SOAP call, as some clients' handshakes are."""
    mailbox: str | None
    """Primary address of the mailbox it acted on; None: unknown."""
    request: bytes
    response: bytes
    status: int
    """0 where the connection was dropped instead of an answer."""
    headers: Mapping[str, str]
    """The request's, as they came, without the credentials."""
    send_mode: str | None = None
    """The call's word on meeting mails, such as `SendToNone`."""
    batch: int = 0
    """How many items the call names."""
    refused: bool = False
    """It carried a proof of identity that was wrong."""


@dataclass(frozen=True, slots=True)
class StoredItem:
    """One calendar item in plain values."""

    item_id: str
    change_key: str
    mailbox: str
    folder: str
    """Distinguished id, or the display name of an ordinary folder."""
    uid: str
    subject: str
    body: str
    body_type: str
    """`HTML` or `Text`; empty without a body."""
    start: datetime
    """Aware, UTC."""
    end: datetime
    time_zone: str
    """Windows id, such as `Romance Standard Time`."""
    location: str
    show_as: str
    """`Free`, `Tentative`, `Busy`, `OOF` or `WorkingElsewhere`."""
    sensitivity: str
    reminder: int | None
    """Minutes before the start; None without a reminder."""
    categories: tuple[str, ...]
    all_day: bool
    extended: Mapping[tuple[str, str], str | tuple[str, ...]]
    """(Property set's GUID in lower case or `tag`, name or number) -> value."""
    created: datetime
    modified: datetime
    kind: str
    """`Single`, `RecurringMaster` or `Occurrence`."""
    recurrence: str | None
    """Of a recurring master, such as ``every week on Monday, from 2026-12-07 until 2027-06-28``."""


def describe(store: Store, item: Item) -> StoredItem:
    """Return an item in plain values."""
    view = ItemView(store, item)
    body, categories = item.values.get("Body"), item.values.get("Categories")
    reminds = view.text("ReminderIsSet") == "true"
    return StoredItem(
        item_id=item.id,
        change_key=item.change_key,
        mailbox=item.mailbox,
        folder=store.folder(item.folder_id).label,
        uid=view.text("UID"),
        subject=view.text("Subject"),
        body="" if body is None else body.text or "",
        body_type="" if body is None else str(body.get("BodyType")),
        start=parse(view.text("Start")),
        end=parse(view.text("End")),
        time_zone=view.text("StartTimeZoneId"),
        location=view.text("Location"),
        show_as=view.text("LegacyFreeBusyStatus"),
        sensitivity=view.text("Sensitivity"),
        reminder=int(view.text("ReminderMinutesBeforeStart")) if reminds else None,
        categories=() if categories is None else tuple(category.text or "" for category in children(categories)),
        all_day=view.text("IsAllDayEvent") == "true",
        extended={(key.space, key.name): _plain(view, key) for key in item.extended},
        created=item.created,
        modified=item.modified,
        kind=kind_of_item(item),
        recurrence=str(read_recurrence(item.values["Recurrence"])) if "Recurrence" in item.values else None,
    )


def _plain(view: ItemView, key: ExtendedKey) -> str | tuple[str, ...]:
    values = view.extended(key)
    return values[0] if len(values) == 1 else tuple(values)
