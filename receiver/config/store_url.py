"""`store`: the database's address, checked, with its password put in from elsewhere; and where its marker stands."""

import os
from collections.abc import Sequence
from importlib.util import find_spec
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import SplitResult, parse_qs, quote, unquote, urlsplit

from receiver.config.fields import is_too_long
from receiver.config.postgresql_parameters import PASSWORDS, Trouble, parameter_troubles

POSTGRESQL = "postgresql+psycopg"
_SQLITE = "sqlite:///"
MARKER_FOLDER = Path("/var/lib/rdv-receiver-marker")
"""Made by systemd's unit and the container's image: not on the database's own mount."""


def sqlite_file(store_url: str) -> Path | None:
    """Return the file behind a checked address; None where it is no file's."""
    return Path(unquote(store_url.removeprefix(_SQLITE))) if store_url.startswith(_SQLITE) else None


def unverified_host(store_url: str) -> str | None:
    """Return the PostgreSQL server on another machine that a checked address does not verify; None: there is none.

    Without ``sslmode=verify-full`` whoever stands between may read the password and answer in its place.
    """
    parts = urlsplit(store_url)
    if parts.scheme not in {"postgresql", POSTGRESQL}:
        return None
    asked = parse_qs(parts.query)
    if asked.get("sslmode", [""])[-1] == "verify-full":
        return None
    named = asked.get("hostaddr") or asked.get("host") or [unquote(parts.netloc.rpartition("@")[2])]
    hosts = [host for one in named for host in one.split(",")]
    return next((host for host in hosts if not _is_own(host)), None)


def _is_own(host: str) -> bool:
    """Whether it is a socket, or an address of this machine."""
    if not host or host.startswith(("/", "@", ":")):
        return True
    name = host[1:].partition("]")[0] if host.startswith("[") else host
    try:
        return ip_address(name).is_loopback
    except ValueError:
        pass
    name = name.partition(":")[0]
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return name.lower() in {"localhost", "localhost.localdomain"}


class UnusableAddress(ValueError):
    """A database's address is not what it must be. Carries everything that is wrong with it."""

    def __init__(self, troubles: Sequence[Trouble]) -> None:
        super().__init__(", ".join(code for code, _ in troubles))
        self.troubles = tuple(troubles)


def address_of(url: str, password: str | None) -> str:
    """Return a typed address as SQLAlchemy takes it, password included.

    Raises:
        UnusableAddress: it is none.

    """
    if troubles := address_troubles(url, has_password=password is not None):
        raise UnusableAddress(troubles)
    return with_password(url, password)


def with_password(url: str, password: str | None) -> str:
    """Return a checked address as SQLAlchemy takes it; one of PostgreSQL with its password."""
    parts = urlsplit(url)
    if not parts.scheme.startswith("postgresql"):
        return url
    user, at, host = parts.netloc.rpartition("@")
    if password is not None:
        user = f"{user}:{quote(password, safe='')}"
    query = f"?{parts.query}" if parts.query else ""
    # Put together by hand: `geturl` leaves the slashes out where no host is named (a socket).
    return f"{POSTGRESQL}://{user}{at}{host}{parts.path}{query}"


def _split(text: str) -> SplitResult | None:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return None
    # urlsplit drops line ends; and what it takes for a fragment is part of the name for everybody else.
    # A zero byte, which no file's name has, may be written as `%00`.
    unusual = "%00" in text or any(character.isspace() or character in "#\0" for character in text)
    return None if unusual else parts


def address_troubles(url: str, *, has_password: bool) -> list[Trouble]:
    """Return everything that is wrong with a typed address, as codes with their details."""
    match _split(url):
        case SplitResult(scheme="sqlite") as parts:
            code = _sqlite_trouble(parts, has_password=has_password)
            return [(code, {})] if code else []
        case SplitResult(scheme="postgresql" | "postgresql+psycopg") as parts:
            code = _postgresql_trouble(parts, has_password=has_password)
            found: list[Trouble] = [(code, {})] if code else []
            return [*found, *parameter_troubles(parts)]
    return [("store_url", {})]


def _sqlite_trouble(parts: SplitResult, *, has_password: bool) -> str | None:
    if has_password:
        return "store_password_unused"
    absolute = parts.path.startswith("//") and not parts.path.endswith("/")
    if not absolute or parts.netloc or parts.query:
        return "store_not_absolute"
    return "path_too_long" if is_too_long(Path(parts.path[1:])) else None


def _postgresql_trouble(parts: SplitResult, *, has_password: bool) -> str | None:
    if parts.password is not None or PASSWORDS & parse_qs(parts.query, keep_blank_values=True).keys():
        return "store_password_in_url"
    if len(parts.path) < 2:
        return "store_database_missing"
    if has_password and not parts.username:
        return "store_user_missing"
    return None if find_spec("psycopg") else "store_driver_missing"


def marker_trouble(named: Path, address: str) -> str | None:
    """Return the code of what is wrong with the marker's file that the configuration names."""
    database = sqlite_file(address)
    if database is not None and _overwrites(named, database):
        return "marker_is_store"
    return "marker_is_folder" if os.path.isdir(named) else None  # noqa: PTH112  # raises nothing


def usual_marker(address: str, config: Path) -> Path | None:
    """Return the marker's file where none is named; None: there is no folder for it on this machine.

    Args:
        address: the checked address.
        config: the configuration's own file: several of them on one machine are several installations.

    """
    if os.access(MARKER_FOLDER, os.W_OK | os.X_OK):
        return MARKER_FOLDER / f"{str(config.absolute()).strip('/').replace('/', '-')}.json"
    database = sqlite_file(address)
    # Not one of the files that `cp rdv.db*` takes along: put back together, both would say the same.
    return database.with_name(f"marker-{database.name}.json") if database is not None else None


def _overwrites(named: Path, database: Path) -> bool:
    """Whether a marker would overwrite the database, or what SQLite keeps beside it."""
    marker, file = (Path(os.path.realpath(each)) for each in (named, database))  # raises nothing, unlike `resolve`
    if marker.parent != file.parent:
        return marker == file
    beside = ("", "-wal", "-shm", "-journal", ".write-lock", ".migrate.lock")
    return marker.name in {file.name + ending for ending in beside}
