"""The mock Exchange, as the configurations of these tests name it."""

from pathlib import Path
from typing import Any

ACCOUNT, PASSWORD = "DEPT\\svc", "correct horse"


def exchange_calendar(url: str, folder: Path, access: str = "impersonation") -> dict[str, Any]:
    """A calendar of the configuration: Basic over TLS, the authority in the folder, the secret in the environment."""
    return {
        "kind": "ews",
        "server": url,
        "version": "Exchange2016",
        "auth": "basic",
        "access": access,
        "username": ACCOUNT,
        "password": {"env": "RDV_SECRET"},
        "ca_file": str(folder / "ca.pem"),
        "connections": 2,
        "timeout_s": 5,
    }
