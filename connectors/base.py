"""The port: what the receiver asks of a calendar, in calendar words.

Standard library only. Every connector passes the one conformance suite in ``tests/connectors/conformance.py``.
"Not found" and "no answer" are outcomes of a change, not exceptions: a caller that handles a batch must be told
about each item. What prevents a whole call from being made or understood is a `ConnectorError`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol

PROPERTY_SET_ID = "38cdcc78-53ad-4f70-b322-95efa82260e4"
"""GUID under which every entry carries its two extended properties. Fixed for ever: audits of years to come read it."""

UID_PROPERTY = "RdvUid"
INSTALLATION_PROPERTY = "RdvInstallation"

PROBE_UID = "rdv-receiver:mailbox-check"
"""Reserved for the entry that a check writes and removes. No event bears it (theirs begin otherwise), so that whoever
compares calendars with events leaves it alone, and the next check finds what an interrupted one left."""


CODE_LIMIT = 64
"""Characters of a code. A longer one, made of what a server said, is cut: a record that takes no more would refuse it
each time it is tried."""
ADDRESS_LIMIT = 512
"""Characters of a mailbox's address, as a server may tell it."""
UID_LIMIT = 255
ITEM_ID_LIMIT = 4096
"""Characters of an item's id; Exchange's have some 200."""


def is_uid(text: str) -> bool:
    """Whether an event can have this uid. An item that is read back may bear any text."""
    return 0 < len(text) <= UID_LIMIT and text.isascii() and text.isprintable()


class ShowAs(StrEnum):
    """How the agent's free/busy shows the time of an entry."""

    BUSY = "busy"
    FREE = "free"
    OUT_OF_OFFICE = "out_of_office"


class Sensitivity(StrEnum):
    """Who else sees the content of an entry, in Exchange's words."""

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
    """The patterns that every calendar server can hold exactly."""

    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY_BY_DATE = "monthly_by_date"
    """On the day of the month of the first occurrence, which is no later than the 28th."""
    MONTHLY_BY_WEEKDAY = "monthly_by_weekday"
    """On one weekday, counted from the start or the end of the month."""
    OTHER = "other"
    """Only ever read back: somebody's own pattern, which these words do not tell. Equal to none that is written."""


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
    """Write an entry that is not there yet."""

    entry: CalendarEntry


@dataclass(frozen=True, slots=True)
class Update:
    """Make the item show the entry, whatever it shows now."""

    item_id: str
    entry: CalendarEntry


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove the item from the calendar, so that the agent can still see it among the deleted items."""

    item_id: str


@dataclass(frozen=True, slots=True)
class TakeOver:
    """Have an item that another installation wrote bear our mark; what it shows stays as it is."""

    item_id: str


Change = Create | Update | Delete | TakeOver


class Scope(StrEnum):
    """How far a trouble reaches: who else should wait."""

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
    """The id of an `Update` or a `Delete` leads nowhere. The item may live on elsewhere under another id."""


@dataclass(frozen=True, slots=True)
class Unconfirmed:
    """No answer came: the change may have been made, may be made later, or may never be."""

    code: str
    scope: Scope = Scope.MAILBOX
    """Whose trouble it is: a call that ran out of time says nothing of other mailboxes, a cut connection does."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "code", self.code[:CODE_LIMIT])


@dataclass(frozen=True, slots=True)
class Failed:
    """The server refused this one change and said so; nothing was changed by it."""

    error: "ConnectorError"


Outcome = Done | NotFound | Unconfirmed | Failed


class ConnectorError(Exception):
    """The calendar could not be used. Carries a code and a reach, never a message from the wire.

    Messages of servers and libraries may quote what was sent, so none of their text is kept.
    """

    def __init__(self, code: str, scope: Scope = Scope.ITEM) -> None:
        self.code = code[:CODE_LIMIT]
        super().__init__(f"{self.code} ({scope})")
        self.scope = scope


class Temporary(ConnectorError):
    """May heal by itself or by an administrator's hand: try again later."""

    def __init__(self, code: str, scope: Scope = Scope.ITEM, retry_after_s: float | None = None) -> None:
        super().__init__(code, scope)
        self.retry_after_s = retry_after_s
        """How long the server asked us to wait; None where it did not say."""


class Permanent(ConnectorError):
    """Sending the same again cannot succeed."""


@dataclass(frozen=True, slots=True)
class Found:
    """One of our items as it stands in a mailbox."""

    item_id: str
    uid: str


@dataclass(frozen=True, slots=True)
class Marked:
    """One of our items with what it shows, read back."""

    item_id: str
    entry: CalendarEntry


@dataclass(frozen=True, slots=True)
class Other:
    """An item that bears the mark of another installation. Both texts are what the calendar holds, of any length."""

    installation: str
    uid: str


@dataclass(frozen=True, slots=True)
class Probe:
    """What a look at one mailbox told, without writing into it."""

    address: str
    """The mailbox's own primary address as far as the server tells it, else the one asked for."""
    server_version: str | None = None
    identity: str | None = None
    """The primary address, lower case, where the server told it; None: it did not, and `address` proves nothing."""
    clock_ahead_s: float | None = None
    """How far the server's clock is ahead of ours, to about a second; None: not told."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a look at a server's door and its certificate told, without credentials or data."""

    code: str | None = None
    """What is wrong: with the name, the connection, or the certificate; None: it is trusted."""
    expires_at: datetime | None = None
    """Aware; None: no certificate was shown."""
    names: tuple[str, ...] = ()
    """The hosts that it is for."""
    issuer: str = ""
    """The authority's own name."""


class Connector(Protocol):
    """One configured calendar server. Safe to use from several threads, one call per mailbox at a time.

    Only items of the connector's own installation are ever found, listed, changed or removed; save that those of others
    are told by `list_others`, and become our own by `TakeOver`.
    """

    call_timeout_s: float
    """A call that has not been answered after so long is given up (`Unconfirmed`, or `Temporary`)."""

    def apply(self, mailbox: str, changes: Sequence[Change]) -> list[Outcome]:
        """Make up to 100 changes in one mailbox; one outcome each, in the same order.

        One bad item never costs its neighbours. Never raises for what concerns the call as a whole: every change
        then has the outcome `Failed` (certainly not done) or `Unconfirmed` (may be done).
        """
        ...

    def find(self, mailbox: str, uids: Sequence[str]) -> dict[str, list[Found]]:
        """Every item of this installation carrying one of the uids; a uid that has none maps to an empty list.

        Looks in the calendar, then, for what the calendar does not have, in its subfolders.

        Raises:
            ConnectorError: the look-up failed or was cut short; nothing may be concluded.

        """
        ...

    def list_marked(self, mailbox: str, start: datetime, end: datetime) -> Iterable[Marked]:
        """Every item of this installation that overlaps the window, calendar and subfolders.

        A series is one item, with its rule; it overlaps where one of its occurrences does.

        Raises:
            ConnectorError: as `find`.

        """
        ...

    def list_others(self, mailbox: str, after: datetime) -> Iterable[Other]:
        """Every item with the mark of another installation that ends after a moment, calendar and subfolders.

        Of a series, its last occurrence does; one whose rule or end cannot be read may.

        Raises:
            ConnectorError: of the mailbox or its server; nothing may be concluded.

        """
        ...

    def probe(self, mailbox: str) -> Probe:
        """Reach the mailbox with the rights that writing needs, without writing.

        Raises:
            ConnectorError: with the code that says why not.

        """
        ...

    def identify(self, mailbox: str) -> str:
        """Return the mailbox's own primary address, lower case, as the server tells it.

        Two addresses lead to one mailbox where this is the same for both. Never a guess: what the server does not
        tell is an error.

        Raises:
            ConnectorError: of the mailbox or its server; nothing may be concluded.

        """
        ...

    def certificate(self) -> Certificate | None:
        """Look at the server's certificate, over a connection of its own. Never raises; None: there is no TLS here."""
        ...

    def close(self) -> None:
        """Give connections back."""
        ...
