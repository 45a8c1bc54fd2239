"""What one Exchange server needs to be told. Plain values: nothing here knows where they were configured."""

from dataclasses import dataclass, field
from pathlib import Path

AUTHENTICATION_PAUSE_S = 300.0
"""After a refusal of the account nothing is sent for so long: each failed attempt counts towards locking it."""


@dataclass(frozen=True, slots=True)
class EwsSettings:
    """One Exchange server and the account that writes there."""

    server: str
    """The whole address of the EWS endpoint."""
    version: str
    """What to speak, as in ``Exchange2016``; given, so that nothing is probed."""
    auth: str
    """``ntlm``, ``basic`` or ``kerberos``."""
    access: str
    """``impersonation`` or ``delegate``."""
    username: str
    """With Kerberos, the principal."""
    password: str = field(repr=False)
    """Empty with Kerberos, which has a keytab instead."""
    installation: str
    """Value of `RdvInstallation`: marks our entries, and hides everybody else's from us."""
    ca_file: Path | None = None
    """Authorities to trust for this server, and no others; None: those that requests brings."""
    connections: int = 4
    timeout_s: float = 30.0
    """A call with all its handshakes is given up after so long."""
    keytab: Path | None = None
    authentication_pause_s: float = AUTHENTICATION_PAUSE_S
