"""MAPI properties that are another name of what EWS names itself: older clients ask and search by them."""

import hashlib
from collections.abc import Callable, Mapping

from mock_exchange.calendar.model import Item
from mock_exchange.ews.mime import instance_type
from mock_exchange.xml.paths import PROPERTY_SETS, TAG, ExtendedKey

TAG_OF_NAME = {
    "0x1a": "ItemClass",
    "0x37": "Subject",
    "0x3001": "DisplayName",
    "0x3007": "DateTimeCreated",
    "0x3008": "LastModifiedTime",
    "0x3613": "FolderClass",
    "0x670a": "LastModifiedTime",
    "0xe08": "Size",
}
"""Of items and folders alike."""

STRINGS, APPOINTMENT, COMMON = (PROPERTY_SETS[name] for name in ("PublicStrings", "Appointment", "Common"))
SENSITIVITIES = ("Normal", "Personal", "Private", "Confidential")
BUSY = ("Free", "Tentative", "Busy", "OOF", "WorkingElsewhere")
Read = Callable[[Item, Callable[[str], str]], str]
"""From an item and its texts by EWS name to the property's text."""


def _named(name: str) -> Read:
    return lambda _item, text: text(name)


def _numbered(name: str, words: tuple[str, ...]) -> Read:
    return lambda _item, text: str(words.index(text(name)))


def _url_name(item: Item, _text: Callable[[str], str]) -> str:
    """Name the item for an address: short, and of letters that need no escape there."""
    return hashlib.sha256(item.id.encode()).hexdigest()[:24].upper() + ".EML"


OF_ITEM: Mapping[ExtendedKey, Read] = {
    ExtendedKey(TAG, "0x10f3"): _url_name,
    ExtendedKey(TAG, "0x36"): _numbered("Sensitivity", SENSITIVITIES),
    ExtendedKey(STRINGS, "urn:schemas:calendar:instancetype"): lambda item, _: instance_type(item),
    ExtendedKey(STRINGS, "urn:schemas:calendar:uid"): _named("UID"),
    ExtendedKey(APPOINTMENT, "0x8205"): _numbered("LegacyFreeBusyStatus", BUSY),
    ExtendedKey(APPOINTMENT, "0x8208"): _named("Location"),
    ExtendedKey(APPOINTMENT, "0x820d"): _named("Start"),
    ExtendedKey(APPOINTMENT, "0x820e"): _named("End"),
    ExtendedKey(APPOINTMENT, "0x8215"): _named("IsAllDayEvent"),
    ExtendedKey(APPOINTMENT, "0x8223"): _named("IsRecurring"),
    ExtendedKey(COMMON, "0x8501"): _named("ReminderMinutesBeforeStart"),
    ExtendedKey(COMMON, "0x8503"): _named("ReminderIsSet"),
    ExtendedKey(COMMON, "0x8506"): lambda _, text: str(text("Sensitivity") != "Normal").lower(),
}
"""[MS-OXPROPS], by set and number."""
