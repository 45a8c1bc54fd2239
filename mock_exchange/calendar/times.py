"""Times as EWS writes them: UTC, ``Z``, whole seconds."""

from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

from mock_exchange.errors import EwsError

WINDOWS_ZONES = {
    "UTC": "Etc/UTC",
    "Greenwich Standard Time": "Atlantic/Reykjavik",
    "GMT Standard Time": "Europe/London",
    "Romance Standard Time": "Europe/Paris",
    "W. Europe Standard Time": "Europe/Berlin",
    "SA Western Standard Time": "America/La_Paz",
    "SA Eastern Standard Time": "America/Cayenne",
    "Saint Pierre Standard Time": "America/Miquelon",
    "Mauritius Standard Time": "Indian/Mauritius",
    "E. Africa Standard Time": "Africa/Nairobi",
    "Central Pacific Standard Time": "Pacific/Guadalcanal",
    "Hawaiian Standard Time": "Pacific/Honolulu",
    "Marquesas Standard Time": "Pacific/Marquesas",
    "UTC-09": "Etc/GMT+9",
    "UTC+12": "Etc/GMT-12",
    "West Asia Standard Time": "Asia/Tashkent",
    "Eastern Standard Time": "America/New_York",
    "Pacific Standard Time": "America/Los_Angeles",
}
"""The zones a French administration meets, overseas ones included, and two that examples like to use."""


def now() -> datetime:
    """Return the current time in whole seconds."""
    return datetime.now(UTC).replace(microsecond=0)


def to_wire(moment: datetime) -> str:
    """Write a time as Exchange answers it; some clients reject fractions of a second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse(text: str, zone: tzinfo = UTC) -> datetime:
    """Read a time of the wire; one without an offset is meant in the zone.

    Raises:
        EwsError: it is no time.

    """
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise EwsError("ErrorInvalidRequest", "A value is not a valid dateTime.") from error
    aware = moment if moment.tzinfo else moment.replace(tzinfo=zone)
    return aware.astimezone(UTC).replace(microsecond=0)


def zone_of(windows_id: str | None) -> tzinfo:
    """Return the zone of a Windows id; UTC for none and for one this mock does not know."""
    name = WINDOWS_ZONES.get(windows_id or "")
    return ZoneInfo(name) if name else UTC
