"""What a calendar item may hold: reading what a client sends, defaults, limits, and changes of single fields."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Self

from mock_exchange.calendar.recurrence_element import with_zoned_dates
from mock_exchange.calendar.series import settled
from mock_exchange.calendar.times import now, parse, to_wire, zone_of
from mock_exchange.errors import EwsError
from mock_exchange.xml.elements import Element, child_text, children, local, make, own_copy, t
from mock_exchange.xml.paths import ExtendedKey, PropertyKey, extended_key, key_of

MAX_TEXT = 255
LIMITED_TEXTS = ("Subject", "Location")
LONGEST = timedelta(days=5 * 366)
TIMES = frozenset({"Start", "End", "ReminderDueBy", "RecurrenceId", "DateTimeStamp"})
BOOLEANS = frozenset(
    {"AllowNewTimeProposal", "IsAllDayEvent", "IsOnlineMeeting", "IsResponseRequested", "ReminderIsSet"}
)
BOOLEAN_WORDS = {"0": "false", "1": "true"}
"""Clients may send either form of xs:boolean; Exchange answers words, and exchangelib reads nothing else."""
UID_PREFIX = "040000008200E00074C5B7101A82E00800000000"

DEFAULTS = {
    "ItemClass": "IPM.Appointment",
    "Subject": "",
    "Sensitivity": "Normal",
    "Importance": "Normal",
    "ReminderIsSet": "true",
    "ReminderMinutesBeforeStart": "15",
    "IsAllDayEvent": "false",
    "LegacyFreeBusyStatus": "Busy",
    "Location": "",
}
"""What Exchange sets where a client says nothing; a reminder among it, which surprises clients that never name it."""

_WRITABLE = """
    ItemClass Subject Sensitivity Body Categories Importance InReplyTo ReminderDueBy ReminderIsSet
    ReminderMinutesBeforeStart Culture Flag UID RecurrenceId DateTimeStamp Start End IsAllDayEvent
    LegacyFreeBusyStatus Location When IsResponseRequested RequiredAttendees OptionalAttendees Resources
    Recurrence MeetingTimeZone StartTimeZone EndTimeZone ConferenceType AllowNewTimeProposal IsOnlineMeeting
    MeetingWorkspaceUrl NetShowUrl EnhancedLocation IntendedFreeBusyStatus
"""
WRITABLE = frozenset(_WRITABLE.split())
"""What a client may set on a calendar item; the rest is the server's own, or not supported here."""

UNDELETABLE = frozenset({"ItemClass", "Start", "End", "UID"})


@dataclass(slots=True)
class Draft:
    """Properties of an item being made or changed; nothing is stored before `checked`."""

    values: dict[str, Element] = field(default_factory=dict)
    extended: dict[ExtendedKey, Element] = field(default_factory=dict)
    zone_id: str = "UTC"
    """Windows id of the zone of times without offset, and of an item that names none."""

    @classmethod
    def of(cls, values: Mapping[str, Element], extended: Mapping[ExtendedKey, Element], zone_id: str = "UTC") -> Self:
        """Start from what an item holds."""
        return cls(dict(values), dict(extended), zone_id)

    def read(self, item: Element) -> Self:
        """Take every property of a client's new item.

        Raises:
            EwsError: one of them cannot be set.

        """
        for element in children(item):
            self.set(element)
        return self

    def change(self, description: Element) -> None:
        """Apply a SetItemField, an AppendToItemField or a DeleteItemField.

        Raises:
            EwsError: the field cannot be changed so.

        """
        path, *rest = children(description)
        key, kind = key_of(path), local(description)
        if kind == "DeleteItemField":
            self._delete(key)
            return
        new = _the_property(key, rest)
        if kind == "AppendToItemField":
            new = self._appended(key, new)
        self.set(new)

    def set(self, element: Element) -> None:
        """Set one property from its element.

        Raises:
            EwsError: a client cannot set it, or not to this.

        """
        name = local(element)
        if name == "ExtendedProperty":
            self.extended[extended_key(children(element)[0])] = _valid_extended(element)
            return
        if name not in WRITABLE:
            raise EwsError("ErrorInvalidPropertySet", f"Set action is invalid for property {name}.")
        value = own_copy(element)
        if name in TIMES:
            value.text = to_wire(parse(value.text or "", zone_of(self.zone_id)))
        if name in BOOLEANS:
            value.text = BOOLEAN_WORDS.get((value.text or "").strip(), value.text)
        self.values[name] = with_zoned_dates(value) if name == "Recurrence" else value

    def checked(self) -> Self:
        """Fill in defaults and check the whole.

        Raises:
            EwsError: Exchange would not save it.

        """
        self._fill_in()
        self._check_texts()
        start, end = (parse(self.values[name].text or "") for name in ("Start", "End"))
        if end < start:
            raise EwsError("ErrorCalendarEndDateIsEarlierThanStartDate", "EndDate is earlier than StartDate")
        if end - start > LONGEST:
            raise EwsError("ErrorCalendarDurationIsTooLong", "Duration is too long.")
        self.values = settled(self.values)
        return self

    def attendees(self) -> int:
        """Count who would get a mail."""
        kinds = ("RequiredAttendees", "OptionalAttendees", "Resources")
        return sum(len(children(self.values[kind])) for kind in kinds if kind in self.values)

    def _delete(self, key: PropertyKey) -> None:
        if isinstance(key, ExtendedKey):
            self.extended.pop(key, None)
            return
        if key not in WRITABLE or key in UNDELETABLE:
            raise EwsError("ErrorInvalidPropertyDelete", f"Delete action is invalid for property {key}.")
        self.values.pop(key, None)

    def _appended(self, key: PropertyKey, new: Element) -> Element:
        if key != "Body":
            raise EwsError("ErrorInvalidPropertyAppend", "Append action is invalid for this property.")
        old = self.values.get("Body")
        appended = own_copy(new)
        appended.text = ("" if old is None else old.text or "") + (new.text or "")
        return appended

    def _fill_in(self) -> None:
        for name, text in DEFAULTS.items():
            self.values.setdefault(name, make(name, text))
        self.values.setdefault("Start", make("Start", to_wire(now())))
        half_an_hour_later = parse(self.values["Start"].text or "") + timedelta(minutes=30)
        self.values.setdefault("End", make("End", to_wire(half_an_hour_later)))
        self.values.setdefault("UID", make("UID", UID_PREFIX + secrets.token_hex(36).upper()))
        self.values.setdefault("StartTimeZone", make("StartTimeZone", Id=self.zone_id, Name=self.zone_id))
        if "EndTimeZone" not in self.values:
            end_zone = own_copy(self.values["StartTimeZone"])
            end_zone.tag = t("EndTimeZone")
            self.values["EndTimeZone"] = end_zone

    def _check_texts(self) -> None:
        texts = [self.values[name].text for name in LIMITED_TEXTS if name in self.values]
        if "Categories" in self.values:
            texts += [category.text for category in children(self.values["Categories"])]
        if any(len(text or "") > MAX_TEXT for text in texts):
            raise EwsError("ErrorPropertyValidationFailure", "At least one property failed validation.")


def _the_property(key: PropertyKey, items: list[Element]) -> Element:
    """Return the one property of a field change; it must be the one its path names."""
    properties = children(items[0]) if items else []
    if len(properties) != 1:
        raise EwsError("ErrorIncorrectUpdatePropertyCount", "An object within a change must have one property.")
    name = local(properties[0])
    named = extended_key(children(properties[0])[0]) if name == "ExtendedProperty" else name
    if named != key:
        raise EwsError("ErrorUpdatePropertyMismatch", "The property does not match the path of the change.")
    return properties[0]


def _valid_extended(prop: Element) -> Element:
    uri = children(prop)[0]
    kind, text = str(uri.get("PropertyType", "")), child_text(prop, "t:Value")
    if kind.endswith("Array") != (prop.find(t("Values")) is not None):
        raise EwsError("ErrorInvalidExtendedPropertyValue", "An array needs Values, anything else a Value.")
    if kind in {"Integer", "Short", "Long"} and not (text or "").lstrip("-").isdigit():
        raise EwsError("ErrorInvalidExtendedPropertyValue", "The value does not match the property's type.")
    return own_copy(prop)
