"""What was told to whom, in a small file of its own: the store may be what is broken.

No address stands in it: recipients are known by a keyed digest, whose key is the file's own.
"""

import hashlib
import json
import os
import secrets
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from receiver import logs
from receiver.core.alert_rules import Key, Memory, Sight
from receiver.core.troubles import Code, Severity, Trouble
from receiver.sentences.phrases import PARIS

FILE_NAME = "alertes.json"
DEFAULT_FOLDER = Path("/var/lib/rdv-receiver")
VERSION = 2
BEFORE = 1
"""Knew a trouble by its cause too, and of what was told only whether."""

log = logs.get("watch")


class _Trouble(BaseModel):
    """One `Trouble`."""

    model_config = ConfigDict(extra="forbid")

    code: Code
    severity: Severity
    subject: str
    cause: str
    since: datetime | None
    count: int

    def known(self) -> Trouble:
        return Trouble(self.code, self.severity, self.subject, self.cause, self.since, self.count)


class _Sight(_Trouble):
    """One `Sight`, flat."""

    first_at: datetime
    told: bool | list[str]
    gone_at: datetime | None
    others: list[_Trouble] = []
    news_at: datetime | None = None
    beside: list[tuple[str, str]] = []
    last_told: _Trouble | None = None


class _Memory(BaseModel):
    """One recipient's `Memory`."""

    model_config = ConfigDict(extra="forbid")

    digest_on: date | None
    sights: list[_Sight]


class _File(BaseModel):
    """The whole file."""

    model_config = ConfigDict(extra="forbid")

    version: int
    key: str
    recipients: dict[str, _Memory]


class MemoryFile:
    """The memory of every recipient, on disk where that is possible."""

    def __init__(self, path: Path, now: datetime) -> None:
        """Read the file. One that is not there, or not as we write it, is an empty one.

        Args:
            path: where it is, or will be.
            now: what the file says of later moments was written while the clock was wrong.

        """
        self.path = path
        self._complained = False
        found = _read(path)
        self._key = found.key if found else secrets.token_hex(16)
        self._known = {name: _memory(each, now) for name, each in found.recipients.items()} if found else {}
        self._saved = dict(self._known)

    def name_of(self, address: str) -> str:
        """Return what a recipient is known by here."""
        return hashlib.blake2b(address.encode(), key=self._key.encode(), digest_size=8).hexdigest()

    def of(self, name: str) -> Memory:
        """Return what a recipient was told; nothing, where it is new."""
        return self._known.get(name, Memory())

    def keep(self, memories: Mapping[str, Memory]) -> None:
        """Remember this of these recipients, and nothing of any other; write it down if it is news."""
        self._known = dict(memories)
        if self._known != self._saved and self._write():
            self._saved = dict(self._known)

    def _write(self) -> bool:
        recipients = {name: _flat(memory) for name, memory in self._known.items()}
        text = _File(version=VERSION, key=self._key, recipients=recipients).model_dump_json(indent=1)
        try:
            _replace(self.path, text.encode())
        except OSError as error:
            if not self._complained:  # once: it is tried again at each change
                log.error("memory_not_written", error=type(error).__name__, number=error.errno)
                self._complained = True
            return False
        self._complained = False
        return True


def default_path(sqlite: Path | None, environ: Mapping[str, str]) -> Path:
    """Return where the file belongs: beside the SQLite store, else where systemd gives us a folder."""
    if sqlite is not None:
        return sqlite.parent / FILE_NAME
    folder = environ.get("STATE_DIRECTORY", "").partition(":")[0]
    return (Path(folder) if folder else DEFAULT_FOLDER) / FILE_NAME


def _read(path: Path) -> _File | None:
    try:
        found = _File.model_validate(json.loads(path.read_bytes()))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, ValidationError, RecursionError) as error:
        log.error("memory_not_read", error=type(error).__name__)
        return None
    return found if found.version in {VERSION, BEFORE} else None


def _replace(path: Path, content: bytes) -> None:
    """Write a file so that it is either the old or the new one, whenever the power goes."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _flat(memory: Memory) -> _Memory:
    return _Memory(digest_on=memory.digest_on, sights=[_flat_sight(sight) for sight in memory.sights.values()])


def _flat_sight(sight: Sight) -> _Sight:
    return _Sight(
        **_flat_trouble(sight.trouble),
        first_at=sight.first_at,
        told=sorted(sight.told),
        gone_at=sight.gone_at,
        others=[_Trouble(**_flat_trouble(each)) for each in sight.others],
        news_at=sight.news_at,
        beside=sorted(sight.beside),
        last_told=_Trouble(**_flat_trouble(sight.last_told)) if sight.last_told else None,
    )


def _flat_trouble(trouble: Trouble) -> dict[str, Any]:
    return {name: getattr(trouble, name) for name in _Trouble.model_fields}


def _memory(flat: _Memory, now: datetime) -> Memory:
    sights: dict[Key, Sight] = {}
    for sight in (_sight(each, now) for each in flat.sights):
        key = sight.trouble.key
        sights[key] = _joined(sights[key], sight) if key in sights else sight
    digest_on = flat.digest_on if flat.digest_on and flat.digest_on <= now.astimezone(PARIS).date() else None
    return Memory(sights, digest_on)


def _sight(flat: _Sight, now: datetime) -> Sight:
    sight = Sight(
        flat.known(),
        min(flat.first_at, now),
        gone_at=min(flat.gone_at, now) if flat.gone_at else None,
        others=tuple(each.known() for each in flat.others),
        news_at=min(flat.news_at, now) if flat.news_at else None,
        beside=frozenset(flat.beside),
        last_told=flat.last_told.known() if flat.last_told else None,
    )
    if isinstance(flat.told, bool):
        return replace(sight, told=sight.tellings if flat.told else frozenset())
    return replace(sight, told=frozenset(flat.told))


def _joined(one: Sight, other: Sight) -> Sight:
    """Return what an earlier version held for two troubles, as they had two causes."""
    gone_at = max(one.gone_at, other.gone_at) if one.gone_at and other.gone_at else None
    first_at = min(one.first_at, other.first_at)
    return replace(one, first_at=first_at, told=one.told | other.told, gone_at=gone_at)
