"""What may follow the `?` of a PostgreSQL address: the parameters of libpq that make sense here, with their values.

libpq itself finds a wrong one when it connects, which is long after the service has begun to take webhooks, and says so
in words that are taken for a trouble of the server. Some it obeys would lose webhooks: `client_encoding` for one.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, unquote

from receiver.config.fields import CONTROLS, HOST
from receiver.regular_files import NotRegularError, check_regular

Trouble = tuple[str, Mapping[str, str | int]]
"""The code of a problem, and its details."""

PASSWORDS = frozenset({"password", "sslpassword"})
_DAY_S = 24 * 60 * 60
_VERIFIED = "verify-full"
_WITH_TLS = frozenset({"require", "verify-ca", _VERIFIED})
_CHOICES: Mapping[str, tuple[str, ...]] = {
    "channel_binding": ("disable", "prefer", "require"),
    "gssencmode": ("disable", "prefer", "require"),
    "keepalives": ("0", "1"),
    "sslmode": ("disable", "allow", "prefer", "require", "verify-ca", _VERIFIED),
    "sslsni": ("0", "1"),
    "ssl_min_protocol_version": ("TLSv1.2", "TLSv1.3"),
    "target_session_attrs": ("any", "read-write", "primary"),  # the others lead to servers that take no writes
}
_NUMBERS: Mapping[str, tuple[int, int]] = {
    "connect_timeout": (1, 60),  # seconds; 0 would be no limit, and an emitter waits 10 s
    "keepalives_count": (0, 100),
    "keepalives_idle": (0, _DAY_S),
    "keepalives_interval": (0, _DAY_S),
    "tcp_user_timeout": (0, _DAY_S * 1000),  # ms
}
_PATHS = frozenset({"sslcert", "sslcrl", "sslkey", "sslrootcert"})
_TEXTS: Mapping[str, re.Pattern[str]] = {
    "application_name": re.compile(r"[ -~]{1,63}\Z"),
    "krbsrvname": re.compile(r"[A-Za-z0-9._-]{1,63}\Z"),
    "requirepeer": re.compile(r"[A-Za-z0-9._-]{1,63}\Z"),
}
_HOSTS = frozenset({"host", "hostaddr", "port"})
_OPTIONS = "options"
KNOWN = frozenset({*_CHOICES, *_NUMBERS, *_PATHS, *_TEXTS, *_HOSTS, _OPTIONS})

_DURATIONS = ("idle_in_transaction_session_timeout", "lock_timeout", "statement_timeout")
_OPTION = re.compile(rf"(?:-c\s*|--)(?:{'|'.join(_DURATIONS)})=[0-9]{{1,9}}(?:us|ms|s|min|h|d)?")
_HOST_AND_PORT = re.compile(r"([^:/,]+):([0-9]{1,5})\Z")
_PORT = re.compile(r"[0-9]{1,5}\Z")


def parameter_troubles(parts: SplitResult) -> list[Trouble]:
    """Return everything that is wrong with the parameters of an address. No value is in it."""
    pairs = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0] not in PASSWORDS]
    counts = Counter(key for key, _ in pairs)
    asked = dict(pairs)
    found: list[Trouble] = []
    for key, count in counts.items():
        if key not in KNOWN:
            found.append(("store_parameter_unknown", {"key": key[:63], "known": ", ".join(sorted(KNOWN))}))
        elif count > 1:
            found.append(("store_parameter_twice", {"key": key}))
        elif trouble := _value_trouble(key, asked[key]):
            found.append(trouble)
    # What does not go together is of interest where each alone is right.
    return found or list(_together(asked, unquote(parts.netloc.rpartition("@")[2])))


def _value_trouble(key: str, value: str) -> Trouble | None:
    if key in _CHOICES:
        choices = _CHOICES[key]
        return None if value in choices else ("store_parameter_choice", {"key": key, "choices": ", ".join(choices)})
    if key in _NUMBERS:
        least, most = _NUMBERS[key]
        is_one = value.isascii() and value.isdigit() and len(value) < 12 and least <= int(value) <= most
        return None if is_one else ("store_parameter_number", {"key": key, "least": least, "most": most})
    if key in _PATHS:
        return _path_trouble(key, value)
    if key in _TEXTS:
        return None if _TEXTS[key].match(value) else ("store_parameter_text", {"key": key})
    if key in _HOSTS:
        return None if all(_is_place(key, each) for each in _listed(key, value)) else _hosts(key)
    return None if _are_durations(value) else ("store_parameter_options", {"key": key, "known": ", ".join(_DURATIONS)})


def _path_trouble(key: str, value: str) -> Trouble | None:
    if key == "sslrootcert" and value == "system":  # the authorities of the host
        return None
    if not value.startswith("/") or CONTROLS.search(value):
        return "store_parameter_path", {"key": key}
    try:
        check_regular(Path(value))
    except NotRegularError:
        return "store_parameter_file", {"key": key}
    except (OSError, UnicodeError):
        return None  # the connection tells what is missing, and goes on once it is there
    return None


def _listed(key: str, value: str) -> list[str]:
    if key == "host" and (alone := _HOST_AND_PORT.match(value)):  # as SQLAlchemy takes one server with its port
        return [alone[1]]
    return value.split(",")


def _is_place(key: str, text: str) -> bool:
    """Whether it is a host, a socket's folder, an address, or a port."""
    if key == "port":
        return bool(_PORT.match(text)) and 0 < int(text) < 65536
    if key == "host" and text.startswith(("/", "@")):
        return not CONTROLS.search(text)
    try:
        ip_address(text)
    except ValueError:
        return key == "host" and bool(HOST.match(text))
    return True


def _hosts(key: str) -> Trouble:
    return "store_parameter_hosts", {"key": key}


def _are_durations(text: str) -> bool:
    """Whether it sets time limits and nothing else: what else a session may set changes what is read and written."""
    return bool(re.fullmatch(rf"\s*{_OPTION.pattern}(?:\s+{_OPTION.pattern})*\s*", text))


def _together(asked: Mapping[str, str], netloc: str) -> Iterator[Trouble]:
    hosts = _listed("host", asked["host"]) if "host" in asked else _without_port(netloc).split(",")
    yield from _of_hosts(asked, hosts)
    mode = asked.get("sslmode")
    if asked.get("sslrootcert") == "system" and mode not in {None, _VERIFIED}:
        yield "store_parameter_needs_tls", {"key": "sslrootcert=system", "wanted": f"sslmode={_VERIFIED}"}
    if asked.get("channel_binding") == "require" and mode not in _WITH_TLS:
        yield "store_parameter_needs_tls", {"key": "channel_binding=require", "wanted": f"sslmode={_VERIFIED}"}
    is_local = not asked.get("hostaddr") and any(not host or host.startswith(("/", "@")) for host in hosts)
    for key in ("channel_binding", "gssencmode"):
        if is_local and asked.get(key) == "require":
            yield "store_parameter_needs_network", {"key": f"{key}=require"}


def _of_hosts(asked: Mapping[str, str], hosts: list[str]) -> Iterator[Trouble]:
    """Yield that ports or addresses are not as many as the servers."""
    ports = asked.get("port", "").split(",")
    addresses = asked["hostaddr"].split(",") if "hostaddr" in asked else []
    names = [host for host in hosts if host]
    if addresses and names and len(addresses) != len(names):
        yield _hosts("hostaddr")
    servers = max(len(addresses), len(hosts))
    if len(ports) > 1 and len(ports) != servers:
        yield _hosts("port")
    if "port" in asked and _HOST_AND_PORT.match(asked.get("host", "")):
        yield _hosts("port")


def _without_port(netloc: str) -> str:
    return netloc if netloc.startswith(("/", "[")) else netloc.partition(":")[0]
