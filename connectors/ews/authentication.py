"""The authentication schemes, by their names in the configuration."""

from collections.abc import Callable, Mapping
from typing import Any

import requests
from requests.auth import AuthBase, HTTPBasicAuth
from requests_ntlm import HttpNtlmAuth
from requests_ntlm.requests_ntlm import _get_certificate_hash

from connectors.bounded_http import certificate_of
from connectors.ews.guard import Guard
from connectors.ews.settings import EwsSettings


class _NtlmAuth(HttpNtlmAuth):
    """NTLM with the configured server only, bound to its certificate."""

    def response_hook(self, r: requests.Response, **kwargs: Any) -> requests.Response:
        """Answer the server's challenge. A proxy's challenge is not answered: none is configured."""
        return r if r.status_code == 407 else super().response_hook(r, **kwargs)

    def _get_server_cert(self, response: requests.Response) -> bytes | None:
        """Return the channel binding. The base class would read it from the body's file, which is closed."""
        certificate = certificate_of(response)
        return None if certificate is None else _get_certificate_hash(certificate)


NewAuthentication = Callable[[], AuthBase]
"""Makes the authentication of one connection."""


def _ntlm(settings: EwsSettings, _: Guard) -> NewAuthentication:
    return lambda: _NtlmAuth(settings.username, settings.password)


def _basic(settings: EwsSettings, _: Guard) -> NewAuthentication:
    # As bytes: requests refuses text outside Latin-1, and Exchange reads UTF-8.
    return lambda: HTTPBasicAuth(settings.username.encode(), settings.password.encode())


def _kerberos(settings: EwsSettings, guard: Guard) -> NewAuthentication:
    # Imported here: it is an extra, and needs a system library.
    from connectors.ews.kerberos import KerberosAuth, Tickets  # noqa: PLC0415

    tickets = Tickets(settings, guard)
    return lambda: KerberosAuth(tickets)


_BY_NAME: Mapping[str, Callable[[EwsSettings, Guard], NewAuthentication]] = {
    "ntlm": _ntlm,
    "basic": _basic,
    "kerberos": _kerberos,
}

_OFFERED_AS: Mapping[str, str] = {"ntlm": "ntlm", "basic": "basic", "kerberos": "negotiate"}

_NTLM_PROOFS = 2
"""Requests with a token in one handshake. A server that answers the first one supports NTLM, whatever it advertises."""


def authentication(settings: EwsSettings, guard: Guard) -> NewAuthentication:
    """Return the factory of each new connection's authentication.

    Raises:
        KeyError: there is no such authentication.

    """
    return _BY_NAME[settings.auth](settings, guard)


def is_offered(auth: str, www_authenticate: str, proofs: int) -> bool:
    """Return whether the server that refused `proofs` requests with a token supports this authentication at all.

    A server that does not say what it takes has the benefit of the doubt.
    """
    if not www_authenticate or (auth == "ntlm" and proofs >= _NTLM_PROOFS):
        return True
    return _OFFERED_AS[auth] in www_authenticate.lower()
