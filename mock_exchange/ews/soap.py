"""SOAP envelopes: what came in, and what goes out. Knows no verb's meaning."""

from collections.abc import Iterable
from dataclasses import dataclass

from lxml import etree

from mock_exchange.errors import EwsError, SoapFault
from mock_exchange.xml.elements import ERRORS, MESSAGES, NAMESPACES, SOAP, TYPES, Element, add, children, local, m

SERVER_VERSION = {
    "MajorVersion": "15",
    "MinorVersion": "1",
    "MajorBuildNumber": "2507",
    "MinorBuildNumber": "39",
    "Version": "V2017_07_11",
}
"""Exchange 2016 CU23."""


@dataclass(frozen=True, slots=True)
class Call:
    """One parsed request."""

    verb: str
    body: Element
    headers: tuple[Element, ...]

    def header(self, name: str) -> Element | None:
        """Return the SOAP header child of that name."""
        return next((header for header in self.headers if local(header) == name), None)


def parse_call(raw: bytes) -> Call:
    """Read an envelope.

    Raises:
        SoapFault: it is none. No document type is accepted, so no entity is ever expanded.

    """
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True)
    try:
        root = etree.fromstring(raw, parser)
    except etree.XMLSyntaxError as error:
        raise SoapFault("ErrorInvalidRequest", "The request is no well-formed XML.") from error
    if root.getroottree().docinfo.doctype:
        raise SoapFault("ErrorInvalidRequest", "A document type is not accepted.")
    body = root.find("s:Body", NAMESPACES)
    calls = [] if body is None else children(body)
    if root.tag != f"{{{SOAP}}}Envelope" or len(calls) != 1:
        raise SoapFault("ErrorInvalidRequest", "The request is no SOAP envelope with one call.")
    header = root.find("s:Header", NAMESPACES)
    return Call(local(calls[0]), calls[0], () if header is None else tuple(children(header)))


def response_message(name: str, *payload: Element) -> Element:
    """Return a response message of class Success."""
    message = _message(name, "Success")
    add(message, m("ResponseCode"), "NoError")
    message.extend(payload)
    return message


def error_message(name: str, error: EwsError, *payload: Element) -> Element:
    """Return a response message of class Error."""
    message = _message(name, "Error")
    add(message, m("MessageText"), error.text)
    add(message, m("ResponseCode"), error.code)
    add(message, m("DescriptiveLinkKey"), "0")
    message.extend(payload)
    return message


def response(verb: str, messages: Iterable[Element]) -> Element:
    """Wrap response messages into a verb's response."""
    answer = etree.Element(m(f"{verb}Response"), nsmap={"m": MESSAGES, "t": TYPES})
    add(answer, m("ResponseMessages")).extend(messages)
    return answer


def envelope(content: Element) -> bytes:
    """Return the whole answer."""
    root = etree.Element(f"{{{SOAP}}}Envelope", nsmap={"s": SOAP})
    header = add(root, f"{{{SOAP}}}Header")
    etree.SubElement(header, f"{{{TYPES}}}ServerVersionInfo", attrib=SERVER_VERSION, nsmap={"h": TYPES})
    add(root, f"{{{SOAP}}}Body").append(content)
    return bytes(etree.tostring(root, xml_declaration=True, encoding="utf-8"))


def fault_element(fault: SoapFault) -> Element:
    """Return a SOAP fault as Exchange words it."""
    element = etree.Element(f"{{{SOAP}}}Fault")
    code = etree.SubElement(element, "faultcode", nsmap={"a": TYPES})
    code.text = f"a:{fault.code}"
    add(element, "faultstring", fault.text, **{"{http://www.w3.org/XML/1998/namespace}lang": "en-US"})
    detail = add(element, "detail")
    for name, text in (("ResponseCode", fault.code), ("Message", fault.text)):
        etree.SubElement(detail, f"{{{ERRORS}}}{name}", nsmap={"e": ERRORS}).text = text
    if fault.back_off_ms is not None:
        more = etree.SubElement(detail, f"{{{TYPES}}}MessageXml", nsmap={"t": TYPES})
        add(more, f"{{{TYPES}}}Value", str(fault.back_off_ms), Name="BackOffMilliseconds")
    return element


def _message(name: str, response_class: str) -> Element:
    return etree.Element(m(f"{name}ResponseMessage"), nsmap={"m": MESSAGES, "t": TYPES}, ResponseClass=response_class)
