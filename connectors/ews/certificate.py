"""Check of the server's certificate over a separate connection: distinguishes what is wrong with it.

No byte of ours is sent but the TLS handshake's. Nothing here serves the traffic proper, which always verifies.
"""

import socket
import ssl
import time
from collections.abc import Mapping
from datetime import UTC
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.x509.oid import NameOID
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3.util.ssl_ import create_urllib3_context

from connectors import deadline
from connectors.base import Certificate
from connectors.bounded_http import check_authorities
from connectors.deadline import Deadline

TIMEOUT_S = 10.0

_VERDICTS: Mapping[int, str] = {
    9: "tls_not_yet_valid",
    10: "tls_expired",
    18: "tls_self_signed",
    19: "tls_untrusted",
    20: "tls_untrusted",
    21: "tls_untrusted",
    62: "tls_name_mismatch",
    64: "tls_name_mismatch",
}
"""OpenSSL's X509_V_ERR numbers (x509_vfy.h): 18 is a certificate that signs itself, 19 an unknown root in the chain,
20 and 21 an issuer not sent nor known, 62 and 64 a host name or an IP address that the certificate does not bear."""

_TOO_OLD = frozenset({"UNSUPPORTED_PROTOCOL", "TLSV1_ALERT_PROTOCOL_VERSION", "NO_PROTOCOLS_AVAILABLE"})
_NOT_TLS = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL", "RECORD_LAYER_FAILURE"})


def check(server: str, ca_file: Path | None, timeout_s: float = TIMEOUT_S) -> Certificate | None:
    """Check the certificate of an ``https://`` address; None: another scheme.

    Args:
        server: the whole address.
        ca_file: the authorities to trust, and no others; None: those that requests brings.
        timeout_s: for all of it.

    """
    url = urlsplit(server)
    if url.scheme != "https" or not url.hostname:
        return None
    port = url.port or 443
    try:
        context = _verifying(ca_file)
    except OSError:
        return Certificate("tls_ca_file_unreadable")
    with deadline.until(time.monotonic() + timeout_s) as call:
        code = _connection_failure(url.hostname, port, call) or _handshake_failure(url.hostname, port, context, call)
        if code is not None and not code.startswith("tls_"):
            return Certificate(code)
        shown = _shown(url.hostname, port, call)
    return Certificate(code) if shown is None else _described(shown, code)


def _verifying(ca_file: Path | None) -> ssl.SSLContext:
    """Return a context with the same trust as the EWS connections."""
    context = create_urllib3_context()
    context.hostname_checks_common_name = False
    if ca_file is not None:
        check_authorities(ca_file)
    context.load_verify_locations(str(ca_file or DEFAULT_CA_BUNDLE_PATH))
    return context


def _connection_failure(host: str, port: int, call: Deadline) -> str | None:
    """Return the code of what prevents a connection, before TLS."""
    try:
        deadline.connect(host, port, call, TIMEOUT_S).close()
    except (socket.gaierror, UnicodeError):
        return "host_unknown"
    except ConnectionRefusedError:
        return "port_closed"
    except OSError:
        return "host_unreachable"
    return None


def _handshake_failure(host: str, port: int, context: ssl.SSLContext, call: Deadline) -> str | None:
    try:
        _handshake(host, port, context, call)
    except ssl.SSLCertVerificationError as error:
        return _VERDICTS.get(error.verify_code, "tls_refused")
    except ssl.SSLError as error:
        return _of_reason(error.reason or "")
    except OSError:  # closed, or no answer, instead of a handshake
        return "tls_absent"
    return None


def _of_reason(reason: str) -> str:
    if reason in _TOO_OLD:
        return "tls_too_old"
    return "tls_absent" if reason in _NOT_TLS or "EOF" in reason else "tls_refused"


def _shown(host: str, port: int, call: Deadline) -> x509.Certificate | None:
    """Return the server's certificate, trusted or not: only so can be read what is wrong with it.

    The connection ends with the handshake; no credential and no data ever pass over it.
    """
    context = create_urllib3_context(cert_reqs=ssl.CERT_NONE)
    try:
        encoded = _handshake(host, port, context, call)
        return x509.load_der_x509_certificate(encoded) if encoded else None
    except (OSError, ValueError):
        return None


def _handshake(host: str, port: int, context: ssl.SSLContext, call: Deadline) -> bytes | None:
    with (
        deadline.connect(host, port, call, TIMEOUT_S) as plain,
        context.wrap_socket(plain, server_hostname=host) as secured,
    ):
        return secured.getpeercert(binary_form=True)


def _described(shown: x509.Certificate, code: str | None) -> Certificate:
    try:
        names = shown.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        hosts = [*names.get_values_for_type(x509.DNSName), *map(str, names.get_values_for_type(x509.IPAddress))]
    except (x509.ExtensionNotFound, ValueError):
        hosts = []
    return Certificate(code, shown.not_valid_after_utc.astimezone(UTC), tuple(hosts), _common_name(shown.issuer))


def _common_name(name: x509.Name) -> str:
    for oid in (NameOID.COMMON_NAME, NameOID.ORGANIZATIONAL_UNIT_NAME, NameOID.ORGANIZATION_NAME):
        if found := name.get_attributes_for_oid(oid):
            return str(found[0].value)
    return ""
