"""What each recipient was sent, in a small JSON file, as the store itself may be unusable.

The file holds no address: recipients are identified by a keyed digest, with a key that is in the file.
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
from receiver.core.alert_rules import Key, KnownTrouble, RecipientState
from receiver.core.troubles import Code, Severity, Trouble
from receiver.regular_files import open_regular
from receiver.sentences.phrases import PARIS

FILE_NAME = "alertes.json"
DEFAULT_FOLDER = Path("/var/lib/rdv-receiver")
VERSION = 2
BEFORE = 1
"""The first version. It identified a trouble by its cause too, and noted only whether anything was sent of it."""

log = logs.get("watch")


class _TroubleJson(BaseModel):
    """One `Trouble`."""

    model_config = ConfigDict(extra="forbid")

    code: Code
    severity: Severity
    subject: str
    cause: str
    since: datetime | None
    count: int

    @classmethod
    def of(cls, trouble: Trouble) -> "_TroubleJson":
        return cls(**_fields(trouble))

    def trouble(self) -> Trouble:
        return Trouble(self.code, self.severity, self.subject, self.cause, self.since, self.count)


class _KnownTroubleJson(_TroubleJson):
    """One `KnownTrouble`, flat. The keys are those of the first version."""

    first_at: datetime
    told: bool | list[str]
    gone_at: datetime | None
    others: list[_TroubleJson] = []
    news_at: datetime | None = None
    beside: list[tuple[str, str]] = []
    last_told: _TroubleJson | None = None


class _RecipientJson(BaseModel):
    """One `RecipientState`."""

    model_config = ConfigDict(extra="forbid")

    digest_on: date | None
    sights: list[_KnownTroubleJson]


class _FileJson(BaseModel):
    """The whole file."""

    model_config = ConfigDict(extra="forbid")

    version: int
    key: str
    recipients: dict[str, _RecipientJson]


class SentFile:
    """The state of every recipient, on disk where that is possible."""

    def __init__(self, path: Path, now: datetime) -> None:
        """Read the file. A missing or invalid file counts as empty.

        Args:
            path: where it is, or will be.
            now: later moments in the file are ignored: they were written while the clock was wrong.

        """
        self.path = path
        self._complained = False
        found = _read(path)
        self._key = found.key if found else secrets.token_hex(16)
        self._states = {name: _state(each, now) for name, each in found.recipients.items()} if found else {}
        self._saved = dict(self._states)

    def name_of(self, address: str) -> str:
        """Return the key under which a recipient is stored."""
        return hashlib.blake2b(address.encode(), key=self._key.encode(), digest_size=8).hexdigest()

    def of(self, name: str) -> RecipientState:
        """Return the state of a recipient; an empty state if the recipient is new."""
        return self._states.get(name, RecipientState())

    def keep(self, states: Mapping[str, RecipientState]) -> None:
        """Keep the states of these recipients, and of no others; write the file if anything changed."""
        self._states = dict(states)
        if self._states != self._saved and self._write():
            self._saved = dict(self._states)

    def _write(self) -> bool:
        recipients = {
            name: _RecipientJson(digest_on=state.digest_on, sights=list(map(_flat, state.troubles.values())))
            for name, state in self._states.items()
        }
        text = _FileJson(version=VERSION, key=self._key, recipients=recipients).model_dump_json(indent=1)
        try:
            _replace(self.path, text.encode())
        except OSError as error:
            if not self._complained:  # logged once; writing is tried again at each change
                log.error("memory_not_written", error=type(error).__name__, number=error.errno)
                self._complained = True
            return False
        self._complained = False
        return True


def default_path(sqlite: Path | None, environ: Mapping[str, str]) -> Path:
    """Return where the file belongs: beside the SQLite store, else in the folder that systemd provides."""
    if sqlite is not None:
        return sqlite.parent / FILE_NAME
    folder = environ.get("STATE_DIRECTORY", "").partition(":")[0]
    return (Path(folder) if folder else DEFAULT_FOLDER) / FILE_NAME


def _read(path: Path) -> _FileJson | None:
    try:
        with open_regular(path) as file:
            found = _FileJson.model_validate(json.loads(file.read()))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, ValidationError, RecursionError) as error:
        log.error("memory_not_read", error=type(error).__name__)
        return None
    return found if found.version in {VERSION, BEFORE} else None


def _replace(path: Path, content: bytes) -> None:
    """Replace a file atomically: after a power failure it is either the old or the new one."""
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


def _flat(known: KnownTrouble) -> _KnownTroubleJson:
    return _KnownTroubleJson(
        **_fields(known.trouble),
        first_at=known.first_at,
        told=sorted(known.sent),
        gone_at=known.gone_at,
        others=[_TroubleJson.of(each) for each in known.others],
        news_at=known.unsent_since,
        beside=sorted(known.beside),
        last_told=_TroubleJson.of(known.last_sent) if known.last_sent else None,
    )


def _fields(trouble: Trouble) -> dict[str, Any]:
    return {name: getattr(trouble, name) for name in _TroubleJson.model_fields}


def _state(flat: _RecipientJson, now: datetime) -> RecipientState:
    troubles: dict[Key, KnownTrouble] = {}
    for known in (_known_trouble(each, now) for each in flat.sights):
        key = known.trouble.key
        troubles[key] = _joined(troubles[key], known) if key in troubles else known
    digest_on = flat.digest_on if flat.digest_on and flat.digest_on <= now.astimezone(PARIS).date() else None
    return RecipientState(troubles, digest_on)


def _known_trouble(flat: _KnownTroubleJson, now: datetime) -> KnownTrouble:
    known = KnownTrouble(
        flat.trouble(),
        min(flat.first_at, now),
        gone_at=min(flat.gone_at, now) if flat.gone_at else None,
        others=tuple(each.trouble() for each in flat.others),
        unsent_since=min(flat.news_at, now) if flat.news_at else None,
        beside=frozenset(flat.beside),
        last_sent=flat.last_told.trouble() if flat.last_told else None,
    )
    if isinstance(flat.told, bool):
        return replace(known, sent=known.points if flat.told else frozenset())
    return replace(known, sent=frozenset(flat.told))


def _joined(one: KnownTrouble, other: KnownTrouble) -> KnownTrouble:
    """Join what an earlier version stored as two troubles because of two causes."""
    gone_at = max(one.gone_at, other.gone_at) if one.gone_at and other.gone_at else None
    first_at = min(one.first_at, other.first_at)
    return replace(one, first_at=first_at, sent=one.sent | other.sent, gone_at=gone_at)
