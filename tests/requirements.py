"""What a test needs of the system: absent, it skips with a reason; under ``RDV_REQUIRE_ALL=1`` it fails instead."""

import os
from pathlib import Path

import pytest


def require(present: object, reason: str) -> None:
    """Go on where the part is present; else skip, or fail where everything is required."""
    if present:
        return
    if os.environ.get("RDV_REQUIRE_ALL") == "1":
        pytest.fail(f"required here: {reason}")
    pytest.skip(reason)


def ews_schema_folder() -> Path:
    """Return the folder of Microsoft's EWS schemas, which are not part of the project."""
    folder = os.environ.get("RDV_EWS_SCHEMAS")
    require(folder, "RDV_EWS_SCHEMAS names no folder with messages.xsd and types.xsd")
    return Path(str(folder))
