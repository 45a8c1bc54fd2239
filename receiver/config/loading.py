"""Reads the whole file: each section alone, so that one mistake hides no other; then rules across sections."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from urllib.parse import parse_qsl

from receiver.config.authority import check_organisations, check_secrets
from receiver.config.document import Value, read_document
from receiver.config.fields import NAME
from receiver.config.mailbox_csv import csv_path
from receiver.config.mailboxes import read_mailboxes
from receiver.config.problems import ConfigurationErrors, Location, Problem
from receiver.config.secret_warnings import passwords
from receiver.config.section import Context
from receiver.config.settings import (
    SECTIONS,
    AlertSettings,
    AuditSettings,
    Auth,
    CalendarKind,
    CalendarSettings,
    EwsCalendar,
    IcsFolder,
    NamedPolicies,
    RetentionSettings,
    Settings,
    SingleKeys,
    Source,
    StoreSettings,
    WebSettings,
)
from receiver.config.store_url import address_troubles, marker_trouble, sqlite_file, usual_marker
from receiver.config.validate import Reader
from receiver.core.facts import Emitter
from receiver.core.policies import Policies

VERIFIED = frozenset({"yes", "true", "on", "1"})
"""What `verify` may say in an Apprise address, if it must be said at all."""

_SECRET_FILE_KEYS = frozenset({"file", "keytab"})


def load(path: Path, environ: Mapping[str, str]) -> Settings:
    """Read and check the configuration.

    Raises:
        ConfigurationErrors: with every problem found, not the first.

    """
    document = read_document(path)
    reader = Reader(document, Context(environ, path.absolute().parent))
    settings = _File(reader, document.root, path).settings()
    if settings is None or reader.problems:
        raise ConfigurationErrors(reader.problems)
    return settings


class _File:
    """One reading of one file."""

    def __init__(self, reader: Reader, root: dict[str, Value], path: Path) -> None:
        self.reader = reader
        self.root = root
        self.path = path

    def settings(self) -> Settings | None:
        alone = SingleKeys.file_keys()
        for key in self.root.keys() - SECTIONS.keys() - set(alone):
            self.reader.unknown_key((key,), [*SECTIONS, *alone])
        single = self.reader.read(SingleKeys, {key: self.root[key] for key in alone if key in self.root}, ())
        store = self._store()
        sources = self._sources()
        check_organisations(self.reader, sources)
        calendars = {name: self._calendar(name, raw) for name, raw in self._entries("calendars").items()}
        mailboxes = read_mailboxes(self.reader, self.root.get("mailboxes"), list(calendars))
        web = self.reader.read_key(WebSettings, "web")
        retention = self.reader.read_key(RetentionSettings, "retention")
        alerts = self._alerts()
        audit = self.reader.read_key(AuditSettings, "audit")
        if single is None or store is None or mailboxes is None:
            return None
        if web is None or retention is None or alerts is None or audit is None:
            return None
        settings = Settings(
            **dict(single),
            store=store,
            sources=sources,
            calendars={name: calendar for name, calendar in calendars.items() if calendar},
            mailboxes=mailboxes,
            web=web,
            alerts=alerts,
            audit=audit,
            retention=retention,
            watched=(csv,) if (csv := csv_path(self.reader, self.root.get("mailboxes"))) else (),
        )
        self._check_token_key(settings)
        return settings.replace(warnings=tuple(self._warnings(settings)))

    def _store(self) -> StoreSettings | None:
        store = self.reader.read_key(StoreSettings, "store")
        if store is None:
            return None
        troubles = address_troubles(store.url, has_password=store.password is not None)
        for code, details in troubles:
            self.reader.report(("store", "url"), code, **details)
        if troubles:
            return None
        if store.marker is None:
            return store.replace(marker=usual_marker(store.address, self.path))
        if trouble := marker_trouble(store.marker, store.address):
            self.reader.report(("store", "marker"), trouble)
        return store

    def _alerts(self) -> AlertSettings | None:
        alerts = self.reader.read_key(AlertSettings, "alerts")
        for place, address in enumerate(alerts.to if alerts else ()):
            if skips_verification(address.value):
                self.reader.report(("alerts", "to", place), "alert_not_verified")
        return alerts

    def _check_token_key(self, settings: Settings) -> None:
        key = settings.web.token_key
        others = {signing.secret for source in settings.sources.values() for signing in source.secrets}
        # Where it is an alert's address, there is a warning (`secret_warnings`).
        others |= {secret for location, secret in passwords(settings) if location[0] != "alerts"}
        if key in others:
            # Those who know the other one, such as the emitter, could sign tokens.
            self.reader.report(("web", "token_key"), "token_key_reused")

    def _warnings(self, settings: Settings) -> Iterator[Problem]:
        document, context = self.reader.document, self.reader.context
        for location, text in document.texts():
            if location[-1] in _SECRET_FILE_KEYS and context.folder / text in context.exposed:
                yield Problem(location, "secret_file_exposed", line=document.line_of(location))
        web = settings.web
        if web.token_key is None and web.pages and sqlite_file(settings.store.address) is None:
            yield Problem(("web", "token_key"), "token_key_missing", line=document.line_of(("web",)))

    def _entries(self, section: str) -> dict[str, dict[str, Value]]:
        """Return a section's named entries, reporting an empty section, what is no entry, and a name that is none."""
        raw = self.root.get(section)
        if not raw:
            self.reader.report((section,), "missing" if section not in self.root else "empty_section")
        named = self.reader.mapping((section,), raw)
        entries = {name: self.reader.mapping((section, name), entry) for name, entry in named.items()}
        for name in entries:
            if not NAME.match(name):
                self.reader.report((section, name), "name")
        return entries

    def _sources(self) -> dict[str, Source]:
        policies = self._policies(("policies",), self.root.get("policies"), Policies())
        read = {name: self._source(name, raw, policies) for name, raw in self._entries("sources").items()}
        return {name: source for name, source in read.items() if source}

    def _policies(self, location: Location, raw: Value, inherited: Policies) -> Policies:
        """Return the inherited policies with those replaced that the file names."""
        named = self.reader.read(NamedPolicies, raw, location)
        found = {key: getattr(named, key) for key in named.model_fields_set} if named else {}
        return replace(inherited, **found)

    def _source(self, name: str, raw: dict[str, Value], inherited: Policies) -> Source | None:
        location = ("sources", name)
        policies = self._policies((*location, "policies"), raw.get("policies"), inherited)
        source = self.reader.read_named(Source, {key: raw[key] for key in raw if key != "policies"}, location)
        if source is None:
            return None
        if source.api is not None and source.emitter is not Emitter.RDV_SERVICE_PUBLIC:
            self.reader.report((*location, "api"), "api_of_other_emitter")
        check_secrets(self.reader, source)
        return source.replace(policies=policies)

    def _calendar(self, name: str, raw: dict[str, Value]) -> CalendarSettings | None:
        location = ("calendars", name)
        match raw.get("kind"):
            case CalendarKind.EWS.value:
                calendar = self.reader.read_named(EwsCalendar, raw, location)
                if calendar is not None:
                    _check_credentials(self.reader, calendar, location)
                return calendar
            case CalendarKind.ICS_FOLDER.value:
                return self.reader.read_named(IcsFolder, raw, location)
            case None:
                self.reader.report((*location, "kind"), "missing")
            case _:
                self.reader.report((*location, "kind"), "not_a_choice", choices=", ".join(CalendarKind))
        return None


def skips_verification(address: str) -> bool:
    """Say whether an Apprise address switches the verification of certificates off."""
    asked = parse_qsl(address.partition("?")[2], keep_blank_values=True)
    return any(key.strip().lower() == "verify" and value.strip().lower() not in VERIFIED for key, value in asked)


def _check_credentials(reader: Reader, calendar: EwsCalendar, location: Location) -> None:
    """Report what an authentication lacks, and the keys that only another one may have."""
    if calendar.auth is Auth.KERBEROS:
        _check_kerberos(reader, calendar, location)
        return
    if calendar.password is None:
        reader.report((*location, "password"), "missing")
    if calendar.keytab is not None:
        reader.report((*location, "keytab"), "keytab_without_kerberos")


def _check_kerberos(reader: Reader, calendar: EwsCalendar, location: Location) -> None:
    if not _kerberos_is_installed():
        reader.report((*location, "auth"), "kerberos_not_installed")
    if calendar.keytab is None:
        reader.report((*location, "keytab"), "missing")
    if calendar.password is not None:
        reader.report((*location, "password"), "password_with_kerberos")
    account, at, realm = calendar.username.rpartition("@")
    if not (account and at and realm) or "\\" in account:
        reader.report((*location, "username"), "principal")


def _kerberos_is_installed() -> bool:
    """Say whether the extra is there, and works: it was built against a library that this machine may lack."""
    try:
        import_module("gssapi")
    except (ImportError, OSError):
        return False
    return True
