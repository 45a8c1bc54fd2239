"""The settings of one Exchange server, independent of the configuration file."""

from dataclasses import dataclass, field
from pathlib import Path

AUTHENTICATION_PAUSE_S = 300.0
"""The pause after a refused account: each failed attempt counts towards locking it."""


@dataclass(frozen=True, slots=True)
class EwsSettings:
    """One Exchange server, and the account that writes to it."""

    server: str
    """The whole address of the EWS endpoint."""
    version: str
    """The protocol version, such as ``Exchange2016``; configured, so that exchangelib does not probe it."""
    auth: str
    """``ntlm``, ``basic`` or ``kerberos``."""
    access: str
    """``impersonation`` or ``delegate``."""
    username: str
    """With Kerberos, the principal."""
    password: str = field(repr=False)
    """Empty with Kerberos, which has a keytab instead."""
    installation: str
    """Value of `RdvInstallation`, which marks our entries; searches are limited to it."""
    ca_file: Path | None = None
    """The only certificate authorities to trust for this server; None: those of certifi."""
    connections: int = 4
    timeout_s: float = 30.0
    """Timeout of a call, including its handshakes."""
    keytab: Path | None = None
    authentication_pause_s: float = AUTHENTICATION_PAUSE_S
