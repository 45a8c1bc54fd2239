"""What a request calls a property: FieldURI and ExtendedFieldURI, and the keys they are stored under."""

from dataclasses import dataclass

from mock_exchange.errors import EwsError
from mock_exchange.xml.elements import Element, children, local

PROPERTY_SETS = {
    "Meeting": "6ed8da90-450b-101b-98da-00aa003f1305",
    "Appointment": "00062002-0000-0000-c000-000000000046",
    "Common": "00062008-0000-0000-c000-000000000046",
    "PublicStrings": "00020329-0000-0000-c000-000000000046",
    "Address": "00062004-0000-0000-c000-000000000046",
    "InternetHeaders": "00020386-0000-0000-c000-000000000046",
    "CalendarAssistant": "11000e07-b51b-40d6-af21-caa85edab1d0",
    "UnifiedMessaging": "4442858e-a9e3-4e80-b900-317a210cc15b",
    "Task": "00062003-0000-0000-c000-000000000046",
    "Sharing": "00062040-0000-0000-c000-000000000046",
}
"""[MS-OXPROPS] 1.3.2: a set named by word and one named by GUID are the same."""

TAG = "tag"


@dataclass(frozen=True, slots=True)
class ExtendedKey:
    """Identity of an extended property: the property set's GUID (or `tag`) and its name or hexadecimal number."""

    space: str
    name: str


PropertyKey = str | ExtendedKey
"""A schema element's name, or an extended property."""


def key_of(path: Element) -> PropertyKey:
    """Return the key of a path element.

    Raises:
        EwsError: the path is not one this server reads.

    """
    kind = local(path)
    if kind == "FieldURI":
        return str(path.get("FieldURI", "")).partition(":")[2]
    if kind == "ExtendedFieldURI":
        return extended_key(path)
    raise EwsError("ErrorInvalidPropertyRequest", "Indexed properties are not supported.")


def extended_key(uri: Element) -> ExtendedKey:
    """Return the key of an ExtendedFieldURI.

    Raises:
        EwsError: the attributes do not name exactly one property.

    """
    tag, number, name = uri.get("PropertyTag"), uri.get("PropertyId"), uri.get("PropertyName")
    if sum(given is not None for given in (tag, number, name)) != 1:
        raise _invalid()
    if tag is not None:
        if _property_set(uri) is not None:
            raise _invalid()
        return ExtendedKey(TAG, hex(int(tag, 0)))
    space = _property_set(uri)
    if space is None:
        raise _invalid()
    return ExtendedKey(space, name if name is not None else hex(int(number, 10)))


def requested(shape: Element | None) -> list[Element]:
    """Return the paths under a shape's AdditionalProperties."""
    if shape is None:
        return []
    return [path for more in children(shape) if local(more) == "AdditionalProperties" for path in children(more)]


def _property_set(uri: Element) -> str | None:
    guid, word = uri.get("PropertySetId"), uri.get("DistinguishedPropertySetId")
    if guid is not None and word is not None:
        raise _invalid()
    if guid is not None:
        return str(guid).lower()
    return PROPERTY_SETS.get(word) if word is not None else None


def _invalid() -> EwsError:
    return EwsError("ErrorInvalidExtendedProperty", "The extended property attribute combination is invalid.")
