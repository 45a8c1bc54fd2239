"""GetUserConfiguration: what Outlook on the web keeps of a mailbox's settings."""

from functools import partial

from lxml import etree

from mock_exchange.errors import EwsError
from mock_exchange.ews.operations.context import Context
from mock_exchange.xml.elements import MESSAGES, TYPES, Element, add, children, m, own_copy, t

OPTIONS = "OWA.UserOptions"


def get_user_configuration(context: Context) -> list[Element]:
    """Answer a mailbox's time zone, the one option that calendar clients ask for."""
    name = context.part("UserConfigurationName")
    return context.each([] if name is None else [name], partial(_configuration, context))


def _configuration(context: Context, name: Element) -> list[Element]:
    folder = context.folder(children(name)[0])
    if name.get("Name") != OPTIONS:
        raise EwsError("ErrorItemNotFound", "The specified object was not found in the store.")
    configuration = etree.Element(m("UserConfiguration"), nsmap={"m": MESSAGES, "t": TYPES})
    named = own_copy(name)
    named.tag = t("UserConfigurationName")
    configuration.append(named)
    entry = add(add(configuration, t("Dictionary")), t("DictionaryEntry"))
    zone_id = context.store.mailbox(folder.mailbox).zone_id
    for part, text in (("DictionaryKey", "timezone"), ("DictionaryValue", zone_id)):
        holder = add(entry, t(part))
        add(holder, t("Type"), "String")
        add(holder, t("Value"), text)
    return [configuration]
