"""The kinds of values a configuration is made of, each refusing what is not one with a code.

Used by the shapes as annotations. What a field needs from outside (environment, folder of the file) comes in pydantic's
validation context, so that a missing secret is reported in the same pass as a misspelt key.
"""

import ipaddress
import os
import re
import ssl
import stat
import struct
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time
from pathlib import Path
from typing import Annotated
from unicodedata import normalize
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, PlainValidator, ValidationInfo
from pydantic_core import PydanticCustomError

from receiver.core import zones
from receiver.core.secret_edges import bare
from receiver.core.text import has_half_letters
from receiver.regular_files import NotRegularError, check_regular, open_regular

MAX_SECRET_BYTES = 64 * 1024
KEYTAB_BEGINNINGS = (b"\x05\x01", b"\x05\x02")
"""MIT's file format, by version."""
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

_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]{0,99}\Z")
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?\Z")
_PATTERN = re.compile(r"[^\s\[\],;<>\"\x00-\x1f]{1,254}\Z")
_CLOCK_TIME = re.compile(r"(?:[01]?[0-9]|2[0-3]):[0-5][0-9]\Z")
_HEADER_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}\Z")
CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
"""What ends a line or steers a terminal, and what no XML, hence no request to Exchange, can hold."""


@dataclass(frozen=True, slots=True)
class Context:
    """What surrounds the file."""

    environ: Mapping[str, str] = field(repr=False)
    folder: Path
    """Relative paths start here: at the configuration's own folder, wherever the process was started."""


@dataclass(frozen=True, slots=True)
class SecretText:
    """A secret that was found, and whether everybody on the host could find it too."""

    value: str = field(repr=False)
    exposed: bool = False


@dataclass(frozen=True, slots=True)
class KeytabPath:
    """Where an account's keys are, and whether everybody on the host could read them."""

    path: Path
    exposed: bool = False


def refuse(code: str, **details: str | int) -> PydanticCustomError:
    """Make the error a validator raises; `code` is what sentences and tests know it by."""
    return PydanticCustomError(code, code, details)


def _context(info: ValidationInfo) -> Context:
    context = info.context
    if not isinstance(context, Context):
        raise TypeError("shapes are validated with a Context")
    return context


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


def _zone(name: str) -> str:
    if name not in zones.names():
        raise refuse("time_zone", nearest=zones.nearest(name))
    try:
        ZoneInfo(name)
    except (ValueError, OSError, LookupError, EOFError, struct.error):  # what a file may do to its reader
        raise refuse("time_zone_damaged") from None  # the host's file, which goes before the package's
    return name


def _version(text: str) -> str:
    if text not in EWS_VERSIONS:
        raise refuse("not_a_choice", choices=", ".join(EWS_VERSIONS))
    return text


def _server(text: str) -> str:
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise refuse("server_address") from None
    if parts.username or parts.password or parts.query or parts.fragment or CONTROLS.search(text) or " " in text:
        raise refuse("server_address")
    if parts.scheme not in {"http", "https"} or not (_is_ip(host) or HOST.match(host)):
        raise refuse("server_address")
    if parts.scheme == "http" and not is_loopback(host):
        raise refuse("server_not_https")
    if parts.path in {"", "/"}:
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


def _from_environment(raw: object, info: ValidationInfo) -> SecretText:
    return _not_blank(_any_from_environment(raw, info))


def _any_from_environment(raw: object, info: ValidationInfo) -> SecretText:
    name = _text(raw)
    # The name is refused, and never shown, unless it looks like one: a secret pasted here must not reach a terminal.
    if not _VARIABLE.match(name):
        raise refuse("env_name")
    value = _context(info).environ.get(name)
    if value is None:
        raise refuse("env_missing", name=name)
    return SecretText(_checked_secret(value))


def _from_file(raw: object, info: ValidationInfo) -> SecretText:
    return _not_blank(_any_from_file(raw, info))


def _any_from_file(raw: object, info: ValidationInfo) -> SecretText:
    content, mode = _read_secret(_path(raw, info))
    if len(content) > MAX_SECRET_BYTES:
        raise refuse("secret_too_long")
    try:
        value = content.decode("utf-8")
    except UnicodeDecodeError:
        raise refuse("secret_not_text") from None
    return SecretText(_checked_secret(value), exposed=bool(mode & stat.S_IROTH))


def _read_secret(path: Path) -> tuple[bytes, int]:
    try:
        with open_regular(path) as file:
            return file.read(MAX_SECRET_BYTES + 1), os.fstat(file.fileno()).st_mode
    except FileNotFoundError:
        raise refuse("secret_file_missing") from None
    except NotRegularError:
        raise refuse("secret_file_not_regular") from None
    except (OSError, UnicodeError):  # the file system's encoding may lack a letter of the name
        raise refuse("secret_file_unreadable") from None


def _checked_secret(value: str) -> str:
    # Editors and `echo` end a file with a line end, which is no part of the secret.
    text = value.removesuffix("\n").removesuffix("\r")
    # Bytes of the environment that are no UTF-8; a file in UTF-16 without its mark.
    if has_half_letters(text) or "\0" in text:
        raise refuse("secret_not_text")
    if not text:
        raise refuse("secret_empty")
    if "\n" in text and bare(text):
        raise refuse("secret_several_lines")
    return text


def _not_blank(secret: SecretText) -> SecretText:
    if not bare(secret.value):
        raise refuse("secret_empty")
    return secret


def _text(raw: object) -> str:
    if not isinstance(raw, str):
        raise refuse("not_text")
    return raw


def _path(raw: object, info: ValidationInfo) -> Path:
    return _context(info).folder / _line(_text(raw))


def _authorities(raw: object, info: ValidationInfo) -> Path:
    path = _path(raw, info)
    try:
        check_regular(path)
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=path)
    except ssl.SSLError:
        raise refuse("ca_file_not_pem") from None
    except FileNotFoundError:
        raise refuse("ca_file_missing") from None
    except (OSError, UnicodeError):  # as above
        raise refuse("ca_file_unreadable") from None
    return path


def _keytab(raw: object, info: ValidationInfo) -> KeytabPath:
    path = _path(raw, info)
    try:
        with open_regular(path) as file:
            begins_as_one = file.read(2) in KEYTAB_BEGINNINGS
            exposed = bool(os.fstat(file.fileno()).st_mode & stat.S_IROTH)
    except FileNotFoundError:
        raise refuse("keytab_missing") from None
    except NotRegularError:
        raise refuse("keytab_not_one") from None
    except (OSError, UnicodeError):  # as above
        raise refuse("keytab_unreadable") from None
    if not begins_as_one:
        raise refuse("keytab_not_one")
    return KeytabPath(path, exposed)


Name = Annotated[str, AfterValidator(_name)]
InstallationName = Annotated[str, AfterValidator(installation_name)]
Host = Annotated[str, AfterValidator(host_name)]
Pattern = Annotated[str, AfterValidator(_pattern)]
Line = Annotated[str, Field(max_length=255), AfterValidator(_line)]
ZoneName = Annotated[str, AfterValidator(_zone)]
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


Instant = Annotated[datetime, PlainValidator(_instant)]


def _clock_time(raw: object) -> time | None:
    """Read a time of the day. Unquoted, YAML takes ``18:30`` for a number: that of its minutes."""
    if raw is None:
        return None
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


def _web_path(text: str, code: str) -> str:
    """Return the path of an address that others may read over the network only encrypted, or refuse it by a code."""
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise refuse(code) from None
    beside = (parts.username, parts.password, parts.query, parts.fragment, CONTROLS.search(text), " " in text)
    if parts.scheme not in {"http", "https"} or any(beside) or not (_is_ip(host) or HOST.match(host)):
        raise refuse(code)
    if parts.scheme == "http" and not is_loopback(host):
        raise refuse("address_not_https")
    return parts.path


ClockTime = Annotated[time | None, PlainValidator(_clock_time)]
ApiAddress = Annotated[str, AfterValidator(_api_address)]
WebhookAddress = Annotated[str, AfterValidator(_webhook_address)]
Network = Annotated[str, AfterValidator(_network)]
HeaderName = Annotated[str, AfterValidator(_header_name)]
ProxyAddress = Annotated[str, AfterValidator(_proxy_address)]
FilePath = Annotated[Path, PlainValidator(_path)]
KeytabFile = Annotated[KeytabPath, PlainValidator(_keytab)]
AuthoritiesFile = Annotated[Path, PlainValidator(_authorities)]
EnvironmentSecret = Annotated[SecretText, PlainValidator(_from_environment)]
FileSecret = Annotated[SecretText, PlainValidator(_from_file)]
EnvironmentKey = Annotated[SecretText, PlainValidator(_any_from_environment)]
FileKey = Annotated[SecretText, PlainValidator(_any_from_file)]
"""These may be blank: `TokenKeyReference` asks for more than that."""
