"""Detects that a calendar's account or connection changed, without storing either."""

import hashlib
import hmac
from base64 import urlsafe_b64encode
from collections.abc import Iterable
from pathlib import Path

from receiver.config import CalendarSettings, EwsCalendar
from receiver.core.servers import ACCOUNT_TAG
from receiver.regular_files import open_regular

_ACCOUNT, _CONNECTION = b"calendar credentials", b"calendar connection"


def tag(calendar: CalendarSettings, key: bytes) -> str:
    """Return a tag that changes with the account or the connection, except once in 4,096 times.

    The first half depends on the account, the second on all other settings of the connection. Each is too short to
    guess the secret from.

    Args:
        calendar: with the secret as it is now; a keytab and a `ca_file` are read.
        key: the installation's, so that equal accounts of two installations have different tags.

    """
    return _mark(_account(calendar), key, _ACCOUNT) + _mark(_connection(calendar), key, _CONNECTION)


def _account(calendar: CalendarSettings) -> Iterable[bytes]:
    if not isinstance(calendar, EwsCalendar):
        return ()
    return calendar.username.encode(), _secret(calendar)


def _secret(calendar: EwsCalendar) -> bytes:
    if calendar.keytab is None:
        return calendar.password.value.encode() if calendar.password else b""
    return _content(calendar.keytab)


def _connection(calendar: CalendarSettings) -> Iterable[bytes]:
    if not isinstance(calendar, EwsCalendar):
        return (str(calendar.path).encode(),)
    words = (
        calendar.server,
        calendar.version,
        calendar.auth,
        calendar.access,
        calendar.timeout_s,
        calendar.connections,
    )
    return *(str(word).encode() for word in words), _content(calendar.ca_file)


def _content(path: Path | None) -> bytes:
    if path is None:
        return b""
    try:
        with open_regular(path) as file:
            return file.read()
    except OSError:
        return b""  # the connector reports what is wrong with it


def _mark(parts: Iterable[bytes], key: bytes, purpose: bytes) -> str:
    digest = hmac.new(key, purpose, "sha256")
    for part in parts:
        digest.update(hashlib.sha256(part).digest())  # fixed length, so the sequence of parts is unambiguous
    return urlsafe_b64encode(digest.digest()).decode()[:ACCOUNT_TAG]
