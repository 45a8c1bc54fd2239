"""The keys a configuration may have, section by section. A key that does nothing yet is not among them."""

from dataclasses import fields, replace
from datetime import time
from typing import Annotated, Any, ClassVar, Literal, Self, get_type_hints

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, create_model, model_validator

from receiver.config.address_fields import AgentKey, Domain, Email
from receiver.config.fields import (
    ApiAddress,
    AuthoritiesFile,
    ClockTime,
    EnvironmentKey,
    EnvironmentSecret,
    EwsServer,
    EwsVersion,
    FileKey,
    FilePath,
    FileSecret,
    HeaderName,
    Host,
    InstallationName,
    Instant,
    KeytabFile,
    Line,
    Listen,
    Name,
    Network,
    Pattern,
    ProxyAddress,
    SecretText,
    WebhookAddress,
    ZoneName,
    refuse,
)
from receiver.config.settings import Access, Auth
from receiver.core.facts import Emitter
from receiver.core.policies import Policies, Title
from receiver.core.roles import Role
from receiver.core.secret_edges import bare
from receiver.core.text import folded
from receiver.core.token_secret import SHORTEST_SECRET, is_weak

MINIMUM_RETENTION_DAYS = 30
"""Longer than any emitter retries (rdv-insertion: about 20 days): what is forgotten sooner would come back to life."""

Organisations = Annotated[list[Annotated[int, Field(ge=1)]], Field(min_length=1)]
RetentionDays = Annotated[int, Field(ge=MINIMUM_RETENTION_DAYS, le=3650)]


class Shape(BaseModel):
    """A section. Types are taken as written: no number from a text, no 1 from `true`."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)
    read_apart: ClassVar[tuple[str, ...]] = ()
    """Keys that people may write here and that another shape reads."""

    @model_validator(mode="before")
    @classmethod
    def _nothing_is_an_empty_section(cls, raw: object) -> object:
        # A section whose lines are all commented out reads as null.
        return {} if raw is None else raw


class SecretReference(Shape):
    """Where a secret is to be found."""

    env: EnvironmentSecret | None = None
    file: FileSecret | None = None

    @model_validator(mode="before")
    @classmethod
    def _no_value(cls, raw: object) -> object:
        if raw is not None and not isinstance(raw, dict):
            raise refuse("secret_is_a_value")
        return raw

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.env is None) == (self.file is None):
            raise refuse("secret_reference")
        return self

    @property
    def text(self) -> SecretText:
        """The secret, wherever it was."""
        found = self.env or self.file
        if found is None:
            raise AssertionError("validation leaves exactly one place")
        return found


class SigningSecretReference(SecretReference):
    """A source's secret, which may speak for some organisations only."""

    organisations: Organisations | None = None


class TokenKeyReference(SecretReference):
    """The secret that tokens are signed with: too long to be guessed."""

    env: EnvironmentKey | None = None
    file: FileKey | None = None

    @model_validator(mode="after")
    def _strong(self) -> Self:
        if is_weak(self.text.value) or not bare(self.text.value):
            raise refuse("token_key_weak", shortest=SHORTEST_SECRET)
        return self


class StoreShape(Shape):
    """`store`: the database."""

    url: str
    password: SecretReference | None = None
    neighbours: list[InstallationName] = []
    marker: FilePath | None = None
    installation: InstallationName | None = None


class ApiShape(Shape):
    """`sources.<name>.api`: the emitter's REST API, for `resync`, and for whose a disputed RDV is."""

    url: ApiAddress
    email: Email
    password: SecretReference
    webhook_url: WebhookAddress | None = None
    http_proxy: ProxyAddress | None = None
    ca_file: AuthoritiesFile | None = None


class SourceShape(Shape):
    """`sources.<name>`, without its policies: those are read beside the global ones."""

    read_apart = ("policies",)

    emitter: Emitter
    platform: Name
    secrets: Annotated[list[SigningSecretReference], Field(min_length=1)]
    organisations: Organisations | None = None
    time_zone: ZoneName = "Europe/Paris"
    host: Host | None = None
    api: ApiShape | None = None


class EwsShape(Shape):
    """`calendars.<name>` of kind `ews`."""

    kind: Literal["ews"]
    server: EwsServer
    version: EwsVersion
    auth: Auth = Auth.NTLM
    access: Access = Access.IMPERSONATION
    username: Line
    password: SecretReference | None = None
    keytab: KeytabFile | None = None
    ca_file: AuthoritiesFile | None = None
    connections: Annotated[int, Field(ge=1, le=16)] = 4
    timeout_s: Annotated[float, Field(ge=1, le=120)] = 60.0


class IcsFolderShape(Shape):
    """`calendars.<name>` of kind `ics_folder`."""

    kind: Literal["ics_folder"]
    path: FilePath


class TargetShape(Shape):
    """A mailbox of `mailboxes.map`."""

    address: Email
    calendar: str | None = None


def _target(raw: object) -> object:
    return {"address": raw} if isinstance(raw, str) else raw


class MailboxesShape(Shape):
    """`mailboxes`: whose calendar is whose. The CSV's content is read apart, line by line."""

    domains: dict[Domain, Domain] = {}
    map: dict[AgentKey, Annotated[TargetShape, BeforeValidator(_target)]] = {}
    csv: FilePath | None = None
    ignore: list[Pattern] = []
    only: list[Pattern] = []
    default_calendar: str | None = None


class ProxyShape(Shape):
    """`web.proxy`: a reverse proxy that has already asked people who they are."""

    address: Network
    user_header: HeaderName = "X-Remote-User"
    role: Role = Role.READ


class WebShape(Shape):
    """`web`: the HTTP server."""

    listen: Listen = "127.0.0.1:8080"
    processes: Annotated[int, Field(ge=1, le=16)] = 2
    threads: Annotated[int, Field(ge=1, le=64)] = 16
    backlog_limit: Annotated[int, Field(ge=1_000, le=10_000_000)] = 200_000
    pages: bool = False
    token_key: TokenKeyReference | None = None
    proxy: ProxyShape | None = None


class AlertsShape(Shape):
    """`alerts`: who is notified of troubles, and when."""

    to: list[SecretReference] = []
    digest_at: ClockTime | None = time(8)
    change_late_minutes: Annotated[int, Field(ge=1, le=1440)] = 15
    source_silent_hours: Annotated[int, Field(ge=1, le=100)] = 8
    certificate_days: Annotated[int, Field(ge=1, le=90)] = 30
    hold_minutes: Annotated[int, Field(ge=0, le=60)] = 5
    http_proxy: ProxyAddress | None = None
    ca_file: AuthoritiesFile | None = None


class AuditShape(Shape):
    """`audit`: the comparison of calendars with the record."""

    scheduled: bool = True


class RetentionShape(Shape):
    """`retention`: how long what is over is remembered."""

    tombstone_days: RetentionDays = 30
    journal_days: RetentionDays = 30


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
    "link_hosts": Annotated[tuple[Host, ...], Field(strict=False)],  # strictly, a list is no tuple
}
"""Where a policy's type alone allows too much. The keys themselves are the core's, so that they cannot drift apart."""


def _policy_fields() -> dict[str, Any]:
    types = get_type_hints(Policies)
    names = [each.name for each in fields(Policies)]
    return {name: (_POLICY_TYPES.get(name, types[name]), getattr(Policies(), name)) for name in names}


PoliciesShape = create_model("PoliciesShape", __base__=Shape, __doc__="`policies`.", **_policy_fields())


def merged(policies: Policies, overrides: Shape | None) -> Policies:
    """Return the policies with those replaced that the file names."""
    if overrides is None:
        return policies
    return replace(policies, **{name: getattr(overrides, name) for name in overrides.model_fields_set})


class GeneralShape(Shape):
    """The keys that stand alone."""

    start_at: Instant | None = None
    dry_run: bool = False


SECTIONS: dict[str, type[Shape]] = {
    "store": StoreShape,
    "sources": SourceShape,
    "calendars": EwsShape,
    "mailboxes": MailboxesShape,
    "policies": PoliciesShape,
    "web": WebShape,
    "alerts": AlertsShape,
    "audit": AuditShape,
    "retention": RetentionShape,
}
"""The keys of the whole file, in the order in which people read them."""
