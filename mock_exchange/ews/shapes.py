"""Which properties an answer shows, in the element order of Microsoft's types.xsd.

EWS is a sequence, and clients that validate insist on the order.
"""

from collections.abc import Collection
from dataclasses import dataclass

from mock_exchange.calendar.model import Folder, Item
from mock_exchange.calendar.store import Store
from mock_exchange.ews.rights import Level
from mock_exchange.ews.views import FolderView, ItemView, Readable, as_text, kind_of
from mock_exchange.xml.elements import Element, add, child_text, local, make, own_copy, t
from mock_exchange.xml.paths import ExtendedKey, extended_key, key_of, requested


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


ITEM = _words("""
    MimeContent ItemId ParentFolderId ItemClass Subject Sensitivity Body Attachments DateTimeReceived Size
    Categories Importance InReplyTo IsSubmitted IsDraft IsFromMe IsResend IsUnmodified InternetMessageHeaders
    DateTimeSent DateTimeCreated ResponseObjects ReminderDueBy ReminderIsSet ReminderNextTime
    ReminderMinutesBeforeStart DisplayCc DisplayTo DisplayBcc HasAttachments ExtendedProperty Culture
    EffectiveRights LastModifiedName LastModifiedTime IsAssociated WebClientReadFormQueryString
    WebClientEditFormQueryString ConversationId UniqueBody Flag StoreEntryId InstanceKey NormalizedBody
    EntityExtractionResult PolicyTag ArchiveTag RetentionDate Preview RightsManagementLicenseData
    PredictedActionReasons IsClutter BlockStatus HasBlockedImages TextBody IconIndex SearchKey SortKey Hashtags
    Mentions MentionedMe MentionsPreview MentionsEx AppliedHashtags AppliedHashtagsPreview Likes LikesPreview
    PendingSocialActivityTagIds AtAllMention CanDelete InferenceClassification
""")

CALENDAR_ITEM = ITEM + _words("""
    UID RecurrenceId DateTimeStamp Start End OriginalStart IsAllDayEvent LegacyFreeBusyStatus Location When
    IsMeeting IsCancelled IsRecurring MeetingRequestWasSent IsResponseRequested CalendarItemType MyResponseType
    Organizer RequiredAttendees OptionalAttendees Resources InboxReminders ConflictingMeetingCount
    AdjacentMeetingCount ConflictingMeetings AdjacentMeetings Duration TimeZone AppointmentReplyTime
    AppointmentSequenceNumber AppointmentState Recurrence FirstOccurrence LastOccurrence ModifiedOccurrences
    DeletedOccurrences MeetingTimeZone StartTimeZone EndTimeZone ConferenceType AllowNewTimeProposal
    IsOnlineMeeting MeetingWorkspaceUrl NetShowUrl EnhancedLocation StartWallClock EndWallClock StartTimeZoneId
    EndTimeZoneId IntendedFreeBusyStatus JoinOnlineMeetingUrl OnlineMeetingSettings IsOrganizer
    CalendarActivityData
""")

FOLDER = _words("""
    FolderId ParentFolderId FolderClass DisplayName TotalCount ChildFolderCount ExtendedProperty
    ManagedFolderInformation EffectiveRights DistinguishedFolderId PolicyTag ArchiveTag ReplicaList
    SharingEffectiveRights PermissionSet UnreadCount
""")

ITEM_DEFAULT_SHAPE = frozenset(
    _words("""
    ItemId Subject HasAttachments UID Start End IsAllDayEvent LegacyFreeBusyStatus Location IsRecurring
    CalendarItemType Organizer RequiredAttendees OptionalAttendees Resources Duration Recurrence StartTimeZone
    EndTimeZone
""")
)

FOLDER_DEFAULT_SHAPE = frozenset(_words("FolderId DisplayName TotalCount ChildFolderCount UnreadCount"))

NOT_IN_FIND_ITEM = frozenset(
    _words("""
    MimeContent Body Attachments UniqueBody NormalizedBody TextBody RequiredAttendees OptionalAttendees
    Resources Recurrence FirstOccurrence LastOccurrence ModifiedOccurrences DeletedOccurrences MeetingTimeZone
    StartTimeZone EndTimeZone
""")
)
"""A list is made from the folder's table, which does not hold these; only GetItem knows them."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A base shape and what was asked for beside."""

    base: str
    names: frozenset[str]
    extended: tuple[Element, ...]
    text_bodies: bool = False


ID_ONLY = Shape("IdOnly", frozenset(), ())


def shape_of(element: Element) -> Shape:
    """Read an ItemShape or a FolderShape.

    Raises:
        EwsError: it asks for what is no property.

    """
    paths = requested(element)
    names = {key for key in map(key_of, paths) if isinstance(key, str)}
    if child_text(element, "t:IncludeMimeContent") in {"true", "1"}:
        names.add("MimeContent")
    return Shape(
        base=child_text(element, "t:BaseShape") or "IdOnly",
        names=frozenset(names),
        extended=tuple(path for path in paths if local(path) == "ExtendedFieldURI"),
        text_bodies=child_text(element, "t:BodyType") == "Text",
    )


def item_element(store: Store, item: Item, shape: Shape, listing: bool = False, level: Level = Level.OWNER) -> Element:
    """Return a CalendarItem with what the shape asks for; a listing lacks what only GetItem knows."""
    names = _names(shape, "ItemId", ITEM_DEFAULT_SHAPE, CALENDAR_ITEM)
    if listing:
        names -= NOT_IN_FIND_ITEM
    element = make("CalendarItem")
    _fill(element, ItemView(store, item, level), CALENDAR_ITEM, names, shape)
    if shape.text_bodies:
        for body in element.findall(t("Body")):
            element.replace(body, as_text(body))
    return element


def folder_element(store: Store, folder: Folder, shape: Shape, level: Level = Level.OWNER) -> Element:
    """Return a folder element of the folder's kind with what the shape asks for."""
    names = _names(shape, "FolderId", FOLDER_DEFAULT_SHAPE, FOLDER)
    element = make(kind_of(folder))
    _fill(element, FolderView(store, folder, level), FOLDER, names, shape)
    return element


def _names(shape: Shape, identity: str, default: Collection[str], everything: Collection[str]) -> set[str]:
    base = {"Default": default, "AllProperties": everything}.get(shape.base, ())
    # MimeContent and TextBody come only when they are asked for by name.
    return ({identity, *base} - {"MimeContent", "TextBody"}) | shape.names


def _fill(element: Element, thing: Readable, order: tuple[str, ...], names: set[str], shape: Shape) -> None:
    for name in order:
        if name == "ExtendedProperty":
            _add_extended(element, thing, shape)
        elif name in names and (value := thing.element(name)) is not None:
            element.append(value)


def _add_extended(element: Element, thing: Readable, shape: Shape) -> None:
    seen: set[ExtendedKey] = set()
    for uri in shape.extended:
        key = extended_key(uri)
        values = [] if key in seen else thing.extended(key)
        seen.add(key)
        if values:
            element.append(_extended_property(uri, values))


def _extended_property(uri: Element, values: list[str]) -> Element:
    """Answer under the very path that was asked for."""
    prop = make("ExtendedProperty")
    prop.append(own_copy(uri))
    if str(uri.get("PropertyType", "")).endswith("Array"):
        holder = add(prop, t("Values"))
        for value in values:
            add(holder, t("Value"), value)
    else:
        add(prop, t("Value"), values[0])
    return prop
