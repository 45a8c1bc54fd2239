"""The element order of Microsoft's types.xsd: EWS is a sequence, and clients that validate insist."""


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


ITEM = _names("""
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

CALENDAR_ITEM = ITEM + _names("""
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

FOLDER = _names("""
    FolderId ParentFolderId FolderClass DisplayName TotalCount ChildFolderCount ExtendedProperty
    ManagedFolderInformation EffectiveRights DistinguishedFolderId PolicyTag ArchiveTag ReplicaList
    SharingEffectiveRights PermissionSet UnreadCount
""")

WRITABLE = frozenset(
    _names("""
    ItemClass Subject Sensitivity Body Categories Importance InReplyTo ReminderDueBy ReminderIsSet
    ReminderMinutesBeforeStart Culture Flag UID RecurrenceId DateTimeStamp Start End IsAllDayEvent
    LegacyFreeBusyStatus Location When IsResponseRequested RequiredAttendees OptionalAttendees Resources
    Recurrence MeetingTimeZone StartTimeZone EndTimeZone ConferenceType AllowNewTimeProposal IsOnlineMeeting
    MeetingWorkspaceUrl NetShowUrl EnhancedLocation IntendedFreeBusyStatus
""")
)
"""What a client may set on a calendar item; the rest is the server's own, or not supported here."""

UNDELETABLE = frozenset({"ItemClass", "Start", "End", "UID"})

ITEM_DEFAULT_SHAPE = frozenset(
    _names("""
    ItemId Subject HasAttachments UID Start End IsAllDayEvent LegacyFreeBusyStatus Location IsRecurring
    CalendarItemType Organizer RequiredAttendees OptionalAttendees Resources Duration Recurrence StartTimeZone
    EndTimeZone
""")
)

FOLDER_DEFAULT_SHAPE = frozenset(_names("FolderId DisplayName TotalCount ChildFolderCount UnreadCount"))

NOT_IN_FIND_ITEM = frozenset(
    _names("""
    MimeContent Body Attachments UniqueBody NormalizedBody TextBody RequiredAttendees OptionalAttendees
    Resources Recurrence FirstOccurrence LastOccurrence ModifiedOccurrences DeletedOccurrences MeetingTimeZone
    StartTimeZone EndTimeZone
""")
)
"""A list is made from the folder's table, which does not hold these; only GetItem knows them."""
