"""ResolveNames and GetServerTimeZones: what a server knows beside its mailboxes' content."""

from lxml import etree

from mock_exchange.calendar.model import Mailbox
from mock_exchange.calendar.times import WINDOWS_ZONES, now
from mock_exchange.errors import EwsError
from mock_exchange.ews.operations.context import Context
from mock_exchange.ews.soap import response_message
from mock_exchange.ews.zones import zone_element
from mock_exchange.xml.elements import MESSAGES, Element, add, m, make, t

MAX_RESOLUTIONS = 100


def resolve_names(context: Context) -> list[Element]:
    """Find mailboxes whose name or one of whose addresses is the entry, else begins with it."""
    entry = context.part("UnresolvedEntry")
    return context.each([] if entry is None else [entry], lambda entry: _resolve(context, entry.text or ""))


def get_server_time_zones(context: Context) -> list[Element]:
    """List the zones this server knows, or those that were asked for."""
    wanted = [zone.text for zone in context.parts("Ids")] or list(WINDOWS_ZONES)
    definitions = etree.Element(m("TimeZoneDefinitions"), nsmap={"m": MESSAGES})
    whole, year = context.option("ReturnFullTimeZoneData") in {"true", "1"}, now().year
    for name in wanted:
        if name in WINDOWS_ZONES:
            brief = make("TimeZoneDefinition", Id=name, Name=name)
            definitions.append(zone_element("TimeZoneDefinition", name, year) if whole else brief)
    return [response_message(context.call.verb, definitions)]


def _resolve(context: Context, entry: str) -> list[Element]:
    start = entry.strip().removeprefix("smtp:").removeprefix("SMTP:").casefold()
    mailboxes = context.store.mailboxes.values()
    exact = [box for box in mailboxes if start in {name.casefold() for name in _names(box)}]
    found = exact or [box for box in mailboxes if any(name.casefold().startswith(start) for name in _names(box))]
    if not found:
        raise EwsError("ErrorNameResolutionNoResults", "No results were found.")
    resolutions = etree.Element(
        m("ResolutionSet"),
        nsmap={"m": MESSAGES},
        TotalItemsInView=str(len(found)),
        IncludesLastItemInRange="true" if len(found) <= MAX_RESOLUTIONS else "false",
    )
    for mailbox in found[:MAX_RESOLUTIONS]:
        _add_resolution(resolutions, mailbox)
    return [resolutions]


def _names(mailbox: Mailbox) -> list[str]:
    return [mailbox.name, mailbox.address, *mailbox.aliases]


def _add_resolution(resolutions: Element, mailbox: Mailbox) -> None:
    box = add(add(resolutions, t("Resolution")), t("Mailbox"))
    for name, text in (("Name", mailbox.name), ("EmailAddress", mailbox.address), ("RoutingType", "SMTP")):
        add(box, t(name), text)
    add(box, t("MailboxType"), "Mailbox")
