"""Kerberos over HTTP (RFC 4559), bound to the TLS channel, with tickets that come from a keytab.

python-gssapi rather than requests-gssapi, which sends no channel binding: Exchange's Extended Protection would refuse
it. The server proves itself by its certificate, so no mutual authentication is asked for.
"""

import base64
import os
import threading
import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import gssapi
import requests
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from gssapi.raw import ChannelBindings, GSSError
from requests.auth import AuthBase

from connectors.bounded_http import certificate_of as _certificate
from connectors.ews.errors import (
    CLOCK_SKEW,
    KDC_UNREACHABLE,
    KEYTAB_REFUSED,
    SERVICE_UNKNOWN,
    CallFailed,
    Ruling,
)
from connectors.ews.guard import Guard
from connectors.ews.settings import EwsSettings

_SPNEGO = gssapi.OID.from_int_seq("1.3.6.1.5.5.2")
_KERBEROS = gssapi.MechType.kerberos

KDC_PATIENCE_S = 10.0
"""How long a call waits for another one that asks the KDC: libkrb5's own timeouts cannot be limited."""

# MIT's krb5.h, as signed numbers.
_CODES: Mapping[int, Ruling] = {
    -1765328228: KDC_UNREACHABLE,  # KRB5_KDC_UNREACH
    -1765328230: KDC_UNREACHABLE,  # KRB5_REALM_UNKNOWN: no KDC is known for it
    -1765328164: KDC_UNREACHABLE,  # KRB5_REALM_CANT_RESOLVE
    -1765328355: KDC_UNREACHABLE,  # KRB5KDC_ERR_SVC_UNAVAILABLE
    -1765328377: SERVICE_UNKNOWN,  # KRB5KDC_ERR_S_PRINCIPAL_UNKNOWN
    -1765328347: CLOCK_SKEW,  # KRB5KRB_AP_ERR_SKEW
    -1765328236: CLOCK_SKEW,  # KRB5_KDCREP_SKEW
    -1765328249: KDC_UNREACHABLE,  # KRB5_CONFIG_CANTOPEN
    -1765328248: KDC_UNREACHABLE,  # KRB5_CONFIG_BADFORMAT
    -1765328160: KDC_UNREACHABLE,  # KRB5_CONFIG_NODEFREALM
}

_KERBEROS_CODES = range(-1765328384, -1765328128)


class Tickets:
    """The tickets of one account for one server. Thread-safe.

    They live in memory under a name of their own: several accounts, and an administrator's kinit, do not mix.
    """

    def __init__(self, settings: EwsSettings, guard: Guard) -> None:
        self._guard = guard
        self._principal = settings.username
        self._keytab = str(settings.keytab)
        self._host = urlsplit(settings.server).hostname or ""
        self._store: dict[bytes | str, bytes | str] = {
            "client_keytab": f"FILE:{settings.keytab}",
            "ccache": f"MEMORY:rdv-{uuid.uuid4().hex}",
        }
        self._lock = threading.Lock()

    def token(self, certificate: bytes | None) -> bytes:
        """Return a token for one request, bound to the server's certificate (DER) if there is one.

        Raises:
            CallFailed: there is none; the request must not be sent.

        """
        if not self._lock.acquire(timeout=KDC_PATIENCE_S):
            raise CallFailed(KDC_UNREACHABLE)
        try:
            self._guard.check()
            return self._made(_bindings(certificate))
        finally:
            self._lock.release()

    def _made(self, bindings: ChannelBindings | None) -> bytes:
        if os.path.exists(self._keytab) and not os.path.isfile(self._keytab):  # noqa: PTH110, PTH113  # the library would wait for a pipe
            raise CallFailed(self._guard.refuse(KEYTAB_REFUSED))
        try:
            return self._step(_SPNEGO, bindings)
        except GSSError as error:
            ruling = self._why(error, bindings)
        # Outside the handler, so that the failure does not become the context.
        raise CallFailed(self._guard.refuse(ruling) if ruling is KEYTAB_REFUSED else ruling)

    def _why(self, error: GSSError, bindings: ChannelBindings | None) -> Ruling:
        """Classify a failure. SPNEGO hides Kerberos's codes behind its own, so Kerberos is tried once more.

        Not if the first code blames the keytab: each attempt with a wrong key counts towards locking the account.
        """
        if _code(error) in _KERBEROS_CODES:
            return _CODES.get(_code(error), KEYTAB_REFUSED)
        try:
            self._step(_KERBEROS, bindings)
        except GSSError as plain:
            return _CODES.get(_code(plain), KEYTAB_REFUSED)
        return KDC_UNREACHABLE  # it has recovered meanwhile

    def _step(self, mechanism: gssapi.OID, bindings: ChannelBindings | None) -> bytes:
        # New credentials for each token: an expired ticket is fetched again, with the current keytab.
        principal = gssapi.Name(self._principal, gssapi.NameType.kerberos_principal)
        for mechanisms in ([_KERBEROS], [_KERBEROS, _SPNEGO]):  # together, they would try a wrong key twice
            credentials = gssapi.Credentials(name=principal, usage="initiate", mechs=mechanisms, store=self._store)
        target = gssapi.Name(f"HTTP@{self._host}", gssapi.NameType.hostbased_service)
        context = gssapi.SecurityContext(
            name=target, creds=credentials, mech=mechanism, channel_bindings=bindings, usage="initiate"
        )
        return context.step() or b""


class KerberosAuth(AuthBase):
    """The authentication of one connection."""

    def __init__(self, tickets: Tickets) -> None:
        self._tickets = tickets
        self._certificate: bytes | None = None
        self._asked = False
        self._each_time = False
        """The server sent another challenge: IIS wants a token with every request if authPersistNonNTLM is off."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Prepare a request: it is sent without a token unless the server wants one with every request."""
        if self._each_time:
            self._add_token(request)
        request.register_hook("response", self._answered)  # type: ignore[no-untyped-call]  # so in types-requests
        return request

    def _answered(self, response: requests.Response, **options: Any) -> requests.Response:
        """Answer a challenge, once."""
        challenge = response.headers.get("WWW-Authenticate", "").lower()
        if response.status_code != 401 or "negotiate" not in challenge:
            return response
        self._each_time, self._asked = self._asked, True
        self._certificate = _certificate(response)
        response.raw.release_conn()  # the body was read: the same connection serves the next request
        request = response.request.copy()
        self._add_token(request)
        second: requests.Response = response.connection.send(request, **options)
        second.history.append(response)
        return second

    def _add_token(self, request: requests.PreparedRequest) -> None:
        token = self._tickets.token(self._certificate)
        request.headers["Authorization"] = f"Negotiate {base64.b64encode(token).decode()}"


def _code(error: GSSError) -> int:
    """Return the mechanism's code as a signed number."""
    return int.from_bytes((error.min_code & 0xFFFFFFFF).to_bytes(4, "big"), "big", signed=True)


def _bindings(certificate: bytes | None) -> ChannelBindings | None:
    """Return the binding `tls-server-end-point` (RFC 5929, 4.1)."""
    if certificate is None:
        return None
    digest = hashes.Hash(_hash_of(certificate))
    digest.update(certificate)
    return ChannelBindings(application_data=b"tls-server-end-point:" + digest.finalize())


def _hash_of(certificate: bytes) -> hashes.HashAlgorithm:
    """Return the hash of the certificate's signature; in place of one that is too weak or none, SHA-256."""
    try:
        algorithm = x509.load_der_x509_certificate(certificate).signature_hash_algorithm
    except UnsupportedAlgorithm:
        algorithm = None
    return hashes.SHA256() if algorithm is None or algorithm.name in {"md5", "sha1"} else algorithm
