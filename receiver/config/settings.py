"""The settings, section by section: the keys that the file may have, and what the program uses. No secret in any repr.

A key that does nothing yet is not among them. A field that is no key says so.
"""

from collections.abc import Mapping
from dataclasses import fields
from datetime import time, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, get_type_hints
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, create_model

from receiver.config.address_fields import AgentKey, Domain, Email
from receiver.config.fields import (
    ApiAddress,
    AuthoritiesFile,
    ClockTime,
    EwsServer,
    EwsVersion,
    FilePath,
    HeaderName,
    Host,
    InstallationName,
    Instant,
    Line,
    Listen,
    Name,
    Network,
    Pattern,
    ProxyAddress,
    TimeZone,
    WebhookAddress,
)
from receiver.config.problems import Problem
from receiver.config.secret_fields import Keytab, SecretField, SecretReference, TokenKey
from receiver.config.section import NamedSection, NotEmpty, Section, refuse
from receiver.config.store_url import with_password
from receiver.core.alert_rules import AlertTimings
from receiver.core.facts import Emitter
from receiver.core.mailboxes import MailboxMap
from receiver.core.other_installations import Served
from receiver.core.policies import Policies, Title
from receiver.core.redaction import WORDING
from receiver.core.roles import Role
from receiver.core.ruleset import Ruleset, SourceRules
from receiver.core.text import folded
from receiver.core.thresholds import Thresholds

MINIMUM_RETENTION_DAYS = 30
"""Longer than any emitter retries (rdv-insertion: about 20 days): what is forgotten sooner would come back to life."""

# Not strict: the set itself. Behind the before-validator of `SecretReference` a list is one of Python's.
Organisations = Annotated[frozenset[Annotated[int, Field(ge=1)]], Field(strict=False), NotEmpty]
RetentionDays = Annotated[int, Field(ge=MINIMUM_RETENTION_DAYS, le=3650)]


class StoreSettings(Section):
    """`store`: the database."""

    url: str = Field(repr=False)
    """As it is written: without the password, which stands elsewhere."""
    password: SecretField | None = None
    neighbours: frozenset[InstallationName] = frozenset()
    """Installations whose entries may stand beside ours."""
    marker: FilePath | None = None
    """The file that says which installation's store belongs here; None: there is none."""
    installation: InstallationName | None = None
    """Whose store belongs here, as the configuration says; None: it does not."""

    @property
    def address(self) -> str:
        """The database as SQLAlchemy takes it, password included."""
        return with_password(self.url, self.password.value if self.password else None)


class SigningSecret(SecretReference):
    """One live secret of a source."""

    organisations: Organisations | None = None
    """The only organisations it speaks for; None: all of the source's."""


class ApiSettings(Section):
    """`sources.<name>.api`: the emitter's REST API, for `resync` and for whose a disputed RDV is, and its account."""

    url: ApiAddress
    """``https://`` and the host, without a path."""
    email: Email
    password: SecretField
    webhook_url: WebhookAddress | None = None
    """The address under which the emitter knows us; None: `resync` refuses."""
    http_proxy: ProxyAddress | None = None
    ca_file: AuthoritiesFile | None = None


class Source(NamedSection):
    """`sources.<name>`: one configured emitter endpoint."""

    emitter: Emitter
    platform: Name
    """The instance behind it (production, mairie, demo): `absence_12` exists in each."""
    secrets: Annotated[tuple[SigningSecret, ...], NotEmpty]
    organisations: Organisations | None = None
    """The organisations it may speak of; None: any."""
    time_zone: TimeZone = ZoneInfo("Europe/Paris")
    host: Host | None = None
    """Host of links to appointments; None: by the organisation's verticale."""
    api: ApiSettings | None = None
    policies: Policies = Policies()
    """With those that it inherits."""


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


class EwsCalendar(NamedSection):
    """`calendars.<name>` of kind `ews`: an Exchange server."""

    kind: Literal["ews"] = "ews"
    server: EwsServer
    """The whole ``https://`` address of the EWS endpoint."""
    version: EwsVersion
    """Exchange's build family as in ``Exchange2016``; given, so that nothing is probed."""
    auth: Auth = Auth.NTLM
    access: Access = Access.IMPERSONATION
    username: Line
    """With Kerberos, the principal."""
    password: SecretField | None = None
    """None with Kerberos, which has a keytab instead."""
    keytab: Keytab | None = None
    ca_file: AuthoritiesFile | None = None
    connections: Annotated[int, Field(ge=1, le=16)] = 4
    timeout_s: Annotated[float, Field(ge=1, le=120)] = 30.0


class IcsFolder(NamedSection):
    """`calendars.<name>` of kind `ics_folder`: a folder of .ics files, one sub-folder for each mailbox."""

    connections: ClassVar[int] = 1
    """Files are written one after the other."""

    kind: Literal["ics_folder"] = "ics_folder"
    path: FilePath


CalendarSettings = EwsCalendar | IcsFolder


class _Target(Section):
    """A mailbox of `mailboxes.map`."""

    address: Email
    calendar: str | None = None


def _target(raw: object) -> object:
    if isinstance(raw, str):
        return {"address": raw}
    return {} if raw is None else raw


# A class beside `MailboxMap`: the map also holds what the CSV says, which is read apart, line by line.
class MailboxesSection(Section):
    """`mailboxes`: whose calendar is whose."""

    domains: dict[Domain, Domain] = Field(default_factory=dict)
    map: dict[AgentKey, Annotated[_Target, BeforeValidator(_target)]] = Field(default_factory=dict)
    csv: FilePath | None = None
    ignore: tuple[Pattern, ...] = ()
    only: tuple[Pattern, ...] = ()
    default_calendar: str | None = None


def _by_motif(titles: dict[str, Title]) -> dict[str, Title]:
    """Return them in one order, each motif in one spelling."""
    found = {folded(motif): title for motif, title in sorted(titles.items())}
    if len(found) < len(titles):
        raise refuse("motif_twice")
    return found


_POLICY_TYPES: dict[str, Any] = {
    "past_days": Annotated[int, Field(ge=0, le=3650)],
    "reminder_minutes": Annotated[int, Field(ge=0, le=40320)] | None,  # Outlook offers no more than four weeks
    "category": Line | None,
    "motif_titles": Annotated[dict[Line, Title], AfterValidator(_by_motif)],
    "link_hosts": tuple[Host, ...],
}
"""Where a policy's type alone allows too much. The keys themselves are the core's, so that they cannot drift apart."""


def _policy_fields() -> dict[str, Any]:
    types, usual = get_type_hints(Policies), Policies()
    return {
        each.name: (_POLICY_TYPES.get(each.name, types[each.name]), getattr(usual, each.name)) for each in fields(usual)
    }


# A class beside `Policies`: a source names some policies, and inherits the others.
NamedPolicies = create_model("NamedPolicies", __base__=Section, __doc__="What the file names.", **_policy_fields())


class ProxySettings(Section):
    """`web.proxy`: a reverse proxy that has already asked people who they are."""

    address: Network
    """Addresses it may have; from others its header means nothing."""
    user_header: HeaderName = "X-Remote-User"
    role: Role = Role.READ


class WebSettings(Section):
    """`web`: the HTTP server."""

    listen: Listen = "127.0.0.1:8080"
    processes: Annotated[int, Field(ge=1, le=16)] = 2
    threads: Annotated[int, Field(ge=1, le=64)] = 16
    backlog_limit: Annotated[int, Field(ge=1_000, le=10_000_000)] = 200_000
    """With more events than this waiting to be worked out, webhooks are refused for a while."""
    pages: bool = False
    """Whether there are status pages and an API."""
    token_key: TokenKey | None = None
    """What tokens are signed with; None: the file beside an SQLite database."""
    proxy: ProxySettings | None = None


class AlertSettings(Section):
    """`alerts`: who is notified of troubles, and when."""

    to: tuple[SecretField, ...] = ()
    """Apprise addresses; they carry passwords and tokens."""
    digest_at: ClockTime | None = time(8)
    """None: there is no digest."""
    change_late_minutes: Annotated[int, Field(ge=1, le=1440)] = 15
    source_silent_hours: Annotated[int, Field(ge=1, le=100)] = 8
    certificate_days: Annotated[int, Field(ge=1, le=90)] = 30
    hold_minutes: Annotated[int, Field(ge=0, le=60)] = 5
    http_proxy: ProxyAddress | None = None
    """How alerts leave the network; None: directly."""
    ca_file: AuthoritiesFile | None = None
    """Authorities to trust for where alerts go, beside the public ones."""

    @property
    def thresholds(self) -> Thresholds:
        """The limits beyond which something is a trouble."""
        return Thresholds(
            change_late=timedelta(minutes=self.change_late_minutes),
            source_silent=timedelta(hours=self.source_silent_hours),
            certificate_warning=timedelta(days=self.certificate_days),
        )

    @property
    def timings(self) -> AlertTimings:
        """When alerts are due."""
        hold = timedelta(minutes=self.hold_minutes)
        return AlertTimings(hold=hold, calm=hold, digest_at=self.digest_at)


class AuditSettings(Section):
    """`audit`: the comparison of calendars with the record."""

    scheduled: bool = True
    """Compare them every night."""


class RetentionSettings(Section):
    """`retention`: how long what is over is remembered."""

    tombstone_days: RetentionDays = 30
    journal_days: RetentionDays = 30
    """How long the digests of received bodies are kept to recognise repeats."""


SECTIONS: dict[str, type[Section]] = {
    "store": StoreSettings,
    "sources": Source,
    "calendars": EwsCalendar,
    "mailboxes": MailboxesSection,
    "policies": NamedPolicies,
    "web": WebSettings,
    "alerts": AlertSettings,
    "audit": AuditSettings,
    "retention": RetentionSettings,
}
"""The keys of the whole file, in the order in which people read them."""


class SingleKeys(Section):
    """The keys of the file that are no sections."""

    start_at: Instant | None = None
    """Events that begin earlier are not written for the first time: an older receiver's business."""
    dry_run: bool = False
    """Plan and report; write into no calendar."""


class Settings(SingleKeys):
    """Everything that was configured, checked and frozen."""

    store: StoreSettings
    sources: Mapping[str, Source]
    calendars: Mapping[str, CalendarSettings]
    mailboxes: MailboxMap
    web: WebSettings = WebSettings()
    alerts: AlertSettings = AlertSettings()
    audit: AuditSettings = AuditSettings()
    retention: RetentionSettings = RetentionSettings()
    watched: tuple[Path, ...] = ()
    """No key. Files that are read anew when they change."""
    warnings: tuple[Problem, ...] = ()
    """No key. What runs but should be looked at, such as a secret file that everybody may read."""

    @property
    def served(self) -> Served:
        """What this installation writes, and beside whom."""
        return Served(frozenset(source.platform for source in self.sources.values()), self.store.neighbours)

    def ruleset(self) -> Ruleset:
        """Return the part that decides where events go and what they show."""
        sources = {
            name: SourceRules(source.time_zone.key, source.host, source.policies)
            for name, source in self.sources.items()
        }
        return Ruleset(self.mailboxes, sources, self.start_at, WORDING)
