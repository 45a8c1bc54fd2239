"""An entry as Exchange's calendar item, and back. The words of exchangelib and HTML stay in here."""

from copy import deepcopy
from datetime import UTC, datetime
from functools import lru_cache
from html import escape
from html.parser import HTMLParser
from typing import Any
from zoneinfo import ZoneInfo

from exchangelib import CalendarItem, EWSDateTime, EWSTimeZone, ExtendedProperty, HTMLBody
from exchangelib.errors import EWSError
from exchangelib.fields import ExtendedPropertyField, FieldPath
from exchangelib.properties import Fields, ItemId
from exchangelib.util import TNS, create_element, set_xml_value

from connectors.base import (
    INSTALLATION_PROPERTY,
    PROPERTY_SET_ID,
    UID_LIMIT,
    UID_PROPERTY,
    CalendarEntry,
    Sensitivity,
    ShowAs,
)
from connectors.ews.errors import INVALID_ITEM, UNSUPPORTED_RECURRENCE, UNSUPPORTED_ZONE, Ruling
from connectors.ews.series import UnsupportedRecurrence, from_recurrence, recurrence_element, to_recurrence


class RdvUid(ExtendedProperty):  # type: ignore[misc]  # exchangelib ships no annotations
    """Which event the item shows."""

    property_set_id = PROPERTY_SET_ID
    property_name = UID_PROPERTY
    property_type = "String"


class RdvInstallation(ExtendedProperty):  # type: ignore[misc]  # exchangelib ships no annotations
    """Which receiver wrote the item."""

    property_set_id = PROPERTY_SET_ID
    property_name = INSTALLATION_PROPERTY
    property_type = "String"


# exchangelib keeps a registered property on the class, for the whole process.
CalendarItem.register("rdv_uid", RdvUid)
CalendarItem.register("rdv_installation", RdvInstallation)

MARKS = ("rdv_uid", "rdv_installation")

WRITTEN = (
    "subject",
    "sensitivity",
    "body",
    "categories",
    "reminder_is_set",
    "reminder_minutes_before_start",
    *MARKS,
    "start",
    "end",
    "is_all_day",
    "legacy_free_busy_status",
    "location",
    "recurrence",
)
"""Every field an update overwrites: an entry shows what it should, whatever was there before."""


class WrittenItem(CalendarItem):  # type: ignore[misc]  # exchangelib ships no annotations
    """A calendar item with no other fields than those that are written.

    exchangelib goes through all fields of an item several times to write it, and a calendar item has a hundred.
    """

    def clean(self, version: Any = None) -> None:
        """Check the fields; not by the wall clock, which has the hour twice in which summer time ends."""
        super(CalendarItem, self).clean(version=version)
        if self.end.timestamp() < self.start.timestamp():
            raise ValueError("end")
        self.clean_timezone_fields(version=version)


_ZONES = ("_start_timezone", "_end_timezone")
WrittenItem.FIELDS = Fields(
    *(
        each
        for each in CalendarItem.FIELDS
        # The last four are used by exchangelib's own methods.
        if each.name in {*WRITTEN, *_ZONES, "_id", "_meeting_timezone", "attachments", "importance"}
    )
)

_PATHS = {
    each.value_cls.property_name if isinstance(each, ExtendedPropertyField) else each.response_tag(): (
        FieldPath(field=each).to_xml()
    )
    for each in WrittenItem.FIELDS
    if each.name in {*WRITTEN, *_ZONES}
}
"""What an update names each field by."""

# Without is_all_day, which would have exchangelib turn times into dates.
READ = (*(name for name in WRITTEN if name != "is_all_day"), "_start_timezone")

_SHOW_AS = {ShowAs.BUSY: "Busy", ShowAs.FREE: "Free", ShowAs.OUT_OF_OFFICE: "OOF"}
_SHOWN_AS = {word: show_as for show_as, word in _SHOW_AS.items()}
_SENSITIVITY = {sensitivity: sensitivity.value.capitalize() for sensitivity in Sensitivity}
_SENSED = {word: sensitivity for sensitivity, word in _SENSITIVITY.items()}

WHEN = ("start", "end", "recurrence", "_start_timezone")
"""When an item takes place, and nothing of what it shows."""

TITLE_LIMIT = 255
LONGEST_NAME = 64
"""Of our properties' names."""
LONGEST_TEXT = 8 * 1024
"""Of what is read back: longer than any text that we write, so that what is cut off differs all the same."""


class InvalidEntry(Exception):
    """No Exchange would take the entry."""

    def __init__(self, ruling: Ruling = INVALID_ITEM) -> None:
        super().__init__(ruling.code)
        self.ruling = ruling


class UnreadableItem(Exception):
    """The item was not written by us as it stands now, and has no place in an entry."""


def to_element(entry: CalendarEntry, installation: str, account: Any) -> Any:
    """Return the item that shows the entry, as a request holds it: what cannot be written must not cost the neighbours.

    Raises:
        InvalidEntry: the entry breaks a limit, or Exchange does not know its zone or cannot hold its rule.

    """
    try:
        return to_item(entry, installation, account).to_xml(version=account.version)
    except UnsupportedRecurrence:
        raise InvalidEntry(UNSUPPORTED_RECURRENCE) from None
    except (EWSError, ValueError, TypeError, LookupError):
        raise InvalidEntry from None


def to_change(entry: CalendarEntry, installation: str, account: Any, item_id: str) -> Any:
    """Return what makes an item show the entry, as a request holds it.

    exchangelib would render every field anew, each at the cost of a whole small item.

    Raises:
        InvalidEntry: as `to_element`.

    """
    values = {_key(child): child for child in to_element(entry, installation, account)}
    change = set_xml_value(create_element("t:ItemChange"), ItemId(id=item_id), version=account.version)
    updates = create_element("t:Updates")
    change.append(updates)
    for key, path in _PATHS.items():
        value = values.get(key)
        update = create_element("t:DeleteItemField" if value is None else "t:SetItemField")
        update.append(deepcopy(path))
        if value is not None:
            update.append(set_xml_value(create_element("t:CalendarItem"), value))
        updates.append(update)
    return change


def to_mark(installation: str, account: Any, item_id: str) -> Any:
    """Return what makes an item bear an installation's mark and changes nothing else of it, as a request holds it."""
    item = WrittenItem(account=account, rdv_installation=installation)
    field = WrittenItem.get_field_by_fieldname("rdv_installation")
    value = field.to_xml(item.rdv_installation, version=account.version)
    change = set_xml_value(create_element("t:ItemChange"), ItemId(id=item_id), version=account.version)
    update = create_element("t:SetItemField")
    update.append(deepcopy(_PATHS[INSTALLATION_PROPERTY]))
    update.append(set_xml_value(create_element("t:CalendarItem"), value))
    updates = create_element("t:Updates")
    updates.append(update)
    change.append(updates)
    return change


def _key(element: Any) -> str:
    """Name a field's element; our two share theirs, which alone carries a property's name."""
    path = element.find(f"{{{TNS}}}ExtendedFieldURI")
    return str(element.tag if path is None else path.get("PropertyName"))


def to_item(entry: CalendarEntry, installation: str, account: Any) -> Any:
    """Return the item that shows the entry.

    Raises:
        InvalidEntry: the entry breaks a limit, or Exchange does not know its zone.
        UnsupportedRecurrence: Exchange cannot hold its rule.

    """
    if len(entry.uid) > UID_LIMIT or len(entry.title) > TITLE_LIMIT or not entry.uid.isascii():
        raise InvalidEntry
    zone = _zone(entry.time_zone)
    first_day = entry.start.astimezone(ZoneInfo(entry.time_zone)).date()
    return WrittenItem(
        account=account,
        subject=entry.title,
        body=HTMLBody(to_html(entry.notice, entry.link)),
        start=_in_zone(entry.start, zone),
        end=_in_zone(entry.end, zone),
        _start_timezone=zone,
        _end_timezone=zone,
        is_all_day=False,
        location=entry.location or None,
        legacy_free_busy_status=_SHOW_AS[entry.show_as],
        sensitivity=_SENSITIVITY[entry.sensitivity],
        reminder_is_set=entry.reminder_minutes is not None,
        reminder_minutes_before_start=entry.reminder_minutes or 0,
        categories=[entry.category] if entry.category else None,
        recurrence=entry.recurrence and to_recurrence(entry.recurrence, first_day, account.version),
        rdv_uid=entry.uid,
        rdv_installation=installation,
    )


def marks_of(element: Any) -> dict[str, str]:
    """Return our properties of an item, by name. exchangelib would miss them where the GUID's case differs."""
    marks = {}
    for each in element.iter(f"{{{TNS}}}ExtendedProperty"):
        path = each.find(f"{{{TNS}}}ExtendedFieldURI")
        if path is not None and path.get("PropertySetId", "").lower() == PROPERTY_SET_ID:
            value = each.findtext(f"{{{TNS}}}Value") or ""
            marks[path.get("PropertyName", "")[:LONGEST_NAME]] = value[: UID_LIMIT + 1]
    return marks


def to_entry(element: Any) -> CalendarEntry:
    """Return what an item of ours shows.

    Read from the XML: exchangelib's own reading wants lxml, and goes through a hundred fields. The zone is one that
    keeps the same time as the one written: Windows has fewer zones, and Guadeloupe's comes back as that of La Paz.

    Raises:
        UnreadableItem: its time cannot be read.

    """
    zone = _zone_in(element)
    start = _moment(element, "Start").astimezone(zone)
    series = recurrence_element(element)
    notice, link = from_html(element.findtext(f"{{{TNS}}}Body") or "")
    return CalendarEntry(
        uid=marks_of(element).get(UID_PROPERTY, ""),
        title=_text(element, "Subject"),
        start=start,
        end=_moment(element, "End").astimezone(zone),
        time_zone=zone.key,
        location=_text(element, "Location"),
        notice=notice[:LONGEST_TEXT],
        link=link and link[:LONGEST_TEXT],
        show_as=_SHOWN_AS.get(_text(element, "LegacyFreeBusyStatus"), ShowAs.BUSY),
        sensitivity=_SENSED.get(_text(element, "Sensitivity"), Sensitivity.NORMAL),
        reminder_minutes=_reminder_minutes(element),
        category=_text(element, f"Categories/{{{TNS}}}String") or None,
        recurrence=None if series is None else from_recurrence(series, start.date()),
    )


def _text(element: Any, name: str) -> str:
    return (element.findtext(f"{{{TNS}}}{name}") or "")[:LONGEST_TEXT]


def _moment(element: Any, name: str) -> datetime:
    try:
        moment = datetime.fromisoformat(_text(element, name))
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise UnreadableItem from None


def _zone_in(element: Any) -> ZoneInfo:
    written = element.find(f"{{{TNS}}}StartTimeZone")
    name = "" if written is None else written.get("Id") or written.get("Name") or ""
    try:
        return ZoneInfo(EWSTimeZone.from_ms_id(name[:LONGEST_NAME]).key)
    except (EWSError, ValueError, LookupError, OSError):  # none that anybody knows
        return ZoneInfo("UTC")


def _reminder_minutes(element: Any) -> int | None:
    minutes = _text(element, "ReminderMinutesBeforeStart") or "0"
    if _text(element, "ReminderIsSet") not in {"true", "1"}:
        return None
    return int(minutes) if minutes.isascii() and minutes.isdigit() and len(minutes) < 10 else None


@lru_cache(64)
def _zone(name: str) -> Any:
    try:
        return EWSTimeZone(name)
    except (EWSError, ValueError, LookupError, OSError):  # Windows has fewer zones; and some names are paths
        raise InvalidEntry(UNSUPPORTED_ZONE) from None


def _in_zone(moment: datetime, zone: Any) -> Any:
    # EWS takes whole seconds.
    return EWSDateTime.from_datetime(moment.astimezone(UTC).replace(microsecond=0)).astimezone(zone)


def to_html(notice: str, link: str | None) -> str:
    """Return the body: the sentence, and the address of the appointment's page."""
    sentence = f"<p>{escape(notice)}</p>" if notice else ""
    anchor = f'<p><a href="{escape(link)}">{escape(link)}</a></p>' if link else ""
    return f"<html><body>{sentence}{anchor}</body></html>"


def from_html(body: str) -> tuple[str, str | None]:
    """Return sentence and link of a body that we wrote, as Exchange may have rewritten its HTML."""
    reader = _BodyReader()
    reader.feed(body)
    reader.close()
    return " ".join("".join(reader.text).split()), reader.link


class _BodyReader(HTMLParser):
    """Collects the text outside links, and the first link's address."""

    UNSEEN = frozenset({"a", "style", "title", "script"})

    def __init__(self) -> None:
        super().__init__()
        self.text: list[str] = []
        self.link: str | None = None
        self._unseen = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._unseen += tag in self.UNSEEN
        if tag == "a" and self.link is None:
            self.link = dict(attrs).get("href")

    def handle_endtag(self, tag: str) -> None:
        self._unseen -= tag in self.UNSEEN

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self.text.append(data)
