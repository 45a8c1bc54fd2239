"""What a trouble is: its code, its severity, and the colour of the whole.

A trouble is a code, never a sentence: the sentences are in `receiver.sentences`, by code and cause. `trouble_rules`
finds the troubles.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Colour(StrEnum):
    """The overall state, as pages and alerts show it."""

    OK = "ok"
    """Webhooks are accepted, and every entry is where it should be, or will be soon."""
    ATTENTION = "attention"
    """Something is wrong that ends by itself, is intended, or can wait until office hours."""
    ALARM = "alarm"
    """An operator must act: it does not end by itself."""


class DifferenceKind(StrEnum):
    """How a mailbox may differ."""

    MISSING = "missing"
    """The entry should be there, and is not."""
    DOUBLED = "doubled"
    """The entry is there more than once."""
    FOREIGN = "foreign"
    """The entry has other content than we wrote: somebody changed it."""
    ORPHANED = "orphaned"
    """The item bears our mark, and nothing in the record explains it."""


class Severity(StrEnum):
    """The severity of one trouble, as metrics and the API name it."""

    WARNING = "warning"
    """Shown as `Colour.ATTENTION`."""
    ALARM = "alarm"

    @property
    def colour(self) -> Colour:
        """The colour of the whole that a trouble of this severity causes."""
        return Colour.ALARM if self is Severity.ALARM else Colour.ATTENTION


class Code(StrEnum):
    """All troubles. Stable: alerts, metrics and the runbook name them."""

    STORE_VANISHED = "store_vanished"
    STORE_UNREACHABLE = "store_unreachable"
    STORE_NOT_CURRENT = "store_not_current"
    STORE_TOO_NEW = "store_too_new"
    STORE_BEHIND = "store_behind"
    MUST_ADOPT = "must_adopt"
    MARKER_UNUSABLE = "marker_unusable"
    UNINSTALLED = "uninstalled"
    DRY_RUN = "dry_run"
    CONFIGURATION_REFUSED = "configuration_refused"
    WEB_SILENT = "web_silent"
    WORKER_SILENT = "worker_silent"
    WORKER_RESTARTING = "worker_restarting"
    SERVER_FAILING = "server_failing"
    SERVER_WAITING = "server_waiting"
    MAILBOXES_FAILING = "mailboxes_failing"
    OTHER_INSTALLATION = "other_installation"
    ENTRIES_FAILING = "entries_failing"
    ENTRIES_RETRIED = "entries_retried"
    EVENTS_FAILING = "events_failing"
    CHANGES_LATE = "changes_late"
    RULES_HELD = "rules_held"
    CALENDAR_LOST = "calendar_lost"
    PLATFORM_LOST = "platform_lost"
    SOURCE_LOST = "source_lost"
    OUT_OF_SCOPE = "out_of_scope"
    WEBHOOKS_HELD = "webhooks_held"
    CANCELLATIONS_MARKED = "cancellations_marked"
    AGENTS_UNMAPPED = "agents_unmapped"
    SIGNATURES_REFUSED = "signatures_refused"
    WEBHOOKS_REFUSED = "webhooks_refused"
    ADDRESS_UNKNOWN = "address_unknown"
    BACKLOG_HIGH = "backlog_high"
    SOURCE_SILENT = "source_silent"
    CERTIFICATE_EXPIRING = "certificate_expiring"
    DISK_LOW = "disk_low"
    CLOCK_OFF = "clock_off"
    CALENDARS_DIFFER = "calendars_differ"
    TOKEN_KEY_UNUSABLE = "token_key_unusable"  # noqa: S105  # nosec B105  # a trouble
    WATCH_SILENT = "watch_silent"
    ALERTS_FAILING = "alerts_failing"


STORE_CODES = frozenset(code for code in Code if code.startswith("store_")) - {Code.STORE_BEHIND}
"""While one of these lasts, other troubles cannot be seen."""
FAMILIES: Mapping[Code, str] = dict.fromkeys(STORE_CODES, "store") | {Code.SERVER_WAITING: Code.SERVER_FAILING.value}
"""Codes that may replace each other while one trouble lasts."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that is wrong."""

    code: Code
    severity: Severity
    subject: str = ""
    """The name of the server or source that has it; empty where there is only one."""
    cause: str = ""
    """Code of the cause, where it is known. Code and cause together select the cure's sentence."""
    since: datetime | None = None
    count: int = 0
    """How many mailboxes, entries, agents, requests or days it concerns."""
    until: datetime | None = None
    """How long it is shown at most after its repair; None: for a minute at most, or as its cure says."""
    details: tuple[tuple[str, str], ...] = field(default=(), compare=False)
    """Values for its sentences, by field: a file, a command."""

    @property
    def key(self) -> tuple[str, str]:
        """Identity of a trouble over time. Its cause may change while it lasts."""
        return FAMILIES.get(self.code, self.code), self.subject

    @property
    def colour(self) -> Colour:
        """The colour of the whole that it causes."""
        return self.severity.colour


def colour(found: Iterable[Trouble]) -> Colour:
    """Return the overall state: the worst colour of the troubles."""
    colours = {trouble.colour for trouble in found}
    return next((each for each in (Colour.ALARM, Colour.ATTENTION) if each in colours), Colour.OK)


def is_well(found: Iterable[Trouble]) -> bool:
    """Whether a screen may say that all is well, or that nothing fails. All screens use this function."""
    return colour(found) is Colour.OK
