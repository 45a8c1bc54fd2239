"""What a trouble is: its code, its severity, and the colour of the whole.

A trouble is a code, never a sentence: the sentences are in `receiver.sentences`, by code and cause. `trouble_rules`
finds the troubles.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Colour(StrEnum):
    """How things go, as people are told it."""

    OK = "ok"
    """Webhooks are taken, and every entry is where it should be, or about to be."""
    ATTENTION = "attention"
    """Something is not as it should be, and passes by itself, was wished, or can wait until offices open."""
    ALARM = "alarm"
    """Somebody must act: it does not pass by itself."""


class Severity(StrEnum):
    """The same of one trouble, under the names that metrics and the API have for it."""

    WARNING = "warning"
    """Attention."""
    ALARM = "alarm"

    @property
    def colour(self) -> Colour:
        """Return the colour that one trouble of this severity gives."""
        return Colour.ALARM if self is Severity.ALARM else Colour.ATTENTION


class Code(StrEnum):
    """Every trouble there is. Stable: alerts, metrics and the runbook name them."""

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
    ALERTS_FAILING = "alerts_failing"


STORE_CODES = frozenset(code for code in Code if code.startswith("store_")) - {Code.STORE_BEHIND}
"""Where one of these is told, what else is wrong cannot be seen."""
FAMILIES: Mapping[Code, str] = dict.fromkeys(STORE_CODES, "store") | {Code.SERVER_WAITING: Code.SERVER_FAILING.value}
"""Codes that turn into each other while one trouble lasts."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that is wrong."""

    code: Code
    severity: Severity
    subject: str = ""
    """What has it: a server's or a source's name; empty where there is but one."""
    cause: str = ""
    """The code of what lies behind it, where that is known; with the trouble's own it chooses the cure."""
    since: datetime | None = None
    count: int = 0
    """How many are concerned: mailboxes, entries, agents, requests, days."""
    until: datetime | None = None
    """Put right, it is still told until then at the latest; None: it goes within a minute, or as its cure says."""
    details: tuple[tuple[str, str], ...] = field(default=(), compare=False)
    """What its sentences name beside, by field: a file, a command."""

    @property
    def key(self) -> tuple[str, str]:
        """What makes two sights of a trouble the same one. Its cause may change while it lasts."""
        return FAMILIES.get(self.code, self.code), self.subject

    @property
    def colour(self) -> Colour:
        """What it makes of the whole."""
        return self.severity.colour


def colour(found: Iterable[Trouble]) -> Colour:
    """Return how things go: as the worst of the troubles says."""
    colours = {trouble.colour for trouble in found}
    return next((each for each in (Colour.ALARM, Colour.ATTENTION) if each in colours), Colour.OK)


def is_well(found: Iterable[Trouble]) -> bool:
    """Whether a screen may say that all is well, or that nothing fails. Every screen asks here before it does."""
    return colour(found) is Colour.OK
