"""ConvertId: one id in its several notations, and whose mailbox it lies in."""

import base64
import re
from functools import partial
from urllib.parse import quote, unquote

from lxml import etree

from mock_exchange.calendar.model import ID_PREFIX
from mock_exchange.errors import EwsError
from mock_exchange.ews.operations.context import Context
from mock_exchange.xml.elements import MESSAGES, TYPES, Element, local, m

XSI = "http://www.w3.org/2001/XMLSchema-instance"
PREFIXES = {"EwsId": ID_PREFIX, "EwsLegacyId": "AQAp", "StoreId": "LgAA", "EntryId": ""}
"""Notations that differ in how their base64 begins."""
NAMING_THEIR_MAILBOX = frozenset({"EwsId", "EwsLegacyId", "OwaId"})

_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\Z")


def convert_id(context: Context) -> list[Element]:
    """Answer ids in the notation asked for, each with the primary address of the mailbox it lies in."""
    return context.each(context.parts("SourceIds"), partial(_convert, context))


def _convert(context: Context, source: Element) -> list[Element]:
    """Convert one id.

    As Exchange does: an id of EWS names its mailbox, and the address given beside it need only look like one. Exchange
    opens no mailbox for that, and converts ids of what is long deleted; here such an id leads nowhere.
    """
    if local(source) != "AlternateId":
        raise EwsError("ErrorInvalidOperation", "There are no public folders here.")
    notation, address = str(source.get("Format")), str(source.get("Mailbox"))
    if not _ADDRESS.match(address):
        raise EwsError("ErrorInvalidSmtpAddress", "The SMTP address format is invalid.")
    ews_id = _read(notation, str(source.get("Id")))
    owner = context.owner(ews_id)
    if notation not in NAMING_THEIR_MAILBOX and context.store.mailbox(address).address != owner:
        raise EwsError("ErrorItemNotFound", "The specified object was not found in the store.")
    return [_alternate_id(str(context.option("DestinationFormat")), ews_id, owner)]


def _alternate_id(notation: str, ews_id: str, mailbox: str) -> Element:
    element = etree.Element(m("AlternateId"), nsmap={"m": MESSAGES, "t": TYPES, "xsi": XSI})
    element.set(f"{{{XSI}}}type", "t:AlternateIdType")
    for name, value in (("Format", notation), ("Id", _write(notation, ews_id)), ("Mailbox", mailbox)):
        element.set(name, value)
    return element


def _write(notation: str, ews_id: str) -> str:
    if notation == "OwaId":
        return quote(ews_id, safe="")
    rest = ews_id.removeprefix(ID_PREFIX)
    return base64.b64decode(rest).hex().upper() if notation == "HexEntryId" else PREFIXES[notation] + rest


def _read(notation: str, text: str) -> str:
    if notation == "OwaId":
        return unquote(text)
    if notation == "HexEntryId":
        try:
            return ID_PREFIX + base64.b64encode(bytes.fromhex(text)).decode()
        except ValueError:
            raise EwsError("ErrorInvalidIdMalformed", "Id is malformed.") from None
    if not text.startswith(PREFIXES[notation]):
        legacy = notation == "EwsLegacyId"
        raise EwsError("ErrorInvalidIdMalformedEwsLegacyIdFormat" if legacy else "ErrorInvalidIdMalformed")
    return ID_PREFIX + text.removeprefix(PREFIXES[notation])
