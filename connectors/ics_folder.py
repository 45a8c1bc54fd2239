"""Calendars as folders of .ics files: for pilots without Exchange, and as a second implementation of the port.

One folder a mailbox; one file an entry, whose name is the item's id. Files that somebody moved into
sub-folders are still found; deleted ones are in `DELETED`.
"""

import errno
import os
import re
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from connectors.base import (
    ITEM_ID_LIMIT,
    CalendarEntry,
    Change,
    ConnectorError,
    Create,
    Delete,
    Done,
    Failed,
    Found,
    Marked,
    NotFound,
    Other,
    Outcome,
    Permanent,
    Probe,
    Scope,
    TakeOver,
    Temporary,
    Unconfirmed,
    Update,
)
from connectors.ical import (
    INSTALLATION_NAME,
    PRODUCT,
    UnreadableCalendar,
    UnsupportedZone,
    from_ical,
    taken_over,
    to_ical,
)
from connectors.occurrences import END_OF_TIME, overlaps

DELETED = "deleted"
LONGEST_NAME = 200

_ITEM_ID = re.compile(r"(?:[^/\0]+/){0,8}[^/\0]+\.ics\Z")
_CODES: Mapping[int, str] = {
    errno.ENOSPC: "quota_exceeded",
    errno.EDQUOT: "quota_exceeded",
    errno.EACCES: "access_denied",
    errno.EPERM: "access_denied",
    errno.EROFS: "access_denied",
    errno.ENOENT: "folder_not_found",
    errno.ENOTDIR: "folder_not_found",
}

T = TypeVar("T")


class IcsFolderConnector:
    """All mailboxes of one folder."""

    call_timeout_s = 30.0
    """Only a slow disk takes any time."""

    def __init__(self, path: Path | str, installation: str) -> None:
        self._path = Path(path)
        self._installation = installation

    def apply(self, mailbox: str, changes: Sequence[Change]) -> list[Outcome]:
        """Make the changes one by one."""
        return [self._apply(mailbox, change) for change in changes]

    def find(self, mailbox: str, uids: Sequence[str]) -> dict[str, list[Found]]:
        """Read the mailbox's files, and those of its sub-folders where something is missing."""

        def look() -> dict[str, list[Found]]:
            found = self._found(mailbox, uids, self._files(mailbox))
            missing = [uid for uid, items in found.items() if not items]
            return found | self._found(mailbox, missing, self._files_below(mailbox)) if missing else found

        return _or_connector_error(look)

    def list_marked(self, mailbox: str, start: datetime, end: datetime) -> list[Marked]:
        """Read all files of the mailbox."""

        def read() -> list[Marked]:
            paths = [*self._files(mailbox), *self._files_below(mailbox)]
            items = self._ours(mailbox, iter(paths))
            return [item for item in items if overlaps(item.entry, start, end)]

        return _or_connector_error(read)

    def list_others(self, mailbox: str, after: datetime) -> list[Other]:
        """Read all files of the mailbox."""

        def read() -> list[Other]:
            paths = (*self._files(mailbox), *self._files_below(mailbox))
            marked = [found for path in paths if (found := _marked_in(path)) is not None]
            return [
                Other(installation, entry.uid)
                for entry, installation in marked
                if installation != self._installation and overlaps(entry, after, END_OF_TIME)
            ]

        return _or_connector_error(read)

    def probe(self, mailbox: str) -> Probe:
        """Check that the folder exists and is writable. A mailbox's own folder is made with its first entry."""
        own = self._folder(mailbox)
        if not self._path.is_dir():
            raise Temporary("folder_not_found", Scope.SERVER)
        for folder, scope in ((self._path, Scope.SERVER), (own, Scope.MAILBOX)):
            if folder.exists() and not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
                raise Temporary("access_denied", scope)
        return Probe(mailbox, identity=mailbox.strip().lower())

    def identify(self, mailbox: str) -> str:
        """Return the address itself: a folder has no other."""
        folder_name(mailbox)  # raises if it is not an address
        return mailbox.strip().lower()

    def certificate(self) -> None:
        """Return None: a folder has none."""

    def close(self) -> None:
        """Do nothing: nothing is held open."""

    # Reading

    def _found(self, mailbox: str, uids: Sequence[str], paths: Iterator[Path]) -> dict[str, list[Found]]:
        found: dict[str, list[Found]] = {uid: [] for uid in uids}
        for item in self._ours(mailbox, paths):
            if item.entry.uid in found:
                found[item.entry.uid].append(Found(item.item_id, item.entry.uid))
        return found

    def _ours(self, mailbox: str, paths: Iterator[Path]) -> Iterator[Marked]:
        folder = self._folder(mailbox)
        for path in paths:
            entry = self._read(path)
            if entry is not None:
                yield Marked(_item_id(path.relative_to(folder)), entry)

    def _read(self, path: Path) -> CalendarEntry | None:
        """Return the entry of a file of ours; None: it is not ours, or is gone."""
        found = _marked_in(path)
        return found[0] if found is not None and found[1] == self._installation else None

    def _files(self, mailbox: str) -> Iterator[Path]:
        return (path for path in sorted(self._folder(mailbox).glob("*.ics")) if path.is_file())

    def _files_below(self, mailbox: str) -> Iterator[Path]:
        folder = self._folder(mailbox)
        below = sorted(folder.glob("*/**/*.ics"))
        return (path for path in below if path.relative_to(folder).parts[0] != DELETED and path.is_file())

    def _folder(self, mailbox: str) -> Path:
        return self._path / folder_name(mailbox)

    # Writing

    def _apply(self, mailbox: str, change: Change) -> Outcome:
        try:
            match change:
                case Create(entry):
                    return self._write(mailbox, f"{secrets.token_hex(16)}.ics", entry)
                case Update(item_id, entry):
                    return self._write(mailbox, item_id, entry) if self._has(mailbox, item_id) else NotFound()
                case TakeOver(item_id):
                    return self._take_over(mailbox, item_id)
                case Delete(item_id):
                    return self._delete(mailbox, item_id) if self._has(mailbox, item_id) else NotFound()
        except ConnectorError as error:
            return Failed(error)
        except OSError as error:
            return Failed(_trouble(error))

    def _has(self, mailbox: str, item_id: str) -> bool:
        """Whether the id is that of an item of this installation in the mailbox's folder."""
        path = self._path_of(mailbox, item_id)
        return path is not None and self._read(path) is not None

    def _path_of(self, mailbox: str, item_id: str) -> Path | None:
        """Return the file of an id in the mailbox's folder; None: there is none."""
        if not _ITEM_ID.match(item_id) or any(part in {".", "..", DELETED} for part in item_id.split("/")):
            return None
        path = self._folder(mailbox) / item_id
        return path if path.is_file() else None

    def _take_over(self, mailbox: str, item_id: str) -> Outcome:
        path = self._path_of(mailbox, item_id)
        if path is None or _marked_in(path) is None:
            return NotFound()
        try:
            content = taken_over(path.read_bytes(), self._installation)
        except UnreadableCalendar:
            return Failed(Permanent("item_unreadable", Scope.ITEM))
        _write_aside(path, content)
        return _settled(path.parent, item_id)

    def _write(self, mailbox: str, item_id: str, entry: CalendarEntry) -> Outcome:
        try:
            content = to_ical(entry, self._installation, datetime.now(UTC))
        except UnsupportedZone:
            return Failed(Permanent("unsupported_time_zone", Scope.ITEM))
        except ValueError:
            return Failed(Permanent("invalid_item", Scope.ITEM))
        folder = self._folder(mailbox)
        self._make(folder)
        path = folder / item_id
        _write_aside(path, content)
        return _settled(path.parent, item_id)

    def _delete(self, mailbox: str, item_id: str) -> Outcome:
        folder = self._folder(mailbox)
        kept = folder / DELETED
        self._make(kept)
        path = folder / item_id
        path.replace(kept / f"{secrets.token_hex(4)}-{path.name}")
        return _settled(path.parent, item_id)

    def _make(self, folder: Path) -> None:
        if not self._path.is_dir():  # the configured folder may be a mount point: never create it
            raise Temporary("folder_not_found", Scope.SERVER)
        folder.mkdir(parents=True, exist_ok=True)


def folder_name(mailbox: str) -> str:
    """Return the name of a mailbox's folder: readable, the same for each spelling of the address, and not a path.

    Raises:
        Temporary: this is not an address.

    """
    address = mailbox.strip().lower()
    if "@" not in address:
        raise Temporary("mailbox_not_found", Scope.MAILBOX)
    name = quote(address, safe="@+")
    name = "%2E" + name[1:] if name.startswith(".") else name
    return name if len(name) <= LONGEST_NAME else f"{name[:100]}-{sha256(address.encode()).hexdigest()[:32]}"


def _marked_in(path: Path) -> tuple[CalendarEntry, str] | None:
    """Return the entry of a file and the installation that wrote it; None: it is not ours, or is gone."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    if not any(mark.encode() in content for mark in (PRODUCT, INSTALLATION_NAME)):
        return None
    try:
        return from_ical(content)
    except UnreadableCalendar:
        # It may be ours: reported as absent, it would be written twice.
        raise Temporary("item_unreadable", Scope.MAILBOX) from None


def _item_id(path: Path) -> str:
    """Return a file's id. A file name is bytes, and may not be text that the store accepts."""
    item_id = path.as_posix()
    if len(item_id) > ITEM_ID_LIMIT or any("\ud800" <= character <= "\udfff" for character in item_id):
        raise Temporary("item_unreadable", Scope.MAILBOX)
    return item_id


def _write_aside(path: Path, content: bytes) -> None:
    """Write the file under another name, then rename it, so that it is replaced atomically."""
    aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with aside.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except OSError:
        with suppress(OSError):
            aside.unlink()
        raise


def _settled(folder: Path, item_id: str) -> Outcome:
    """Make a rename durable. It is visible already, so a failure leaves it in doubt."""
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        return Unconfirmed(_trouble(error).code, Scope.SERVER)
    return Done(item_id)


def _or_connector_error(read: Callable[[], T]) -> T:
    error: ConnectorError
    try:
        return read()
    except OSError as trouble:
        error = _trouble(trouble)
    raise error


def _trouble(error: OSError) -> ConnectorError:
    return Temporary(_CODES.get(error.errno or 0, "storage_failed"), Scope.SERVER)
