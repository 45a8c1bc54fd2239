"""The key that signs tokens and forms. It is never in the database, so a copy of the database cannot sign.

It is the secret of `web.token_key`. If that is not configured and the database is a file (so that only one host uses
it), the key is a file beside the database. That file is made when the key is first needed.
"""

import os
import secrets
import stat
import tempfile
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from receiver.config import Settings
from receiver.config.store_url import sqlite_file
from receiver.core.token_secret import is_weak
from receiver.regular_files import NotRegularError, open_regular
from receiver.store import Store
from receiver.store.tools import tokens

FILE_NAME = "token.key"
MISSING, UNREADABLE, NOT_MADE = "token_key_missing", "token_key_unreadable", "token_key_not_made"
GONE = "token_key_gone"
NOT_REGULAR, WEAK, EXPOSED = "token_key_not_regular", "token_key_weak_file", "token_key_exposed"
_BYTES = 32
_LONGEST = 64 * 1024


class KeyUnavailable(Exception):
    """Tokens can be neither signed nor verified. The error's text is a code."""

    @property
    def code(self) -> str:
        """Why: the code of a sentence."""
        return str(self)


def path_of(settings: Settings) -> Path | None:
    """Return the key file that is used if no key is configured; None: the database is not a file."""
    database = sqlite_file(settings.store.address)
    return database.parent / FILE_NAME if database is not None and settings.web.token_key is None else None


def secret(settings: Settings) -> str:
    """Return the secret; make its file if there is none yet.

    Raises:
        KeyUnavailable: it is not configured, or its file cannot be made or used.

    """
    path = path_of(settings)
    if path is None:
        return _configured(settings)
    try:
        if not path.exists():
            _make(path)
    except OSError:
        raise KeyUnavailable(NOT_MADE) from None
    return _read(path)[0]


def existing_secret(settings: Settings) -> str | None:
    """Return the secret without making one; None: there is none, or it cannot be used."""
    path = path_of(settings)
    try:
        return _configured(settings) if path is None else _read(path)[0]
    except KeyUnavailable:
        return None


def trouble(settings: Settings) -> tuple[str, Path] | None:
    """Return the trouble of the key file, and its path; None: no trouble, or no file yet."""
    path = path_of(settings)
    if path is None or not path.exists():
        return None
    try:
        _, mode = _read(path)
    except KeyUnavailable as error:
        return error.code, path
    return (EXPOSED, path) if mode & (stat.S_IROTH | stat.S_IWOTH) else None


def unusable(settings: Settings) -> str:
    """Return why tokens can be neither signed nor verified; empty: they can, or no key was made yet."""
    path = path_of(settings)
    try:
        if path is None:
            _configured(settings)
        elif path.exists():
            _read(path)
    except KeyUnavailable as error:
        return error.code
    except OSError:
        return UNREADABLE
    return ""


def is_lost(settings: Settings, store: Store, now: datetime) -> bool:
    """Whether the key file is gone while tokens are valid: a restart would make all of them invalid.

    Raises:
        StoreUnavailable: the tokens cannot be read.

    """
    path = path_of(settings)
    if path is None or os.path.lexists(path):
        return False
    return any(each.revoked_at is None and now < each.expires_at for each in store.read(tokens.listed))


def _configured(settings: Settings) -> str:
    if settings.web.token_key is None:
        raise KeyUnavailable(MISSING)
    return settings.web.token_key.value


def _read(path: Path) -> tuple[str, int]:
    """Return the secret and the file's mode."""
    try:
        with open_regular(path) as file:
            mode = os.fstat(file.fileno()).st_mode
            text = file.read(_LONGEST).decode()
    except UnicodeDecodeError:
        raise KeyUnavailable(WEAK) from None
    except NotRegularError:
        raise KeyUnavailable(NOT_REGULAR) from None
    except OSError:
        raise KeyUnavailable(UNREADABLE) from None
    found = text.removesuffix("\n").removesuffix("\r")
    if is_weak(found):
        raise KeyUnavailable(WEAK)
    return found, mode


def _make(path: Path) -> None:
    """Write a new secret under a temporary name, then link it: if several processes do so, all use the first one's."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            os.fchmod(handle, 0o600)
            if os.geteuid() == 0:  # run by root: the service must be able to read the file
                owner = path.parent.stat()
                os.fchown(handle, owner.st_uid, owner.st_gid)
            file.write(secrets.token_hex(_BYTES) + "\n")
            file.flush()
            os.fsync(handle)
        with suppress(FileExistsError):
            os.link(name, path)
    finally:
        Path(name).unlink()
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
