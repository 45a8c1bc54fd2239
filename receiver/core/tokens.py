"""Tokens that open the pages and the API: signed for an installation and a role, for some days."""

import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import jwt

from receiver.core.roles import Role

ALGORITHM = "HS256"
ISSUER = "rdv-receiver"
LONGEST = timedelta(days=400)
TAG_LENGTH = 8
_CLAIMS = ["iss", "aud", "jti", "role", "iat", "exp"]


class InvalidToken(Exception):
    """Not signed by us, not for this installation, expired, or no token at all: nobody is told which."""


@dataclass(frozen=True, slots=True)
class Token:
    """What a token says. Whether it was revoked stands in the store."""

    id: str
    role: Role
    expires_at: datetime


def signing_key(secret: str) -> bytes:
    """Return the key for tokens, derived from the secret that is kept outside of the database."""
    return hmac.digest(secret.encode(), b"rdv-receiver tokens", "sha256")


def key_tag(key: bytes) -> str:
    """Return a mark of a key of `signing_key`, which tells nothing of it: `TAG_LENGTH` hexadecimal digits."""
    return hmac.digest(key, b"tag", "sha256").hex()[:TAG_LENGTH]


def issue(key: bytes, installation: str, token: Token, now: datetime) -> str:
    """Return the token as text, to be shown once.

    Args:
        key: of `signing_key`.
        installation: id of the installation that it opens.
        token: what it says; expires at a whole second.
        now: the moment.

    """
    claims = {
        "iss": ISSUER,
        "aud": installation,
        "jti": token.id,
        "role": token.role.value,
        "iat": int(now.timestamp()),
        "exp": int(token.expires_at.timestamp()),
    }
    return jwt.encode(claims, key, ALGORITHM)


def read(key: bytes, installation: str, text: str, now: datetime) -> Token:
    """Return what a token says, once it is certain that we said it.

    Raises:
        InvalidToken: for whatever reason.

    """
    try:
        claims = jwt.decode(
            text,
            key,
            algorithms=[ALGORITHM],
            audience=installation,
            issuer=ISSUER,
            # Against our own clock below: the library would ask the host's.
            options={"require": _CLAIMS, "verify_exp": False, "verify_iat": False},
        )
        token = Token(str(claims["jti"]), Role(claims["role"]), datetime.fromtimestamp(claims["exp"], UTC))
    except (jwt.InvalidTokenError, ValueError, TypeError, OverflowError, OSError):
        raise InvalidToken from None
    if now >= token.expires_at:
        raise InvalidToken
    return token


def csrf_token(key: bytes, token_id: str) -> str:
    """Return the word that a form of this token's bearer carries: another site's page cannot know it."""
    return hmac.digest(key, b"form " + token_id.encode(), "sha256").hex()
