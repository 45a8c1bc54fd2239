"""Validation of what goes over the wire against Microsoft's schemas, which a folder beside the project holds."""

import threading
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from lxml import etree

from mock_exchange.ews.soap import Call
from mock_exchange.xml.elements import Element, children, local, t


@dataclass(frozen=True, slots=True)
class SchemaError:
    """One message that the schemas refuse."""

    direction: str
    """`request` or `response`."""
    verb: str
    message: str


@cache
def load(folder: Path) -> "Schemas":
    """Load the schemas of a folder once for all servers of a process: that costs more than a test."""
    return Schemas(folder)


class Schemas:
    """The loaded schemas; safe for use from several threads."""

    def __init__(self, folder: Path) -> None:
        self._schema = etree.XMLSchema(etree.parse(str(folder / "messages.xsd")))
        self._lock = threading.Lock()

    def check_call(self, call: Call) -> list[SchemaError]:
        """Check the call and every header of EWS; headers of other standards are theirs to define."""
        parts = (*(header for header in call.headers if header.tag == t(local(header))), call.body)
        return [SchemaError("request", call.verb, text) for part in parts for text in self._refusals(part)]

    def check_answer(self, verb: str, raw: bytes) -> list[SchemaError]:
        """Check an envelope this server is about to send; a SOAP fault is not EWS's to define."""
        parts = [part for section in children(etree.fromstring(raw)) for part in children(section)]
        checked = [part for part in parts if local(part) != "Fault"]
        return [SchemaError("response", verb, text) for part in checked for text in self._refusals(part)]

    def _refusals(self, part: Element) -> list[str]:
        alone = etree.ElementTree(etree.fromstring(etree.tostring(part, with_tail=False)))
        with self._lock:
            if self._schema.validate(alone):
                return []
            return [str(entry.message) for entry in self._schema.error_log]
