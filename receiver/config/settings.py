"""What a checked configuration looks like: frozen values, no raw mapping, no secret in any repr."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import ClassVar
from zoneinfo import ZoneInfo

from receiver.config.problems import Problem
from receiver.core.alert_rules import AlertTimings
from receiver.core.facts import Emitter
from receiver.core.mailboxes import MailboxMap
from receiver.core.other_installations import Served
from receiver.core.policies import Policies
from receiver.core.redaction import WORDING
from receiver.core.roles import Role
from receiver.core.ruleset import Ruleset, SourceRules
from receiver.core.thresholds import Thresholds


@dataclass(frozen=True, slots=True)
class Secret:
    """A value read from the environment or a file. Its text never shows in a repr, and so in no log or traceback."""

    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SigningSecret:
    """One live secret of a source."""

    secret: Secret
    organisations: frozenset[int] | None = None
    """The only organisations it speaks for; None: all of the source's."""


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """The emitter's REST API, and the account that asks it."""

    url: str
    """``https://`` and the host, without a path."""
    email: str
    password: Secret
    webhook_url: str | None = None
    """The address under which the emitter knows us; None: given when it is needed."""
    http_proxy: str | None = None
    ca_file: Path | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """One configured emitter endpoint."""

    name: str
    emitter: Emitter
    platform: str
    """The instance behind it (production, mairie, demo): `absence_12` exists in each."""
    secrets: tuple[SigningSecret, ...]
    organisations: frozenset[int] | None
    """The organisations it may speak of; None: any."""
    time_zone: ZoneInfo
    host: str | None
    """Host of links to appointments; None: by the organisation's verticale."""
    policies: Policies
    api: ApiSettings | None = None


class CalendarKind(StrEnum):
    """The connectors that exist."""

    EWS = "ews"
    ICS_FOLDER = "ics_folder"


class Auth(StrEnum):
    """How the service account proves who it is."""

    NTLM = "ntlm"
    BASIC = "basic"
    KERBEROS = "kerberos"


class Access(StrEnum):
    """By which right the service account reaches other mailboxes."""

    IMPERSONATION = "impersonation"
    DELEGATE = "delegate"


@dataclass(frozen=True, slots=True)
class EwsCalendar:
    """An Exchange server."""

    name: str
    server: str
    """The whole ``https://`` address of the EWS endpoint."""
    version: str
    """Exchange's build family as in ``Exchange2016``; given, so that nothing is probed."""
    auth: Auth
    access: Access
    username: str
    """With Kerberos, the principal."""
    password: Secret | None
    """None with Kerberos, which has a keytab instead."""
    ca_file: Path | None = None
    connections: int = 4
    timeout_s: float = 60.0
    keytab: Path | None = None


@dataclass(frozen=True, slots=True)
class IcsFolder:
    """A folder of .ics files, one sub-folder for each mailbox."""

    connections: ClassVar[int] = 1
    """Files are written one after the other."""

    name: str
    path: Path


CalendarSettings = EwsCalendar | IcsFolder


@dataclass(frozen=True, slots=True)
class ProxySettings:
    """A reverse proxy that has already asked people who they are."""

    network: str
    """Addresses it may have; from others its header means nothing."""
    user_header: str
    role: Role


@dataclass(frozen=True, slots=True)
class WebSettings:
    """The HTTP server."""

    listen: str = "127.0.0.1:8080"
    processes: int = 2
    threads: int = 16
    backlog_limit: int = 200_000
    """With more events than this waiting to be worked out, webhooks are refused for a while."""
    pages: bool = False
    """Whether there are status pages and an API."""
    proxy: ProxySettings | None = None
    token_key: Secret | None = None
    """What tokens are signed with; None: the file beside an SQLite database."""


@dataclass(frozen=True, slots=True)
class AlertSettings:
    """Who is notified of troubles, and when."""

    to: tuple[Secret, ...] = ()
    """Apprise addresses; they carry passwords and tokens."""
    thresholds: Thresholds = field(default_factory=Thresholds)
    timings: AlertTimings = field(default_factory=AlertTimings)
    http_proxy: str | None = None
    """How alerts leave the network; None: directly."""
    ca_file: Path | None = None
    """Authorities to trust for where alerts go, beside the public ones."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that was configured, checked and frozen."""

    store_url: str = field(repr=False)
    """An SQLAlchemy address; may carry a password."""
    sources: Mapping[str, Source]
    calendars: Mapping[str, CalendarSettings]
    mailboxes: MailboxMap
    web: WebSettings
    alerts: AlertSettings = field(default_factory=AlertSettings)
    store_marker: Path | None = None
    """The file that says which installation's store belongs here; None: there is none."""
    store_installation: str | None = None
    """Whose store belongs here, as the configuration says; None: it does not."""
    tombstone_days: int = 30
    journal_days: int = 30
    """How long the digests of received bodies are kept to recognise repeats."""
    start_at: datetime | None = None
    """Events that begin earlier are not written for the first time: an older receiver's business."""
    dry_run: bool = False
    """Plan and report; write into no calendar."""
    scheduled_audit: bool = True
    """Compare the calendars with the record every night."""
    neighbours: frozenset[str] = frozenset()
    """Installations whose entries may stand beside ours."""
    watched: tuple[Path, ...] = ()
    """Files that are read anew when they change."""
    warnings: tuple[Problem, ...] = field(default=(), compare=False)
    """What runs but should be looked at, such as a secret file that everybody may read."""

    @property
    def served(self) -> Served:
        """What this installation writes, and beside whom."""
        return Served(frozenset(source.platform for source in self.sources.values()), self.neighbours)

    def ruleset(self) -> Ruleset:
        """Return the part that decides where events go and what they show."""
        sources = {
            name: SourceRules(source.time_zone.key, source.host, source.policies)
            for name, source in self.sources.items()
        }
        return Ruleset(self.mailboxes, sources, self.start_at, WORDING)
