"""`check`: whether everything that the configuration names can be used. It writes no entry.

Returns findings by code; the command has the sentences and tables. The caller chooses the classes of store and
connectors.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path

from connectors.base import Connector, ConnectorError, Scope
from receiver.config import CalendarSettings, IcsFolder, Settings
from receiver.config.store_url import sqlite_file
from receiver.core.addresses import canonical
from receiver.core.mailboxes import MailboxMap
from receiver.core.thresholds import Thresholds
from receiver.operations.access import token_key
from receiver.store import (
    Cause,
    Marker,
    Refusal,
    Standing,
    Store,
    StoreUnavailable,
    StoreVanished,
    heartbeats,
    refusal_of,
)
from receiver.store.database import engine
from receiver.store.database import files as store_files
from receiver.store.place import integrity, ownership

PROBED_PER_CALENDAR = 10
"""Enough to check rights and mapping; probing hundreds of mailboxes would take minutes and show little more."""

NO_INSTALLATION = "00000000-0000-0000-0000-000000000000"
"""Used as installation while the store has none yet: a probe looks for no entry."""

_NETWORK_FILE_SYSTEMS = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "fuse.sshfs", "ceph", "glusterfs", "9p"})


class Level(StrEnum):
    """The level of a finding."""

    OK = "ok"
    WARNING = "warning"
    TROUBLE = "trouble"


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check."""

    code: str
    subject: str
    level: Level = Level.OK
    details: Mapping[str, str | int] = field(default_factory=dict)
    must_change: bool = False
    """Whether an operator must act although the receiver works."""

    @property
    def ok(self) -> bool:
        """Whether the receiver can work with it, and an operator need not act."""
        return self.level is not Level.TROUBLE and not self.must_change


def worst(findings: Iterable[Finding]) -> Level:
    """Return the level of the worst finding."""
    levels = {finding.level for finding in findings}
    return next((level for level in (Level.TROUBLE, Level.WARNING) if level in levels), Level.OK)


STORE_ERRORS = (StoreUnavailable, OSError)
"""The errors of opening and using a store: of the database or the file system."""

HEARTBEAT = "check"

START_IS_FAR = timedelta(days=366)
"""Appointments are hardly made so long before: the year may be mistyped."""
OpenStore = Callable[[Settings], Store]
MakeConnectors = Callable[[Settings, str], Mapping[str, Connector]]


def check(
    settings: Settings, mailboxes: Sequence[str], open_store: OpenStore, make_connectors: MakeConnectors
) -> list[Finding]:
    """Check the configuration's warnings, the store, and the calendars by probing the requested mailboxes."""
    findings = [Finding("configuration_read", "configuration")]
    findings += [Finding(each.code, each.path, Level.WARNING, each.details) for each in settings.warnings]
    of_store, installation = _check_store(settings.store.address, lambda: open_store(settings))
    findings += [*of_store, *_check_marker(settings)]
    if found := token_key.trouble(settings):
        code, path = found
        findings.append(Finding(code, "web.token_key", Level.WARNING, {"path": str(path)}))
    if not settings.mailboxes.addresses and not settings.mailboxes.domains:
        findings.append(Finding("nothing_mapped", "mailboxes", Level.WARNING))
    if settings.start_at is not None and settings.start_at - datetime.now(UTC) > START_IS_FAR:
        findings.append(Finding("start_at_far", "start_at", Level.WARNING, {"day": f"{settings.start_at:%d/%m/%Y}"}))
    connectors = make_connectors(settings, installation)
    try:
        for name, calendar in settings.calendars.items():
            asked = mailboxes_to_probe(settings.mailboxes, name, mailboxes)
            findings += _check_calendar(calendar, connectors[name], asked)
    finally:
        for connector in connectors.values():
            connector.close()
    return findings


def mailboxes_to_probe(mapping: MailboxMap, calendar: str, asked: Sequence[str]) -> list[str]:
    """Return the requested mailboxes of a calendar; without a request, those that the mapping names singly.

    A mailbox that the mapping does not name is searched in the default calendar.
    """
    known = sorted(set(mapping.addresses.values()))
    if not asked:
        return [mailbox.address for mailbox in known if mailbox.calendar == calendar]
    homes: dict[str, set[str]] = {}
    for mailbox in known:
        homes.setdefault(mailbox.address, set()).add(mailbox.calendar)
    wanted = dict.fromkeys(canonical(address) for address in asked)
    return [address for address in wanted if calendar in homes.get(address, {mapping.default_calendar})]


def store_error_name(error: BaseException) -> str:
    """Return the name of an error's class: its text may hold the address with its user, and statements with values."""
    return str(error) if isinstance(error, StoreUnavailable) and str(error) else type(error).__name__


def _check_store(url: str, open_store: Callable[[], Store]) -> tuple[list[Finding], str]:
    file = sqlite_file(url)
    beside = list(file_findings([store_files.followed(file).parent, file, *store_files.beside(file)])) if file else []
    installation = NO_INSTALLATION
    try:
        store = open_store()
        try:
            store.standing()  # a vanished store is reported before the state of its file
            finding = _check_file(file) if file else None
            if finding is None:
                finding, installation = _check_open(store)
        finally:
            store.close()
    except StoreVanished as error:
        finding = Finding(error.cause, "store", Level.TROUBLE)
    except STORE_ERRORS as error:
        finding = _check_file(file) if file else None
        finding = finding or _refused("store_unreachable", refusal_of(error, file), error=store_error_name(error))
    return [finding, *beside], installation


def _check_open(store: Store) -> tuple[Finding, str]:
    standing = store.standing()
    if not standing.usable:
        level = Level.WARNING if standing is Standing.NOT_CURRENT else Level.TROUBLE
        is_empty = standing is Standing.NOT_CURRENT and store.is_empty()
        return Finding(standing, "store", level, {"cause": Cause.EMPTY} if is_empty else {}), NO_INSTALLATION
    store.read(integrity.check)
    store.read(integrity.check_tables)
    store.read(ownership.refuse_other_encodings)
    store.write(heartbeats.beat, HEARTBEAT, store.now())  # a write without effect: it detects a full disk
    if careless := store.read(engine.unsafe_settings):
        details = {"settings": ", ".join(careless)}
        return Finding("store_not_durable", "store", Level.TROUBLE, details), store.installation().id
    return Finding("store_ready", "store"), store.installation().id


def _refused(code: str, refusal: Refusal, **more: str) -> Finding:
    return Finding(code, "store", Level.TROUBLE, {**more, "cause": refusal.cause.value, **refusal.details})


def _check_marker(settings: Settings) -> Iterator[Finding]:
    """Check that the marker can be used, and is in a place where it is not lost with the database."""
    marker, file = settings.store.marker, sqlite_file(settings.store.address)
    if marker is None:
        yield Finding("marker_none", "marker", Level.WARNING)
        return
    if cause := Marker(marker).trouble():
        yield Finding(cause, "marker", Level.TROUBLE, {"path": str(marker)})
    elif file is not None and marker.parent == file.parent:
        yield Finding("marker_beside_store", "marker", Level.WARNING, {"path": str(marker)})


def _check_file(path: Path) -> Finding | None:
    """Return why the SQLite file cannot be opened, or not yet; None: it can be tried."""
    folder = store_files.followed(path).parent
    if os.path.isdir(folder) and (kind := network_file_system(folder.resolve(), mount_table())):  # noqa: PTH112  # raises nothing
        return Finding("store_on_network", "store", Level.TROUBLE, {"kind": kind})
    refusal = store_files.fault(path)
    match refusal:
        case None:
            return None
        case Refusal(cause=Cause.FILE_MISSING):
            return Finding("store_not_created", "store")
        case Refusal(cause=Cause.FOLDER_MISSING):
            return _refused("store_folder_missing", refusal)
        case Refusal(cause=Cause.NOT_WRITABLE | Cause.READ_ONLY_MOUNT):
            return _refused("store_not_writable", refusal)
    return _refused("store_unreachable", refusal)


def file_findings(paths: Sequence[Path]) -> Iterator[Finding]:
    """Yield findings on the rights of files: the service cannot use one, or other accounts can."""
    for refusal in store_files.unusable(paths):
        yield Finding("store_file_unusable", Path(refusal.path).name, Level.TROUBLE, refusal.details)
    for refusal in store_files.exposed(paths):
        yield Finding("store_file_exposed", Path(refusal.path).name, Level.WARNING, refusal.details)


def mount_table() -> str:
    """Return the text of this process's mount table; empty if there is none."""
    table = Path("/proc/self/mounts")
    return table.read_text(encoding="utf-8", errors="replace") if table.exists() else ""


def network_file_system(folder: Path, mounts: str) -> str | None:
    """Return the kind of the network file system that holds the folder; None: it is a local one."""
    kind = file_system(folder, mounts)
    return kind if kind in _NETWORK_FILE_SYSTEMS else None


def file_system(folder: Path, mounts: str) -> str:
    """Return the kind of file system that holds the folder, by the text of a mount table (proc(5))."""
    best, best_kind = 0, ""
    for line in mounts.splitlines():
        _, point, kind, *_ = line.split(" ")
        mounted = Path(point.replace("\\040", " "))
        if folder.is_relative_to(mounted) and len(mounted.parts) >= best:
            best, best_kind = len(mounted.parts), kind
    return best_kind


def _check_calendar(calendar: CalendarSettings, connector: Connector, mailboxes: list[str]) -> Iterator[Finding]:
    subject = f"calendars.{calendar.name}"
    if isinstance(calendar, IcsFolder):
        folder = _check_folder(calendar.path, subject)
        yield folder
        if not folder.ok:
            return
    elif not mailboxes:
        yield Finding("mailbox_needed", subject, Level.WARNING)
    # Present troubles of the connection show when it is used; this finds only those to come.
    doors = certificate_findings(connector, subject, datetime.now(UTC))
    yield from (door for door in doors if door.level is Level.WARNING)
    yield from _probe(connector, subject, mailboxes[:PROBED_PER_CALENDAR])
    if left_out := len(mailboxes[PROBED_PER_CALENDAR:]):
        yield Finding("mailboxes_left_out", subject, Level.OK, {"count": left_out})


def certificate_findings(connector: Connector, subject: str, now: datetime) -> list[Finding]:
    """Yield whether the server can be reached and trusted, and for how long; nothing without TLS."""
    shown = connector.certificate()
    if shown is None:
        return []
    details: dict[str, str | int] = {"issuer": shown.issuer or "?", "names": ", ".join(shown.names) or "?"}
    if shown.expires_at:
        details |= {"expires": shown.expires_at.date().isoformat(), "days": (shown.expires_at - now).days}
    if shown.code:
        return [Finding(shown.code, subject, Level.TROUBLE, details)]
    soon = shown.expires_at is not None and shown.expires_at - now < Thresholds().certificate_warning
    return [Finding("tls_expiring" if soon else "tls_trusted", subject, Level.WARNING if soon else Level.OK, details)]


def _check_folder(path: Path, subject: str) -> Finding:
    if not path.is_dir():
        return Finding("folder_missing", subject, Level.TROUBLE, {"path": str(path)})
    if not os.access(path, os.W_OK):
        return Finding("folder_not_writable", subject, Level.TROUBLE, {"path": str(path)})
    return Finding("folder_ready", subject)


def _probe(connector: Connector, subject: str, mailboxes: list[str]) -> Iterator[Finding]:
    for mailbox in mailboxes:
        here = f"{subject} {mailbox}"
        try:
            probe = connector.probe(mailbox)
        except ConnectorError as error:
            if error.scope is Scope.SERVER:
                # The next mailbox would fail in the same way: one line, and one attempt with a perhaps wrong password.
                yield Finding(error.code, subject, Level.TROUBLE)
                return
            yield Finding(error.code, here, Level.TROUBLE)
            continue
        details = {"address": probe.address, "server_version": probe.server_version or ""}
        known_as = probe.address.lower() != mailbox.lower()
        yield Finding("mailbox_reached_as" if known_as else "mailbox_reached", here, Level.OK, details)
