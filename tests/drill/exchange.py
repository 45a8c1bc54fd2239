"""A mock Exchange over TLS, and what its administrators can do to it."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme

from demo.processes import ACCOUNT
from emitter.scenarios import ExpectedEntry
from mock_exchange import MockExchange
from mock_exchange.http.auth import Auth

MARTINE = "martine.agent@departement.example"
KARIM = "karim.agent@departement.example"


@dataclass(frozen=True, slots=True)
class Exposure:
    """What a certificate says."""

    name: str = "localhost"
    days: float = 800
    """For how long it is valid; negative: since when it is not."""


class DrillExchange:
    """The server. A password, an authority, a right, a mailbox: each can be taken away and given back."""

    def __init__(self, folder: Path, password: str) -> None:
        self._certificate = folder / "exchange.pem"
        self.authorities = folder / "autorite.pem"
        self._impersonators: dict[str, Iterable[str] | None] = {ACCOUNT: None}
        self.new_authority().cert_pem.write_to_path(self.authorities)
        self.mock = MockExchange(
            [MARTINE, KARIM],
            auth="ntlm",
            users={ACCOUNT: password},
            impersonators=self._impersonators,  # type: ignore[arg-type]  # kept, so that it can change
            tls=(self._certificate, self._certificate),
        )

    def new_authority(self) -> trustme.CA:
        """Have the certificate, from the next start on, issued by an authority that nobody has met."""
        self._authority = trustme.CA()
        self._issue(Exposure())
        return self._authority

    def renew(self, exposure: Exposure) -> None:
        """Start with another certificate of the same authority; connections that are open end."""
        self.mock.stop()
        self._issue(exposure)
        self.mock.start()

    def _issue(self, exposure: Exposure) -> None:
        now = datetime.now(UTC)
        until = now + timedelta(days=exposure.days)
        issued = self._authority.issue_cert(
            exposure.name, not_before=min(now, until) - timedelta(days=90), not_after=until
        )
        issued.private_key_and_cert_chain_pem.write_to_path(self._certificate)

    def offer(self, scheme: str) -> None:
        """Take this way to prove who one is, and no other; connections that are open end."""
        self.mock.stop()
        self.mock.authenticator.scheme = Auth(scheme)
        self.mock.start()

    def speak(self, *, encrypted: bool) -> None:
        """Speak TLS, or plain HTTP at the same port; connections that are open end."""
        self.mock.stop()
        self.mock._tls = (self._certificate, self._certificate) if encrypted else None
        self.mock.start()

    def cut(self) -> None:
        """End the connections that are open."""
        self.mock.stop()
        self.mock.start()

    def trust(self, authority: trustme.CA) -> None:
        """Have the receiver's file of authorities name one more."""
        authority.cert_pem.write_to_path(self.authorities, append=True)

    def set_password(self, password: str) -> None:
        """Change the account's; connections that are open end, as they would before long."""
        users = self.mock.authenticator.users
        self.mock.stop()
        users[ACCOUNT] = password
        self.mock.start()

    def withdraw_right(self) -> None:
        """Take the role ApplicationImpersonation away from the account."""
        self._impersonators[ACCOUNT] = ()

    def give_right(self) -> None:
        """Give it back."""
        self._impersonators[ACCOUNT] = None

    def take_mailbox(self, address: str) -> object:
        """Disconnect a mailbox, with all it holds; return what `put_mailbox` wants."""
        with self.mock.store.lock:
            return self.mock.store.mailboxes.pop(address)

    def put_mailbox(self, address: str, mailbox: object) -> None:
        """Connect it again."""
        with self.mock.store.lock:
            self.mock.store.mailboxes[address] = mailbox  # type: ignore[assignment]

    def calendar(self, mailbox: str) -> Counter[ExpectedEntry]:
        """What a mailbox shows."""
        items = self.mock.items(mailbox)
        return Counter(ExpectedEntry(item.subject, item.location, item.start, item.end) for item in items)

    @property
    def wrong_proofs(self) -> int:
        """How many attempts an Active Directory would have counted towards locking the account."""
        return sum(request.refused for request in self.mock.requests)
