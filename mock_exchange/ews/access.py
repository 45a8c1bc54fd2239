"""Who a request acts as, and what that caller may do in which mailbox."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from mock_exchange.calendar.store import Store
from mock_exchange.errors import EwsError, SoapFault
from mock_exchange.ews.rights import Level
from mock_exchange.xml.elements import Element, children, local

ANONYMOUS = ""
"""The account of a server without authentication."""


@dataclass(frozen=True, slots=True)
class Caller:
    """The account that proved itself, and the mailbox it acts as."""

    account: str
    mailbox: str | None
    """Primary address; None for an account without a mailbox of its own that impersonates nobody."""
    impersonating: bool = False

    @property
    def principal(self) -> str:
        """The name that delegate rights are given to."""
        return self.mailbox or "" if self.impersonating else self.account


@dataclass(frozen=True, slots=True)
class Access:
    """The rights as configured."""

    store: Store
    impersonators: Mapping[str, Collection[str] | None]
    """Account -> the mailboxes it may impersonate; None: every one."""
    delegates: Mapping[str, Mapping[str, str]]
    """Account (or mailbox) -> mailbox -> the word of a `Level`."""

    def caller(self, account: str, impersonation: Element | None) -> Caller:
        """Return who the request acts as.

        Raises:
            SoapFault: the account may not impersonate that mailbox, or nobody has it.

        """
        if impersonation is None:
            return Caller(account, self.own_mailbox(account))
        sid = children(children(impersonation)[0])[0]
        if local(sid) == "SID":
            raise SoapFault("ErrorImpersonationFailed", "The mock knows no security identifiers.")
        wanted = self.store.find_mailbox(sid.text or "")
        if not self._may_impersonate(account, wanted.address if wanted else None):
            raise SoapFault(
                "ErrorImpersonateUserDenied", "The account does not have permission to impersonate the requested user."
            )
        if wanted is None:
            raise SoapFault("ErrorNonExistentMailbox", "The SMTP address has no mailbox associated with it.")
        return Caller(account, wanted.address, impersonating=True)

    def check(self, caller: Caller, mailbox: str, write: bool) -> None:
        """Let the caller through.

        Raises:
            EwsError: it has no such right, or the mailbox is being moved.

        """
        if self.store.mailbox(mailbox).moving:
            raise EwsError("ErrorMailboxMoveInProgress", "Mailbox move in progress. Try again later.")
        level = self.level(caller, mailbox)
        if level is None or (write and not level.writes):
            raise EwsError("ErrorAccessDenied", "Access is denied. Check credentials and try again.")

    def level(self, caller: Caller, mailbox: str) -> Level | None:
        """Return how far the caller may go in a mailbox; None: not at all."""
        if caller.mailbox is not None and self._primary(caller.mailbox) == mailbox:
            return Level.OWNER
        return self._delegated(self._primary(caller.principal), mailbox)

    def own_mailbox(self, account: str) -> str | None:
        """Return the account's own mailbox: a user named by address has one, and anonymous callers the first."""
        if account == ANONYMOUS:
            return next(iter(self.store.mailboxes), None)
        own = self.store.find_mailbox(account)
        return own.address if own else None

    def _may_impersonate(self, account: str, mailbox: str | None) -> bool:
        if account not in self.impersonators:
            return False
        scope = self.impersonators[account]
        return scope is None or mailbox in {self._primary(address) for address in scope}

    def _delegated(self, principal: str, mailbox: str) -> Level | None:
        for delegate, levels in self.delegates.items():
            for name, level in levels.items():
                if (self._primary(delegate), self._primary(name)) == (principal, mailbox):
                    return Level(level)
        return None

    def _primary(self, address: str) -> str:
        found = self.store.find_mailbox(address)
        return found.address if found else address
