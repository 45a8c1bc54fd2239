"""What one Exchange server needs to be told. Plain values: nothing here knows where they were configured."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class EwsSettings:
    """One Exchange server and the account that writes there."""

    server: str
    """The whole address of the EWS endpoint."""
    version: str
    """What to speak, as in ``Exchange2016``; given, so that nothing is probed."""
    auth: str
    """``ntlm`` or ``basic``."""
    access: str
    """``impersonation`` or ``delegate``."""
    username: str
    password: str = field(repr=False)
    installation: str
    """Value of `RdvInstallation`: marks our entries, and hides everybody else's from us."""
    ca_file: Path | None = None
    """Authorities to trust for this server, and no others; None: those that requests brings."""
    connections: int = 4
    timeout_s: float = 30.0
    """A call with all its handshakes is given up after so long."""
