"""Namespaces and small helpers for EWS elements. Knows nothing of mailboxes."""

from copy import deepcopy
from typing import Any, TypeAlias

from lxml import etree

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
MESSAGES = "http://schemas.microsoft.com/exchange/services/2006/messages"
TYPES = "http://schemas.microsoft.com/exchange/services/2006/types"
ERRORS = "http://schemas.microsoft.com/exchange/services/2006/errors"
NAMESPACES = {"s": SOAP, "m": MESSAGES, "t": TYPES}

Element: TypeAlias = Any
"""An lxml element. lxml ships no annotations; the alias says what is meant."""


def t(name: str) -> str:
    """Return the qualified name of a `types` element."""
    return f"{{{TYPES}}}{name}"


def m(name: str) -> str:
    """Return the qualified name of a `messages` element."""
    return f"{{{MESSAGES}}}{name}"


def local(element: Element) -> str:
    """Return an element's name without its namespace."""
    return str(etree.QName(element).localname)


def children(element: Element) -> list[Element]:
    """Return the child elements, without comments and processing instructions."""
    return [child for child in element if isinstance(child.tag, str)]


def make(name: str, text: str | None = None, /, **attributes: str) -> Element:
    """Make a `types` element that stands alone."""
    element = etree.Element(t(name), nsmap={"t": TYPES}, attrib=attributes)
    element.text = text
    return element


def add(parent: Element, qualified: str, text: str | None = None, /, **attributes: str) -> Element:
    """Append a child and return it."""
    element = etree.SubElement(parent, qualified, attrib=attributes)
    element.text = text
    return element


def own_copy(element: Element) -> Element:
    """Copy an element out of its document: appending an lxml element elsewhere moves it."""
    copy = deepcopy(element)
    copy.tail = None
    return copy


def child_text(element: Element, path: str) -> str | None:
    """Return the stripped text at a path such as ``t:Mailbox/t:EmailAddress``; None where it is absent or empty."""
    text = element.findtext(path, namespaces=NAMESPACES)
    return text.strip() or None if text else None
