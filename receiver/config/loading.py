"""Reads the whole file: each section alone, so that one mistake hides no other; then rules across sections."""

from collections.abc import Mapping
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

from receiver.config.authority import check_organisations
from receiver.config.document import Value, read_document
from receiver.config.fields import NAME, Context
from receiver.config.mailboxes import read_mailboxes
from receiver.config.problems import ConfigurationErrors, Location, Problem
from receiver.config.settings import (
    AlertSettings,
    ApiSettings,
    Auth,
    CalendarKind,
    CalendarSettings,
    EwsCalendar,
    IcsFolder,
    ProxySettings,
    Secret,
    Settings,
    SigningSecret,
    Source,
    WebSettings,
)
from receiver.config.shapes import (
    SECTIONS,
    AlertsShape,
    ApiShape,
    AuditShape,
    EwsShape,
    GeneralShape,
    IcsFolderShape,
    PoliciesShape,
    RetentionShape,
    SecretReference,
    SourceShape,
    StoreShape,
    WebShape,
    merged,
)
from receiver.config.store_url import marker_path, read_address, sqlite_file
from receiver.config.validate import Reader
from receiver.core.alert_rules import AlertTimings
from receiver.core.facts import Emitter
from receiver.core.policies import Policies
from receiver.core.thresholds import Thresholds

VERIFIED = frozenset({"yes", "true", "on", "1"})
"""What `verify` may say, if it must be said at all."""


def load(path: Path, environ: Mapping[str, str]) -> Settings:
    """Read and check the configuration.

    Raises:
        ConfigurationErrors: with every problem found, not the first.

    """
    document = read_document(path)
    reader = Reader(document, Context(environ, path.absolute().parent))
    settings = _Sections(reader, document.root, path).settings()
    if settings is None or reader.problems:
        raise ConfigurationErrors(reader.problems)
    return settings


class _Sections:
    """One reading of one file."""

    def __init__(self, reader: Reader, root: dict[str, Value], path: Path) -> None:
        self.reader = reader
        self.root = root
        self.path = path
        self.warnings: list[Problem] = []
        self._secrets: set[Secret] = set()

    def settings(self) -> Settings | None:
        alone = GeneralShape.model_fields
        for key in self.root.keys() - SECTIONS.keys() - alone.keys():
            self.reader.unknown_key((key,), [*SECTIONS, *alone])
        general = self.reader.read(GeneralShape, {key: self.root[key] for key in alone if key in self.root}, ())
        store = self.reader.read(StoreShape, self.root.get("store"), ("store",))
        store_url = read_address(self.reader, store, self._secret) if store else None
        marker = marker_path(self.reader, store.marker, store_url, self.path) if store and store_url else None
        sources = self._sources()
        check_organisations(self.reader, sources)
        calendars = self._calendars()
        mailboxes = read_mailboxes(self.reader, self.root.get("mailboxes"), list(self._named("calendars")))
        web = self.reader.read(WebShape, self.root.get("web"), ("web",))
        retention = self.reader.read(RetentionShape, self.root.get("retention"), ("retention",))
        alerts = self.reader.read(AlertsShape, self.root.get("alerts"), ("alerts",))
        audit = self.reader.read(AuditShape, self.root.get("audit"), ("audit",))
        if store is None or store_url is None or mailboxes is None or general is None:
            return None
        if web is None or retention is None or alerts is None or audit is None:
            return None
        return Settings(
            store_url=store_url,
            sources=sources,
            calendars=calendars,
            mailboxes=mailboxes,
            web=self._web(web, store_url),
            alerts=self._alerts(alerts),
            store_marker=marker,
            store_installation=store.installation,
            tombstone_days=retention.tombstone_days,
            journal_days=retention.journal_days,
            start_at=general.start_at,
            dry_run=general.dry_run,
            scheduled_audit=audit.scheduled,
            neighbours=frozenset(store.neighbours),
            watched=self._watched(),
            warnings=tuple(self.warnings),
        )

    def _alerts(self, shape: AlertsShape) -> AlertSettings:
        hold = timedelta(minutes=shape.hold_minutes)
        to = tuple(self._secret(each, ("alerts", "to", place)) for place, each in enumerate(shape.to))
        for place, address in enumerate(to):
            if skips_verification(address.value):
                self.reader.report(("alerts", "to", place), "alert_not_verified")
        return AlertSettings(
            to=to,
            thresholds=Thresholds(
                change_late=timedelta(minutes=shape.change_late_minutes),
                source_silent=timedelta(hours=shape.source_silent_hours),
                certificate_warning=timedelta(days=shape.certificate_days),
            ),
            timings=AlertTimings(hold=hold, calm=hold, digest_at=shape.digest_at),
            http_proxy=shape.http_proxy,
            ca_file=shape.ca_file,
        )

    def _web(self, shape: WebShape, store_url: str) -> WebSettings:
        here = ("web", "token_key")
        others = set(self._secrets)
        key = self._secret(shape.token_key, here) if shape.token_key else None
        if key in others:
            # Those who know the other one, such as the emitter, could sign tokens.
            self.reader.report(here, "token_key_reused")
        if key is None and shape.pages and sqlite_file(store_url) is None:
            self.warnings.append(Problem(here, "token_key_missing", line=self.reader.document.line_of(("web",))))
        proxy = shape.proxy
        return WebSettings(
            listen=shape.listen,
            processes=shape.processes,
            threads=shape.threads,
            backlog_limit=shape.backlog_limit,
            pages=shape.pages,
            proxy=ProxySettings(proxy.address, proxy.user_header, proxy.role) if proxy else None,
            token_key=key,
        )

    def _watched(self) -> tuple[Path, ...]:
        """Return the files whose change is a change of the configuration."""
        name = self._named("mailboxes").get("csv")
        return (self.reader.context.folder / name,) if isinstance(name, str) else ()

    def _named(self, section: str) -> dict[str, Value]:
        raw = self.root.get(section)
        return raw if isinstance(raw, dict) else {}

    def _entries(self, section: str) -> dict[str, dict[str, Value]]:
        """Return a section's named entries, reporting an empty section and what is no entry."""
        raw = self.root.get(section)
        if not raw:
            self.reader.report((section,), "missing" if section not in self.root else "empty_section")
        named = self.reader.mapping((section,), raw)
        return {name: self.reader.mapping((section, name), entry) for name, entry in named.items()}

    def _sources(self) -> dict[str, Source]:
        policies = self._policies(("policies",), self.root.get("policies"), Policies())
        read = {name: self._source(name, raw, policies) for name, raw in self._entries("sources").items()}
        return {name: source for name, source in read.items() if source}

    def _policies(self, location: Location, raw: Value, base: Policies) -> Policies:
        return merged(base, self.reader.read(PoliciesShape, raw, location))

    def _source(self, name: str, raw: dict[str, Value], inherited: Policies) -> Source | None:
        location = ("sources", name)
        self._check_name(location)
        policies = self._policies((*location, "policies"), raw.get("policies"), inherited)
        plain = {key: value for key, value in raw.items() if key not in SourceShape.read_apart}
        shape = self.reader.read(SourceShape, plain, location)
        if shape is None:
            return None
        return Source(
            name=name,
            emitter=shape.emitter,
            platform=shape.platform,
            secrets=self._signing_secrets(shape, location),
            organisations=frozenset(shape.organisations) if shape.organisations else None,
            time_zone=ZoneInfo(shape.time_zone),
            host=shape.host,
            policies=policies,
            api=self._api(shape.api, shape.emitter, (*location, "api")),
        )

    def _api(self, shape: ApiShape | None, emitter: Emitter, location: Location) -> ApiSettings | None:
        if shape is None:
            return None
        if emitter is not Emitter.RDV_SERVICE_PUBLIC:
            self.reader.report(location, "api_of_other_emitter")
        return ApiSettings(
            url=shape.url,
            email=shape.email,
            password=self._secret(shape.password, (*location, "password")),
            webhook_url=shape.webhook_url,
            http_proxy=shape.http_proxy,
            ca_file=shape.ca_file,
        )

    def _check_name(self, location: Location) -> None:
        if not NAME.match(str(location[-1])):
            self.reader.report(location, "name")

    def _signing_secrets(self, shape: SourceShape, location: Location) -> tuple[SigningSecret, ...]:
        secrets: list[SigningSecret] = []
        for place, reference in enumerate(shape.secrets):
            here = (*location, "secrets", place)
            secret = self._secret(reference, here)
            if secret in [known.secret for known in secrets]:
                # Found twice, once bound and once not, it would speak for all.
                self.reader.report(here, "secret_twice")
            bound = frozenset(reference.organisations) if reference.organisations else None
            if bound and shape.organisations and (strangers := bound - set(shape.organisations)):
                ids = ", ".join(str(each) for each in sorted(strangers))
                self.reader.report((*here, "organisations"), "organisation_not_of_source", ids=ids)
            secrets.append(SigningSecret(secret, bound))
        return tuple(secrets)

    def _secret(self, reference: SecretReference, location: Location) -> Secret:
        if reference.text.exposed:
            self._warn_exposed((*location, "file"))
        found = Secret(reference.text.value)
        self._secrets.add(found)
        return found

    def _warn_exposed(self, here: Location) -> None:
        self.warnings.append(Problem(here, "secret_file_exposed", line=self.reader.document.line_of(here)))

    def _calendars(self) -> dict[str, CalendarSettings]:
        read = {name: self._calendar(name, raw) for name, raw in self._entries("calendars").items()}
        return {name: calendar for name, calendar in read.items() if calendar}

    def _calendar(self, name: str, raw: dict[str, Value]) -> CalendarSettings | None:
        location = ("calendars", name)
        self._check_name(location)
        match raw.get("kind"):
            case CalendarKind.EWS.value:
                return self._ews(name, raw, location)
            case CalendarKind.ICS_FOLDER.value:
                folder = self.reader.read(IcsFolderShape, raw, location)
                return IcsFolder(name, folder.path) if folder else None
            case None:
                self.reader.report((*location, "kind"), "missing")
            case _:
                self.reader.report((*location, "kind"), "not_a_choice", choices=", ".join(CalendarKind))
        return None

    def _ews(self, name: str, raw: dict[str, Value], location: Location) -> EwsCalendar | None:
        shape = self.reader.read(EwsShape, raw, location)
        if shape is None:
            return None
        _check_credentials(self.reader, shape, location)
        if shape.keytab and shape.keytab.exposed:
            self._warn_exposed((*location, "keytab"))
        return EwsCalendar(
            name=name,
            server=shape.server,
            version=shape.version,
            auth=shape.auth,
            access=shape.access,
            username=shape.username,
            password=self._secret(shape.password, (*location, "password")) if shape.password else None,
            keytab=shape.keytab.path if shape.keytab else None,
            ca_file=shape.ca_file,
            connections=shape.connections,
            timeout_s=shape.timeout_s,
        )


def skips_verification(address: str) -> bool:
    """Say whether an Apprise address switches the verification of certificates off."""
    asked = parse_qsl(address.partition("?")[2], keep_blank_values=True)
    return any(key.strip().lower() == "verify" and value.strip().lower() not in VERIFIED for key, value in asked)


def _check_credentials(reader: Reader, shape: EwsShape, location: Location) -> None:
    """Report what an authentication lacks, and the keys that only another one may have."""
    if shape.auth is Auth.KERBEROS:
        _check_kerberos(reader, shape, location)
        return
    if shape.password is None:
        reader.report((*location, "password"), "missing")
    if shape.keytab is not None:
        reader.report((*location, "keytab"), "keytab_without_kerberos")


def _check_kerberos(reader: Reader, shape: EwsShape, location: Location) -> None:
    if not _kerberos_is_installed():
        reader.report((*location, "auth"), "kerberos_not_installed")
    if shape.keytab is None:
        reader.report((*location, "keytab"), "missing")
    if shape.password is not None:
        reader.report((*location, "password"), "password_with_kerberos")
    account, at, realm = shape.username.rpartition("@")
    if not (account and at and realm) or "\\" in account:
        reader.report((*location, "username"), "principal")


def _kerberos_is_installed() -> bool:
    """Say whether the extra is there, and works: it was built against a library that this machine may lack."""
    try:
        import_module("gssapi")
    except (ImportError, OSError):
        return False
    return True
