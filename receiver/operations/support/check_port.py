"""Checks whether the web address can be opened, by opening it for a moment."""

import errno
import os
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass

FORBIDDEN, TAKEN, NOT_HERE, FAILED = "listen_forbidden", "listen_taken", "listen_not_here", "listen_failed"
_CODES: Mapping[int, str] = {
    errno.EADDRINUSE: TAKEN,
    errno.EACCES: FORBIDDEN,
    errno.EPERM: FORBIDDEN,
    errno.EADDRNOTAVAIL: NOT_HERE,
}
LIMIT_S = 5.0
"""How long a former process may take to close the address."""
INHERITED = "LISTEN_FDS"
"""If this is set, the service manager has opened the address already."""


@dataclass(frozen=True, slots=True)
class Unusable:
    """An address that cannot be opened."""

    code: str
    address: str
    error: str

    @property
    def details(self) -> Mapping[str, str]:
        """The fields that its sentence names."""
        return {"address": self.address, "error": self.error}


def split(address: str) -> tuple[str, int]:
    """Return host and port of ``host:port`` or ``[host]:port``."""
    host, _, port = address.rpartition(":")
    return host.removeprefix("[").removesuffix("]"), int(port)


def unusable(address: str) -> Unusable | None:
    """Return why an address cannot be opened; None: it can."""
    host, port = split(address)
    try:
        # As the server itself resolves names: the first address.
        family, kind, protocol, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(place)
            trial.listen()
    except socket.gaierror as error:
        return Unusable(NOT_HERE, address, type(error).__name__)
    except OSError as error:
        name = errno.errorcode.get(error.errno or 0, type(error).__name__)
        return Unusable(_CODES.get(error.errno or 0, FAILED), address, name)
    return None


def unusable_after_a_while(address: str, limit_s: float = LIMIT_S) -> Unusable | None:
    """Return the same, after a wait for a process that is ending."""
    if INHERITED in os.environ:
        return None
    deadline = time.monotonic() + limit_s
    while (found := unusable(address)) is not None and found.code == TAKEN and time.monotonic() < deadline:
        time.sleep(0.2)
    return found
