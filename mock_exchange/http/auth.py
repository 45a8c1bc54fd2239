"""HTTP authentication: none, Basic, a real NTLM handshake bound to its connection, or real Kerberos."""

import base64
import os
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any

import spnego
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from spnego.channel_bindings import GssChannelBindings
from spnego.exceptions import SpnegoError

from mock_exchange.ews.access import ANONYMOUS


class Auth(StrEnum):
    """The scheme a server demands, and the only one it advertises."""

    NONE = "none"
    BASIC = "basic"
    NTLM = "ntlm"
    NEGOTIATE = "negotiate"
    """Kerberos alone, as where NTLM is forbidden."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The account is authenticated."""

    account: str


@dataclass(frozen=True, slots=True)
class Challenge:
    """Not authenticated: status 401 with this header."""

    www_authenticate: str
    refused: bool = False
    """The credentials were wrong: a domain counts this towards locking the account."""


class Authenticator:
    """The users of one server. Makes a `Gate` for each connection."""

    def __init__(
        self,
        scheme: Auth,
        users: Mapping[str, str],
        *,
        keytab: Path | None = None,
        binding: bytes | None = None,
        each_request: bool = False,
    ) -> None:
        if any(":" in name + password for name, password in users.items()):
            raise ValueError("neither names nor passwords of the mock's users may contain a colon")
        self.scheme = scheme
        self.users = dict(users)
        self.keytab = keytab
        """The service's own, for Kerberos."""
        self.binding = binding
        """Extended Protection: the required channel binding; None: it is off."""
        self.each_request = each_request
        """Kerberos: a token is valid for one request, as in IIS if authPersistNonNTLM is off."""
        self.user_file = Path()
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def open(self) -> None:
        """Write the file of users, which pyspnego wants."""
        if self.scheme != Auth.NTLM:
            return
        self._folder = tempfile.TemporaryDirectory(prefix="mock-exchange-")
        self.user_file = Path(self._folder.name, "ntlm-users")
        self.user_file.write_text("".join(_user_line(name, word) for name, word in self.users.items()), "utf-8")

    def close(self) -> None:
        """Remove the file of users."""
        if self._folder:
            self._folder.cleanup()

    def gate(self) -> "Gate":
        """Return the state of a new connection."""
        gates = {Auth.NONE: Gate, Auth.BASIC: BasicGate, Auth.NTLM: NtlmGate, Auth.NEGOTIATE: NegotiateGate}
        return gates[self.scheme](self)

    def canonical(self, name: str) -> str | None:
        """Return a user's name as configured; Windows does not distinguish case."""
        return next((user for user in self.users if user.casefold() == name.casefold()), None)


class Gate:
    """One connection of a server without authentication."""

    def __init__(self, authenticator: Authenticator) -> None:
        self.authenticator = authenticator
        self.answer: str | None = None
        """The server's token of mutual authentication, for the next answer."""

    def admit(self, authorization: str | None) -> Accepted | Challenge:  # noqa: ARG002
        """Check a request's Authorization header."""
        return Accepted(ANONYMOUS)

    def refuse(self) -> Challenge:
        """Refuse a request that was accepted."""
        return Challenge('Basic realm="mock"')


class BasicGate(Gate):
    """Basic authentication: each request by itself."""

    def admit(self, authorization: str | None) -> Accepted | Challenge:
        """Compare the name and the password."""
        scheme, _, encoded = (authorization or "").partition(" ")
        if scheme.lower() != "basic":
            return self.refuse()
        try:
            name, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
        except ValueError:
            return self.refuse()
        user = self.authenticator.canonical(name)
        if user is None or self.authenticator.users[user] != password:
            return replace(self.refuse(), refused=True)
        return Accepted(user)


class NtlmGate(Gate):
    """NTLM: three messages, then the connection is authenticated."""

    def __init__(self, authenticator: Authenticator) -> None:
        super().__init__(authenticator)
        self._account: str | None = None
        self._handshake: Any = None
        self._shown = False
        """The current request has a token; on an authenticated connection it has none."""
        self._refuse_next = False

    def admit(self, authorization: str | None) -> Accepted | Challenge:
        """Take the next step of the handshake."""
        scheme, _, encoded = (authorization or "").partition(" ")
        self._shown = bool(authorization)
        if not authorization:
            return Accepted(self._account) if self._account is not None else Challenge("NTLM")
        if scheme.lower() != "ntlm":
            return self._start_again()
        try:
            return self._step(base64.b64decode(encoded, validate=True))
        except (SpnegoError, ValueError):
            return replace(self._start_again(), refused=True)

    def refuse(self) -> Challenge:
        """Forget the authentication, and refuse the handshake that a client then begins by itself."""
        self._refuse_next = not self._shown
        return self._start_again()

    def _step(self, token: bytes) -> Accepted | Challenge:
        if self._handshake is None:
            self._account = None
            begin = partial(_new_handshake, self.authenticator.binding)
            self._handshake = _with_user_file(self.authenticator.user_file, begin)
        answer = _with_user_file(self.authenticator.user_file, lambda: self._handshake.step(token))
        if not self._handshake.complete:
            return Challenge("NTLM " + base64.b64encode(answer or b"").decode())
        account = self.authenticator.canonical(self._handshake.client_principal or "")
        if account is None or self._refuse_next:
            self._refuse_next = False
            return replace(self._start_again(), refused=True)
        self._account = account
        return Accepted(account)

    def _start_again(self) -> Challenge:
        self._account, self._handshake = None, None
        return Challenge("NTLM")


class NegotiateGate(Gate):
    """Kerberos: one message, then the connection is authenticated, unless each request must have a token."""

    def __init__(self, authenticator: Authenticator) -> None:
        super().__init__(authenticator)
        # Imported where it is used: Kerberos is an extra.
        from mock_exchange.http.negotiate import Acceptor, Refused  # noqa: PLC0415

        if authenticator.keytab is None:
            raise ValueError("Kerberos needs the service's keytab")
        self._refused = Refused
        self._acceptor = Acceptor(authenticator.keytab, authenticator.binding)
        self._account: str | None = None

    def admit(self, authorization: str | None) -> Accepted | Challenge:
        """Accept a token, or the earlier one of the connection."""
        scheme, _, encoded = (authorization or "").partition(" ")
        if scheme.lower() != "negotiate":
            kept = None if authorization or self.authenticator.each_request else self._account
            return Accepted(kept) if kept is not None else self.refuse()
        self._account = None
        try:
            principal, answer = self._acceptor.accept(base64.b64decode(encoded, validate=True))
        except (self._refused, ValueError):
            return replace(self.refuse(), refused=True)
        self._account = self.authenticator.canonical(principal)
        if self._account is None:
            return replace(self.refuse(), refused=True)
        self.answer = f"Negotiate {base64.b64encode(answer).decode()}"
        return Accepted(self._account)

    def refuse(self) -> Challenge:
        """Forget the authentication."""
        self._account = self.answer = None
        return Challenge("Negotiate")


_environment = threading.Lock()


def _with_user_file(path: Path, act: Any) -> Any:
    """Call pyspnego, which reads the path of its users from the environment of the whole process."""
    with _environment:
        before = os.environ.get("NTLM_USER_FILE")
        os.environ["NTLM_USER_FILE"] = str(path)
        try:
            return act()
        finally:
            if before is None:
                del os.environ["NTLM_USER_FILE"]
            else:
                os.environ["NTLM_USER_FILE"] = before


def _new_handshake(binding: bytes | None) -> Any:
    bindings = GssChannelBindings(application_data=binding) if binding else None
    return spnego.server(protocol="ntlm", options=spnego.NegotiateOptions.use_ntlm, channel_bindings=bindings)


def _user_line(name: str, password: str) -> str:
    domain, backslash, user = name.partition("\\")
    return f"{domain}:{user}:{password}\n" if backslash else f":{name}:{password}\n"


def end_point(certificate: str | Path) -> bytes:
    """Return the binding of a server that shows the first certificate of a PEM file."""
    shown = x509.load_pem_x509_certificate(Path(certificate).read_bytes())
    algorithm = shown.signature_hash_algorithm
    if algorithm is None or algorithm.name in {"md5", "sha1"}:
        algorithm = hashes.SHA256()
    return b"tls-server-end-point:" + shown.fingerprint(algorithm)
