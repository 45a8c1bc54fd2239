"""The kinds of values a configuration is made of, each refusing what is not one with a code.

The sections use them as annotations. Secrets have a module of their own.
"""

import ipaddress
import re
import ssl
import struct
import uuid
from datetime import datetime, time
from pathlib import Path
from typing import Annotated
from unicodedata import normalize
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, ValidationInfo

from receiver.config.section import FromFile, context_of, refuse
from receiver.core import zones
from receiver.regular_files import check_regular

EWS_VERSIONS = (
    "Exchange2010",
    "Exchange2010_SP1",
    "Exchange2010_SP2",
    "Exchange2013",
    "Exchange2013_SP1",
    "Exchange2015",
    "Exchange2016",
)
"""The API versions that exchangelib 5.6 speaks validly. Exchange 2016, 2019 and SE speak the last one."""

NAME = re.compile(r"[a-z0-9-]{1,40}\Z")
"""What sources, calendars and platforms are called: it stands in addresses, logs and keys of the store."""

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?\Z")
_PATTERN = re.compile(r"[^\s\[\],;<>\"\x00-\x1f]{1,254}\Z")
_CLOCK_TIME = re.compile(r"(?:[01]?[0-9]|2[0-3]):[0-5][0-9]\Z")
_HEADER_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}\Z")
CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
"""What ends a line or steers a terminal, and what no XML, hence no request to Exchange, can hold."""


def _name(text: str) -> str:
    if not NAME.match(text):
        raise refuse("name")
    return text


def installation_name(text: str) -> str:
    """Return an installation's name as entries bear it, or refuse what is none."""
    try:
        return str(uuid.UUID(text.strip()))
    except ValueError:
        raise refuse("installation_name") from None


def host_name(text: str) -> str:
    """Return the host in lower case, or refuse what is none (an address with scheme or path, a space...)."""
    if len(text) > 253 or not HOST.match(text):
        raise refuse("host")
    return text.lower().removesuffix(".")


def _pattern(text: str) -> str:
    if not _PATTERN.match(text) or not ("@" in text or "*" in text):
        raise refuse("pattern")
    return normalize("NFC", normalize("NFC", text).lower())


def _line(text: str) -> str:
    if not text.strip():
        raise refuse("empty_text")
    if CONTROLS.search(text):
        raise refuse("control_character")
    return text


def _zone(name: str) -> ZoneInfo:
    if name not in zones.names():
        raise refuse("time_zone", nearest=zones.nearest(name))
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, LookupError, EOFError, struct.error):  # what a file may do to its reader
        raise refuse("time_zone_damaged") from None  # the host's file, which goes before the package's


def _version(text: str) -> str:
    if text not in EWS_VERSIONS:
        raise refuse("not_a_choice", choices=", ".join(EWS_VERSIONS))
    return text


def _server(text: str) -> str:
    if _web_path(text, "server_address", "server_not_https") in {"", "/"}:
        raise refuse("server_path_missing")
    return text


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Say whether traffic to the host never leaves the machine."""
    return host == "localhost" or (_is_ip(host) and ipaddress.ip_address(host).is_loopback)


def _listen(text: str) -> str:
    host, colon, port = text.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    bare = host[1:-1] if bracketed else host
    well_formed = colon and (_is_ip(bare) or (not bracketed and bool(HOST.match(bare))))
    if not well_formed or (":" in bare and not bracketed):
        raise refuse("listen")
    if not (port.isascii() and port.isdigit()) or int(port[:6]) > 65535:
        raise refuse("listen")
    return text


def text_of(raw: object) -> str:
    """Return what must be a text."""
    if not isinstance(raw, str):
        raise refuse("not_text")
    return raw


LONGEST_PATH, LONGEST_NAME = 4096, 255
"""Bytes; PATH_MAX and NAME_MAX of Linux."""


def file_path(raw: object, info: ValidationInfo) -> Path:
    """Return the path that is written, from the configuration's folder on."""
    path = context_of(info).folder / _line(text_of(raw))
    if is_too_long(path):
        raise refuse("path_too_long")
    return path


def is_too_long(path: Path) -> bool:
    """Whether no file of Linux can have this path: opening it fails in a way that nothing expects."""
    return _bytes(str(path)) >= LONGEST_PATH or any(_bytes(part) > LONGEST_NAME for part in path.parts)


def _bytes(name: str) -> int:
    return len(name.encode("utf-8", "surrogateescape"))  # the file system's own encoding may lack a letter


def _authorities(raw: object, info: ValidationInfo) -> Path:
    path = file_path(raw, info)
    try:
        check_regular(path)
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=path)
    except ssl.SSLError:
        raise refuse("ca_file_not_pem") from None
    except FileNotFoundError:
        raise refuse("ca_file_missing") from None
    except (OSError, UnicodeError):  # the file system's encoding may lack a letter of the name
        raise refuse("ca_file_unreadable") from None
    return path


Name = Annotated[str, AfterValidator(_name)]
InstallationName = Annotated[str, AfterValidator(installation_name)]
Host = Annotated[str, AfterValidator(host_name)]
Pattern = Annotated[str, AfterValidator(_pattern)]
Line = Annotated[str, Field(max_length=255), AfterValidator(_line)]
TimeZone = Annotated[ZoneInfo, FromFile(AfterValidator(_zone), str)]
EwsVersion = Annotated[str, AfterValidator(_version)]
EwsServer = Annotated[str, AfterValidator(_server)]
Listen = Annotated[str, AfterValidator(_listen)]


def _instant(raw: object) -> datetime:
    """Read a moment with its offset, or a day, which begins at midnight in Paris."""
    try:
        moment = datetime.fromisoformat(raw) if isinstance(raw, str) else None
    except ValueError:
        moment = None
    if moment is None:
        raise refuse("instant")
    return moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo("Europe/Paris"))


Instant = Annotated[datetime, FromFile(AfterValidator(_instant))]


def _clock_time(raw: object) -> time:
    """Read a time of the day. Unquoted, YAML takes ``18:30`` for a number: that of its minutes."""
    if isinstance(raw, int) and not isinstance(raw, bool) and 60 <= raw < 24 * 60:
        return time(raw // 60, raw % 60)
    if not isinstance(raw, str) or not _CLOCK_TIME.match(raw):
        raise refuse("clock_time")
    return time.fromisoformat(raw.zfill(5))


def _network(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text))
    except ValueError:
        raise refuse("network") from None


def _header_name(text: str) -> str:
    if not _HEADER_NAME.match(text):
        raise refuse("header_name")
    return text


def _proxy_address(text: str) -> str:
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise refuse("proxy_address") from None
    beside = (parts.username, parts.password, parts.query, parts.fragment, parts.path.strip("/"))
    if parts.scheme not in {"http", "https"} or any(beside) or port is None or not (_is_ip(host) or HOST.match(host)):
        raise refuse("proxy_address")
    return text


def _api_address(text: str) -> str:
    """Return where an API is: a host alone, since the paths are the client's."""
    if _web_path(text, "api_address").strip("/"):
        raise refuse("api_address")
    return text.rstrip("/")


def _webhook_address(text: str) -> str:
    if not _web_path(text, "webhook_address").strip("/"):
        raise refuse("webhook_address")
    return text


def _web_path(text: str, code: str, unencrypted: str = "address_not_https") -> str:
    """Return the path of an address, or refuse it by a code: what others may read over the network is encrypted."""
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise refuse(code) from None
    beside = (parts.username, parts.password, parts.query, parts.fragment, CONTROLS.search(text), " " in text)
    if parts.scheme not in {"http", "https"} or any(beside) or not (_is_ip(host) or HOST.match(host)):
        raise refuse(code)
    if parts.scheme == "http" and not is_loopback(host):
        raise refuse(unencrypted)
    return parts.path


ClockTime = Annotated[time, FromFile(AfterValidator(_clock_time))]
ApiAddress = Annotated[str, AfterValidator(_api_address)]
WebhookAddress = Annotated[str, AfterValidator(_webhook_address)]
Network = Annotated[str, AfterValidator(_network)]
HeaderName = Annotated[str, AfterValidator(_header_name)]
ProxyAddress = Annotated[str, AfterValidator(_proxy_address)]
FilePath = Annotated[Path, FromFile(AfterValidator(file_path))]
AuthoritiesFile = Annotated[Path, FromFile(AfterValidator(_authorities))]
