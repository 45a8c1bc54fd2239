"""Accounts of the API: passwords, and tokens that are valid for a day."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

LIFETIME = timedelta(hours=24)
TOKEN_HEADERS = ("access-token", "client", "uid")


@dataclass(frozen=True, slots=True)
class Account:
    """An agent who uses the API."""

    email: str
    password: str = field(repr=False)
    admin_of: frozenset[int] = frozenset()
    """Organisations in which it sees everything."""
    basic_in: frozenset[int] = frozenset()
    """Organisations in which it sees its services' RDVs."""
    services: frozenset[int] = frozenset()
    territory_admin: bool = True
    """Whether it may make and change webhook endpoints."""

    @property
    def organisations(self) -> frozenset[int]:
        """Where it has a role."""
        return self.admin_of | self.basic_in


@dataclass(frozen=True, slots=True)
class _Token:
    value: str
    client: str
    until: datetime


class Accounts:
    """The tokens in force: one for each account, so that signing in ends the one before."""

    def __init__(self, accounts: list[Account], clock: Callable[[], datetime]) -> None:
        self._accounts = {account.email: account for account in accounts}
        self._clock = clock
        self._tokens: dict[str, _Token] = {}
        self.sign_ins = 0

    def sign_in(self, email: str, password: str) -> dict[str, str] | None:
        """Sign in: return the headers with the token; None: wrong password."""
        account = self._accounts.get(email)
        if account is None or not secrets.compare_digest(account.password, password):
            return None
        self.sign_ins += 1
        return self._issue(email, secrets.token_urlsafe(16))

    def of(self, headers: Mapping[str, str]) -> Account | None:
        """The account of the token in these headers; None: unknown or expired."""
        value, client, email = (headers.get(name, "") for name in TOKEN_HEADERS)
        token = self._tokens.get(email)
        if token is None or (token.value, token.client) != (value, client) or self._clock() >= token.until:
            return None
        return self._accounts[email]

    def renew(self, account: Account) -> dict[str, str]:
        """Replace a token by a new one."""
        return self._issue(account.email, self._tokens[account.email].client)

    def expire(self) -> None:
        """Expire all tokens, as after a day."""
        self._tokens.clear()

    def _issue(self, email: str, client: str) -> dict[str, str]:
        token = _Token(secrets.token_urlsafe(16), client, self._clock() + LIFETIME)
        self._tokens[email] = token
        return dict(zip(TOKEN_HEADERS, (token.value, client, email), strict=True))
