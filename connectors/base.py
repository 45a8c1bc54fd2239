"""The port: what the receiver asks of a calendar, in calendar words.

Standard library only. Every connector passes the one conformance suite in ``tests/connectors/conformance.py``.
"Not found" and "no answer" are outcomes of a change, not exceptions: a caller that handles a batch needs a result
for each item. A call that fails as a whole raises a `ConnectorError`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol

PROPERTY_SET_ID = "38cdcc78-53ad-4f70-b322-95efa82260e4"
"""GUID of the property set of an entry's two extended properties. It must never change: entries are found by it."""

UID_PROPERTY = "RdvUid"
INSTALLATION_PROPERTY = "RdvInstallation"

PROBE_UID = "rdv-receiver:mailbox-check"
"""Reserved for the entry that a check writes and removes. No event has this uid, so comparisons of calendars with
events ignore it. The next check finds an entry that an interrupted check left."""


CODE_LIMIT = 64
"""Characters of a code. A longer one, which a server sent, is cut: the store's column would refuse it at every
attempt."""
ADDRESS_LIMIT = 512
"""Characters of a mailbox's address that a server returns."""
UID_LIMIT = 255
ITEM_ID_LIMIT = 4096
"""Characters of an item's id; Exchange's have some 200."""


def is_uid(text: str) -> bool:
    """Whether an event can have this uid. An item that is read back may have any text as its uid."""
    return 0 < len(text) <= UID_LIMIT and text.isascii() and text.isprintable()


class ShowAs(StrEnum):
    """How the agent's free/busy information shows the entry's time."""

    BUSY = "busy"
    FREE = "free"
    OUT_OF_OFFICE = "out_of_office"


class Sensitivity(StrEnum):
    """Who else sees the content of an entry, in Exchange's terms."""

    NORMAL = "normal"
    PERSONAL = "personal"
    PRIVATE = "private"
    CONFIDENTIAL = "confidential"


class Weekday(StrEnum):
    """Days as iCalendar writes them."""

    MONDAY = "MO"
    TUESDAY = "TU"
    WEDNESDAY = "WE"
    THURSDAY = "TH"
    FRIDAY = "FR"
    SATURDAY = "SA"
    SUNDAY = "SU"


class Frequency(StrEnum):
    """The patterns that every calendar server can represent exactly."""

    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY_BY_DATE = "monthly_by_date"
    """On the day of the month of the first occurrence, which is no later than the 28th."""
    MONTHLY_BY_WEEKDAY = "monthly_by_weekday"
    """On one weekday, counted from the start or the end of the month."""
    OTHER = "other"
    """Only read back: a pattern that the others cannot express. It equals no pattern that is written."""


@dataclass(frozen=True, slots=True)
class Recurrence:
    """How an entry repeats. Its own start and end are the first occurrence, which the pattern includes.

    Wall-clock time in the entry's zone is the same for every occurrence. Weeks begin on Monday.
    """

    frequency: Frequency
    interval: int = 1
    """Every so many days, weeks or months, from 1 to 99."""
    weekdays: tuple[Weekday, ...] = ()
    """Weekly: in the order of the week, at least one. Monthly by weekday: exactly one."""
    position: int | None = None
    """Monthly by weekday: 1 to 4, or -1 for the last."""
    last_day: date | None = None
    """The last day, in the entry's zone, on which an occurrence may begin; not before the first one."""
    count: int | None = None
    """The number of occurrences. At most one of `last_day` and `count` is given; neither: without end."""


@dataclass(frozen=True, slots=True)
class CalendarEntry:
    """What a calendar shows of one event; never anything about an usager.

    All texts are plain: a connector escapes them for where they go.
    """

    uid: str
    """ASCII, at most 255 characters; the value of `RdvUid`, the same for the event's whole life."""
    title: str
    start: datetime
    """Aware, in `time_zone`."""
    end: datetime
    """Aware, in `time_zone`; not before `start`."""
    time_zone: str
    """IANA name, such as ``Europe/Paris``."""
    location: str = ""
    notice: str = ""
    """One sentence for the entry's body."""
    link: str | None = None
    """``https://`` address of the appointment's page, shown in the body."""
    show_as: ShowAs = ShowAs.BUSY
    sensitivity: Sensitivity = Sensitivity.PRIVATE
    reminder_minutes: int | None = None
    category: str | None = None
    recurrence: Recurrence | None = None


@dataclass(frozen=True, slots=True)
class Create:
    """Create an entry."""

    entry: CalendarEntry


@dataclass(frozen=True, slots=True)
class Update:
    """Make the item show the entry, whatever it shows now."""

    item_id: str
    entry: CalendarEntry


@dataclass(frozen=True, slots=True)
class Delete:
    """Move the item to the deleted items, where the agent can still see it."""

    item_id: str


@dataclass(frozen=True, slots=True)
class TakeOver:
    """Mark an item that another installation wrote as ours, without changing its content."""

    item_id: str


Change = Create | Update | Delete | TakeOver


class Scope(StrEnum):
    """What a failure concerns: the item, its mailbox, or the whole server."""

    ITEM = "item"
    MAILBOX = "mailbox"
    SERVER = "server"


@dataclass(frozen=True, slots=True)
class Done:
    """The server confirmed the change."""

    item_id: str
    """The item's id from now on (for a `Delete`: the id it had)."""


@dataclass(frozen=True, slots=True)
class NotFound:
    """The item id of an `Update` or a `Delete` is unknown. The item may have moved and have another id."""


@dataclass(frozen=True, slots=True)
class Unconfirmed:
    """There was no answer: the change may have been made, may be made later, or never."""

    code: str
    scope: Scope = Scope.MAILBOX
    """What the failure concerns: a timeout only the mailbox, a lost connection the server."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "code", self.code[:CODE_LIMIT])


@dataclass(frozen=True, slots=True)
class Failed:
    """The server refused this change; nothing was changed."""

    error: "ConnectorError"


Outcome = Done | NotFound | Unconfirmed | Failed


class ConnectorError(Exception):
    """The calendar could not be used. It has a code and a scope, never a message from the wire.

    Messages of servers and libraries may quote what was sent, so none of their text is kept.
    """

    def __init__(self, code: str, scope: Scope = Scope.ITEM) -> None:
        self.code = code[:CODE_LIMIT]
        super().__init__(f"{self.code} ({scope})")
        self.scope = scope


class Temporary(ConnectorError):
    """It may end by itself or after an administrator's repair: retry later."""

    def __init__(self, code: str, scope: Scope = Scope.ITEM, retry_after_s: float | None = None) -> None:
        super().__init__(code, scope)
        self.retry_after_s = retry_after_s
        """The server's Retry-After; None: it sent none."""


class Permanent(ConnectorError):
    """A retry with the same content cannot succeed."""


@dataclass(frozen=True, slots=True)
class Found:
    """One of our items in a mailbox."""

    item_id: str
    uid: str


@dataclass(frozen=True, slots=True)
class Marked:
    """One of our items with its content, read back."""

    item_id: str
    entry: CalendarEntry


@dataclass(frozen=True, slots=True)
class Other:
    """An item with the mark of another installation. Both texts are the calendar's, of any length."""

    installation: str
    uid: str


@dataclass(frozen=True, slots=True)
class Probe:
    """The result of probing one mailbox without writing into it."""

    address: str
    """The mailbox's primary address if the server returned it, else the one asked for."""
    server_version: str | None = None
    identity: str | None = None
    """The primary address in lower case, as the server returned it; None: it did not, and `address` proves nothing."""
    clock_ahead_s: float | None = None
    """How far the server's clock is ahead of ours, to about a second; None: unknown."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """The result of a TLS handshake with a server, without credentials or data."""

    code: str | None = None
    """Code of what is wrong with the name, the connection or the certificate; None: it is trusted."""
    expires_at: datetime | None = None
    """Aware; None: no certificate was shown."""
    names: tuple[str, ...] = ()
    """The host names in it."""
    issuer: str = ""
    """The issuer's common name."""


class Connector(Protocol):
    """One configured calendar server. Thread-safe; at most one call a mailbox at a time.

    Only items of the connector's own installation are found, listed, changed or removed. Exceptions: `list_others`
    yields those of others, and `TakeOver` makes them our own.
    """

    call_timeout_s: float
    """Timeout of a call (its outcome is then `Unconfirmed`, or it raises `Temporary`)."""

    def apply(self, mailbox: str, changes: Sequence[Change]) -> list[Outcome]:
        """Make up to 100 changes in one mailbox; one outcome each, in the same order.

        One bad item does not affect the others. A failure of the whole call is not raised: every change
        then has the outcome `Failed` (certainly not done) or `Unconfirmed` (may be done).
        """
        ...

    def find(self, mailbox: str, uids: Sequence[str]) -> dict[str, list[Found]]:
        """Return this installation's items with one of the uids; a uid without items maps to an empty list.

        The calendar is searched first, then its subfolders for the uids that were not found.

        Raises:
            ConnectorError: the look-up failed or was incomplete; nothing is known.

        """
        ...

    def list_marked(self, mailbox: str, start: datetime, end: datetime) -> Iterable[Marked]:
        """Yield this installation's items that overlap the window, in the calendar and its subfolders.

        A series is one item, with its rule; it overlaps where one of its occurrences does.

        Raises:
            ConnectorError: as `find`.

        """
        ...

    def list_others(self, mailbox: str, after: datetime) -> Iterable[Other]:
        """Yield the items with another installation's mark that end after a moment, in the calendar and its subfolders.

        A series ends with its last occurrence. One whose rule or end cannot be read is yielded.

        Raises:
            ConnectorError: of the mailbox or its server; nothing may be concluded.

        """
        ...

    def probe(self, mailbox: str) -> Probe:
        """Check that the mailbox can be reached with the rights that writing needs, without writing.

        Raises:
            ConnectorError: it cannot; `code` is the reason.

        """
        ...

    def identify(self, mailbox: str) -> str:
        """Return the mailbox's primary address in lower case, as the server returns it.

        Two addresses with the same primary address are of one mailbox. Nothing is guessed: if the server does not
        return it, that is an error.

        Raises:
            ConnectorError: of the mailbox or its server; nothing may be concluded.

        """
        ...

    def certificate(self) -> Certificate | None:
        """Check the server's certificate over a separate connection. Never raises; None: no TLS."""
        ...

    def close(self) -> None:
        """Close the connections."""
        ...
