"""How each platform writes an instant. Both run on Paris time whatever the host's zone."""

from datetime import datetime
from zoneinfo import ZoneInfo

PARIS = ZoneInfo("Europe/Paris")


def stamp(instant: datetime, zone: ZoneInfo = PARIS) -> str:
    """RDV Service Public's form, one second fine: ``2026-12-07 10:00:00 +0100``."""
    return instant.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S %z")


def stamp_or_none(instant: datetime | None) -> str | None:
    """`stamp` for what may not have happened."""
    return None if instant is None else stamp(instant)


def iso(instant: datetime) -> str:
    """ISO 8601 with milliseconds: ``2026-12-09T09:00:00.000+01:00``."""
    return instant.astimezone(PARIS).isoformat(timespec="milliseconds")


def iso_or_none(instant: datetime | None) -> str | None:
    """`iso` for what may not have happened."""
    return None if instant is None else iso(instant)
