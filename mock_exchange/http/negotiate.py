"""A true Kerberos acceptor (RFC 4559). Needs the extra, and so stands alone."""

from pathlib import Path

import gssapi
from gssapi.raw import ChannelBindings, GSSError


class Refused(Exception):
    """The token proves nothing."""


class Acceptor:
    """A service with its keytab."""

    def __init__(self, keytab: Path, binding: bytes | None) -> None:
        self._keytab = keytab
        self._binding = binding

    def accept(self, token: bytes) -> tuple[str, bytes]:
        """Return the principal and the answer to it.

        Raises:
            Refused: the token is no proof, or is bound to no channel or another one where that is demanded.

        """
        try:
            credentials = gssapi.Credentials(usage="accept", store={"keytab": f"FILE:{self._keytab}"})
            context = gssapi.SecurityContext(creds=credentials, usage="accept", channel_bindings=self._bindings())
            answer = context.step(token) or b""
            complete = context.complete  # raises what `step` kept to itself, because there was an answer to give
        except GSSError:
            raise Refused from None
        # MIT's acceptor is content with a client that sends no binding at all; Exchange, told to require one, is not.
        if not complete or (self._binding and gssapi.RequirementFlag.channel_bound not in context.actual_flags):
            raise Refused
        return str(context.initiator_name), answer

    def _bindings(self) -> ChannelBindings | None:
        return ChannelBindings(application_data=self._binding) if self._binding else None
