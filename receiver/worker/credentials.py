"""Tells whether a calendar's account or password changed, without keeping either."""

import hashlib
import hmac

from receiver.config import CalendarSettings, EwsCalendar

_PURPOSE = b"calendar credentials"
_LENGTH = 4


def tag(calendar: CalendarSettings, key: bytes) -> str:
    """Return a mark that is another one when the account is, bar one time in 65,536: too little to guess it by.

    Args:
        calendar: with the secret as it is now; a keytab is read.
        key: the installation's, so that equal accounts of two installations show no equal marks.

    """
    if not isinstance(calendar, EwsCalendar):
        return ""
    digest = hmac.new(key, _PURPOSE, "sha256")
    for part in (calendar.server.encode(), calendar.username.encode(), _secret(calendar)):
        digest.update(hashlib.sha256(part).digest())  # of one length: no two accounts run together into one
    return digest.hexdigest()[:_LENGTH]


def _secret(calendar: EwsCalendar) -> bytes:
    if calendar.keytab is None:
        return calendar.password.value.encode() if calendar.password else b""
    try:
        return calendar.keytab.read_bytes()
    except OSError:
        return b""  # the connector says what is wrong with it
