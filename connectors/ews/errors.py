"""What a failure means for the changes it concerns: one table for EWS response codes, one for HTTP statuses.

The codes are ours and stable. No text of a server or a library is kept: it may quote what was sent.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum

from connectors.base import ConnectorError, Failed, NotFound, Outcome, Permanent, Scope, Temporary, Unconfirmed


class Kind(Enum):
    """What is known of a change after a failure."""

    NOT_DONE = "not_done"
    """Certainly not done; a retry may succeed."""
    REFUSED = "refused"
    """Certainly not done; a retry cannot succeed."""
    IN_DOUBT = "in_doubt"
    """May be done, now or later."""
    NOT_FOUND = "not_found"


@dataclass(frozen=True, slots=True)
class Ruling:
    """The meaning of one failure."""

    code: str
    scope: Scope
    kind: Kind = Kind.NOT_DONE
    retry_after_s: float | None = None

    def error(self) -> ConnectorError:
        """Return it as the failure of a call that only reads."""
        if self.kind is Kind.REFUSED:
            return Permanent(self.code, self.scope)
        return Temporary(self.code, self.scope, self.retry_after_s)

    def outcome(self) -> Outcome:
        """Return it as the outcome of a change."""
        if self.kind is Kind.NOT_FOUND:
            return NotFound()
        return Unconfirmed(self.code, self.scope) if self.kind is Kind.IN_DOUBT else Failed(self.error())

    def shared(self) -> "Ruling":
        """Return its meaning for several changes that were sent together, one of which caused it.

        Nobody knows which: given up together, the good ones would be lost with the bad. Tried again each at its own
        time, they come apart.
        """
        return replace(self, kind=Kind.NOT_DONE) if self.kind is Kind.REFUSED else self

    def of_mailbox(self) -> "Ruling":
        """Return its meaning for a read of a mailbox, which names no item."""
        return replace(self, scope=Scope.MAILBOX) if self.scope is Scope.ITEM else self


class CallFailed(Exception):
    """A request had no usable answer. Never leaves this package."""

    def __init__(self, ruling: Ruling) -> None:
        super().__init__(ruling.code)
        self.ruling = ruling


class Refusal(Exception):
    """The server answered with an EWS response code instead of what was asked for. Never leaves this package."""

    def __init__(self, response_code: str, retry_after_s: float | None = None) -> None:
        super().__init__(response_code)
        self.response_code = response_code
        self.retry_after_s = retry_after_s


# The network

NEVER_CONNECTED = Ruling("connection_failed", Scope.SERVER)
TLS_FAILED = Ruling("tls_failed", Scope.SERVER)
NO_CONNECTION_FREE = Ruling("connections_busy", Scope.SERVER)
NOT_SENT_IN_TIME = Ruling("timeout", Scope.SERVER)
# Scope mailbox: one hung mailbox must not stop the others. If the server hangs, each of them times out.
TIMED_OUT = Ruling("timeout", Scope.MAILBOX, Kind.IN_DOUBT)
CONNECTION_LOST = Ruling("connection_lost", Scope.SERVER, Kind.IN_DOUBT)

# Authentication. Nothing was done: the request proper is only read once the account is accepted.
AUTH_NOT_OFFERED = Ruling("auth_not_offered", Scope.SERVER)
KDC_UNREACHABLE = Ruling("kdc_unreachable", Scope.SERVER)
KEYTAB_REFUSED = Ruling("keytab_refused", Scope.SERVER)
SERVICE_UNKNOWN = Ruling("service_unknown", Scope.SERVER)
CLOCK_SKEW = Ruling("clock_skew", Scope.SERVER)

# Answers that are not what EWS answers

NOT_EWS = Ruling("not_ews", Scope.SERVER, Kind.IN_DOUBT)
INCOMPLETE = Ruling("answer_incomplete", Scope.MAILBOX, Kind.IN_DOUBT)
UNREADABLE_ITEM = Ruling("item_unreadable", Scope.MAILBOX)
MAILBOX_NOT_FOUND = Ruling("mailbox_not_found", Scope.MAILBOX)
ACCESS_DENIED = Ruling("access_denied", Scope.MAILBOX)
PRIVATE_HIDDEN = Ruling("private_hidden", Scope.MAILBOX)
"""A delegate who cannot see private entries would take each of them for lost, and create it again."""
INVALID_ITEM = Ruling("invalid_item", Scope.ITEM, Kind.REFUSED)
UNSUPPORTED_ZONE = Ruling("unsupported_time_zone", Scope.ITEM, Kind.REFUSED)
UNSUPPORTED_RECURRENCE = Ruling("unsupported_recurrence", Scope.ITEM, Kind.REFUSED)


class AnswerTooLarge(CallFailed):
    """The answer exceeds the limit; an answer to a smaller request may not."""

    def __init__(self) -> None:
        super().__init__(NOT_EWS)


_STATUSES: Mapping[int, Ruling] = {
    401: Ruling("unauthorized", Scope.SERVER),
    403: Ruling("forbidden", Scope.SERVER),
    429: Ruling("server_busy", Scope.SERVER),
    503: Ruling("server_busy", Scope.SERVER),
}
_ELSEWHERE = Ruling("not_ews", Scope.SERVER)
_SERVER_ERROR = Ruling("server_error", Scope.SERVER, Kind.IN_DOUBT)


def of_status(status: int, retry_after_s: float | None) -> Ruling:
    """Judge an HTTP answer that holds no SOAP.

    A redirection or a 4xx comes before any work. With another 5xx, and with a strange 200, a proxy may have answered
    for a server that did the work.
    """
    if status in _STATUSES:
        return replace(_STATUSES[status], retry_after_s=retry_after_s)
    if 300 <= status < 500:
        return _ELSEWHERE
    return _SERVER_ERROR if status >= 500 else NOT_EWS


# EWS response codes

_TABLE: tuple[tuple[Ruling, tuple[str, ...]], ...] = (
    (
        Ruling("server_busy", Scope.SERVER),
        (
            "ErrorServerBusy",
            "ErrorExceededConnectionCount",
            "ErrorTooManyObjectsOpened",
            "ErrorInsufficientResources",
            "ErrorNotEnoughMemory",
        ),
    ),
    (
        # It may concern one damaged item: it does not prove that the server fails.
        Ruling("server_error", Scope.MAILBOX, Kind.IN_DOUBT),
        ("ErrorInternalServerError", "ErrorInternalServerTransientError", "ErrorMessageTrackingTransientError"),
    ),
    (TIMED_OUT, ("ErrorTimeoutExpired",)),
    (
        Ruling("directory_unavailable", Scope.SERVER),
        ("ErrorADUnavailable", "ErrorADOperation", "ErrorADSessionFilter", "ErrorProxyServiceDiscoveryFailed"),
    ),
    (Ruling("unauthorized", Scope.SERVER), ("ErrorPasswordExpired", "ErrorPasswordChangeRequired")),
    (
        Ruling("version_mismatch", Scope.SERVER),
        ("ErrorInvalidServerVersion", "ErrorIncorrectSchemaVersion", "ErrorInvalidSchemaVersionForMailboxVersion"),
    ),
    (
        MAILBOX_NOT_FOUND,
        (
            "ErrorNonExistentMailbox",
            "ErrorCannotFindUser",
            "ErrorInvalidSmtpAddress",
            "ErrorMissingEmailAddress",
            "ErrorNonPrimarySmtpAddress",
            "ErrorInvalidUserPrincipalName",
        ),
    ),
    (
        Ruling("impersonation_denied", Scope.MAILBOX),
        ("ErrorImpersonateUserDenied", "ErrorImpersonationDenied", "ErrorImpersonationFailed"),
    ),
    (Ruling("impersonation_denied", Scope.SERVER), ("ErrorInvalidExchangeImpersonationHeaderData",)),
    (
        ACCESS_DENIED,
        (
            "ErrorAccessDenied",
            "ErrorCreateItemAccessDenied",
            "ErrorAccountDisabled",
            "ErrorAccessModeSpecified",
            "ErrorMailboxConfiguration",
            "ErrorMailboxLogonFailed",
        ),
    ),
    (Ruling("mailbox_moving", Scope.MAILBOX), ("ErrorMailboxMoveInProgress", "ErrorWrongServerVersion")),
    # The mailbox store may have become unavailable during the work.
    (
        Ruling("mailbox_unavailable", Scope.MAILBOX, Kind.IN_DOUBT),
        (
            "ErrorMailboxStoreUnavailable",
            "ErrorMailboxFailover",
            "ErrorConnectionFailed",
            "ErrorNoRespondingCASInDestinationSite",
            "ErrorProxyCallFailed",
            "ErrorProxyRequestProcessingFailed",
            "ErrorProxySoapException",
            "ErrorRequestAborted",
        ),
    ),
    (
        Ruling("quota_exceeded", Scope.MAILBOX),
        ("ErrorQuotaExceeded", "ErrorSubmissionQuotaExceeded"),
    ),
    (
        Ruling("folder_not_found", Scope.MAILBOX),
        (
            "ErrorFolderNotFound",
            "ErrorParentFolderNotFound",
            "ErrorSavedItemFolderNotFound",
            "ErrorInvalidFolderId",
            "ErrorFolderCorrupt",
            "ErrorCannotCreateCalendarItemInNonCalendarFolder",
        ),
    ),
    # The item may live on under another id: the look-up by property finds it, whatever is wrong with this one.
    (
        Ruling("item_not_found", Scope.ITEM, Kind.NOT_FOUND),
        (
            "ErrorItemNotFound",
            "ErrorInvalidId",
            "ErrorInvalidIdEmpty",
            "ErrorInvalidIdMalformed",
            "ErrorInvalidIdMalformedEwsLegacyIdFormat",
            "ErrorInvalidIdMonikerTooLong",
            "ErrorInvalidIdStoreObjectIdTooLong",
            "ErrorInvalidIdXml",
            "ErrorCalendarCannotUpdateDeletedItem",
        ),
    ),
    (
        Ruling("item_busy", Scope.ITEM),
        (
            "ErrorIrresolvableConflict",
            "ErrorBatchProcessingStopped",
            "ErrorStaleObject",
            "ErrorItemSave",
            "ErrorMoveCopyFailed",
            "ErrorCannotDeleteObject",
            "ErrorDeleteItemsFailed",
        ),
    ),
    (
        UNSUPPORTED_RECURRENCE,
        (
            "ErrorOccurrenceTimeSpanTooBig",
            "ErrorOccurrenceCrossingBoundary",
            "ErrorCalendarInvalidRecurrence",
            "ErrorRecurrenceHasNoOccurrence",
        ),
    ),
    (UNSUPPORTED_ZONE, ("ErrorCalendarInvalidTimeZone", "ErrorTimeZone")),
    (Ruling("invalid_request", Scope.ITEM, Kind.REFUSED), ("ErrorInvalidRequest", "ErrorSchemaValidation")),
)

RULINGS: Mapping[str, Ruling] = {name: ruling for ruling, names in _TABLE for name in names}

_RESPONSE_CODE = re.compile(r"Error[A-Za-z]{1,80}\Z")


def of_response_code(refusal: Refusal) -> Ruling:
    """Judge an EWS response code. One that is not in the table says that the item itself is not acceptable."""
    ruling = RULINGS.get(refusal.response_code)
    if ruling is None:
        return replace(INVALID_ITEM, code=_snake_case(refusal.response_code))
    return replace(ruling, retry_after_s=refusal.retry_after_s)


def of_request(refusal: Refusal) -> Ruling:
    """Judge a response code that answers a whole request, or a folder. One that is not in the table may pass."""
    if refusal.response_code in RULINGS:
        return of_response_code(refusal)
    if not _RESPONSE_CODE.match(refusal.response_code):
        return _SERVER_ERROR  # a fault that is not of Exchange's making
    return Ruling(_snake_case(refusal.response_code), Scope.MAILBOX)


def _snake_case(response_code: str) -> str:
    if not _RESPONSE_CODE.match(response_code):
        return "refused"
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", response_code.removeprefix("Error")).lower()
