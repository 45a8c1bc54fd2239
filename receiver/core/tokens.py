"""Access tokens for the pages and the API: signed JWTs for one installation and one role, with an expiry."""

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
    """Not signed by us, not for this installation, expired, or malformed. The answer does not say which."""


@dataclass(frozen=True, slots=True)
class Token:
    """The content of a token. Whether it was revoked is in the store."""

    id: str
    role: Role
    expires_at: datetime


def signing_key(secret: str) -> bytes:
    """Return the signing key, derived from the secret that is kept outside the database."""
    return hmac.digest(secret.encode(), b"rdv-receiver tokens", "sha256")


def key_tag(key: bytes) -> str:
    """Return an identifier of a signing key that does not reveal it: `TAG_LENGTH` hexadecimal digits."""
    return hmac.digest(key, b"tag", "sha256").hex()[:TAG_LENGTH]


def issue(key: bytes, installation: str, token: Token, now: datetime) -> str:
    """Return the signed token as text, to be shown once.

    Args:
        key: from `signing_key`.
        installation: id of the installation that it is for.
        token: its content; it expires at a whole second.
        now: the moment of issue.

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
    """Return the content of a token after verifying it.

    Raises:
        InvalidToken: it is not valid.

    """
    try:
        claims = jwt.decode(
            text,
            key,
            algorithms=[ALGORITHM],
            audience=installation,
            issuer=ISSUER,
            # Checked below against `now`: the library would use the host's clock.
            options={"require": _CLAIMS, "verify_exp": False, "verify_iat": False},
        )
        token = Token(str(claims["jti"]), Role(claims["role"]), datetime.fromtimestamp(claims["exp"], UTC))
    except (jwt.InvalidTokenError, ValueError, TypeError, OverflowError, OSError):
        raise InvalidToken from None
    if now >= token.expires_at:
        raise InvalidToken
    return token


def csrf_token(key: bytes, token_id: str) -> str:
    """Return the value that forms of this token's bearer carry, which another site's page cannot know."""
    return hmac.digest(key, b"form " + token_id.encode(), "sha256").hex()
