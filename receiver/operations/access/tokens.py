"""Tokens for pages and API: issuing, verifying, listing, revoking."""

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from receiver.config import Settings
from receiver.core import tokens
from receiver.core.roles import Role
from receiver.core.tokens import InvalidToken, Token
from receiver.operations.access import token_key
from receiver.store import Store
from receiver.store.tools import tokens as stored_tokens
from receiver.store.tools.tokens import TokenRecord

ID_BYTES = 8
"""Random characters of an id. The tag of the signing key follows, so that an id shows which key signed the token."""
LONGEST_TEXT = 1024
"""The tokens that are issued have about 300 characters; much longer ones are not decoded."""
LABEL_LENGTH = 80


@dataclass(frozen=True, slots=True)
class Bearer:
    """The holder of a valid token."""

    token_id: str
    role: Role
    label: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Tokens:
    """An installation's tokens."""

    store: Store
    installation: str
    key: bytes = field(repr=False)

    @classmethod
    def of(cls, settings: Settings, store: Store) -> "Tokens":
        """Return the tokens of the store's installation and the configured key; reads both once.

        Raises:
            KeyUnavailable: there is no key, or it cannot be used.
            StoreUnavailable: the installation cannot be read.

        """
        return cls(store, store.installation().id, tokens.signing_key(token_key.secret(settings)))

    def issue(self, role: Role, lifetime: timedelta, label: str, now: datetime) -> tuple[str, TokenRecord]:
        """Return the text of a new token, which is not stored, and its stored record.

        Raises:
            ValueError: the lifetime is not positive, or longer than `tokens.LONGEST`.
            StoreUnavailable: no token was made.

        """
        if not timedelta(0) < lifetime <= tokens.LONGEST:
            raise ValueError(f"lifetime: {lifetime}")
        now = now.replace(microsecond=0)  # the precision of times in a token
        token_id = secrets.token_hex(ID_BYTES) + tokens.key_tag(self.key)
        record = TokenRecord(token_id, role.value, label[:LABEL_LENGTH], now, now + lifetime)
        self.store.write(stored_tokens.add, record)
        token = Token(record.id, role, record.expires_at)
        return tokens.issue(self.key, self.installation, token, now), record

    def open(self, text: str, now: datetime) -> Bearer:
        """Return what a token allows now: the lesser of the role in it and of the role recorded when it was issued.

        Raises:
            InvalidToken: it is not valid, for whatever reason.
            StoreUnavailable: whether it was revoked cannot be known.

        """
        if len(text) > LONGEST_TEXT:
            raise InvalidToken
        token = tokens.read(self.key, self.installation, text, now)
        record = self.store.read(stored_tokens.find, token.id)
        if record is None or state(record, now) != "valid":
            raise InvalidToken
        expires_at = min(token.expires_at, record.expires_at)
        return Bearer(token.id, _lesser(token.role, record.role), record.label, expires_at)

    def form_word(self, subject: str) -> str:
        """Return the CSRF token of this subject (a token's id, or a person's name with a prefix)."""
        return tokens.csrf_token(self.key, subject)


def _lesser(claimed: Role, noted: str) -> Role:
    try:
        role = Role(noted)
    except ValueError:
        raise InvalidToken from None
    return claimed if role.may(claimed) else role


def state(record: TokenRecord, now: datetime) -> str:
    """Return ``valid``, ``expired`` or ``revoked``."""
    if record.revoked_at is not None:
        return "revoked"
    return "expired" if now >= record.expires_at else "valid"


def listed_state(record: TokenRecord, now: datetime, tag: str | None) -> str:
    """Return its state; ``other_key``: it would be valid, but another key than the one in force signed it.

    Args:
        record: of the token.
        now: the moment.
        tag: of the key in force; None: there is none.

    """
    found = state(record, now)
    is_signed = tag is not None and len(record.id) == 2 * ID_BYTES + tokens.TAG_LENGTH and record.id.endswith(tag)
    return found if found != "valid" or is_signed else "other_key"


def tag_in_force(settings: Settings) -> str | None:
    """Return the tag of the key in force; None: there is no usable key."""
    found = token_key.existing_secret(settings)
    return None if found is None else tokens.key_tag(tokens.signing_key(found))


class NotOne(Exception):
    """No token's id begins with the text, or several do."""


def revoke(store: Store, beginning: str, now: datetime) -> TokenRecord:
    """Revoke the one token whose id begins with the text; return its former record.

    Raises:
        NotOne: nothing was revoked.

    """
    found = [
        record for record in store.read(stored_tokens.listed) if beginning and record.id.startswith(beginning.lower())
    ]
    if len(found) != 1:
        raise NotOne
    store.write(stored_tokens.revoke, found[0].id, now)
    return found[0]
