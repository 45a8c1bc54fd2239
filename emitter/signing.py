"""The signatures of each emitter. Implemented here independently: a bug shared with the receiver would not show."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

JWT_LIFETIME = timedelta(minutes=10)
JWT_CLAIMS = ("id", "address", "starts_at")


class Scheme(StrEnum):
    """A way to sign."""

    LAPIN = "lapin"
    """RDV Service Public."""
    RDVI_HMAC = "rdvi-hmac"
    RDVI_JWT = "rdvi-jwt"


class UnsignableError(ValueError):
    """rdv-insertion has no claims for this model: its job fails, and nothing is sent."""


def sign(body: bytes, secret: str) -> str:
    """Lower-case hexadecimal HMAC-SHA256 of the body's very bytes, keyed by the secret's UTF-8 bytes."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def headers(scheme: Scheme, body: bytes, secret: str, now: datetime) -> dict[str, str]:
    """The headers that sign `body`; only a bearer token depends on the time of sending.

    Raises:
        UnsignableError: a bearer token for a model that has none.

    """
    match scheme:
        case Scheme.LAPIN:
            return {"X-Lapin-Signature": sign(body, secret)}
        case Scheme.RDVI_HMAC:
            return {"X-RDVI-SIGNATURE": sign(body, secret)}
        case Scheme.RDVI_JWT:
            return {"Authorization": f"Bearer {bearer_token(body, secret, now)}"}


def bearer_token(body: bytes, secret: str, now: datetime) -> str:
    """A JWT (HS256) over three fields of `data` as they stand in the body; it covers nothing else of it.

    `exp` stands in the JOSE header, where stock decoders do not look.

    Raises:
        UnsignableError: the body is not about a RDV.

    """
    message = json.loads(body)
    if message["meta"]["model"] != "Rdv":
        raise UnsignableError(message["meta"]["model"])
    claims = {name: message["data"][name] for name in JWT_CLAIMS}
    return encode_jwt({"typ": "JWT", "exp": int((now + JWT_LIFETIME).timestamp())}, claims, secret)


def encode_jwt(jose_header: Mapping[str, Any], claims: Mapping[str, Any], secret: str) -> str:
    """Header, claims and HMAC-SHA256 in RFC 7515's compact form; `alg` is added to the header."""
    signed = f"{_segment({**jose_header, 'alg': 'HS256'})}.{_segment(claims)}"
    signature = hmac.new(secret.encode(), signed.encode("ascii"), hashlib.sha256).digest()
    return f"{signed}.{_base64url(signature)}"


def _segment(content: Mapping[str, Any]) -> str:
    return _base64url(json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode())


def _base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode("ascii")
