"""Verification of a webhook's signature: HMAC over the raw body, or rdv-insertion's bearer token.

Only this module reads `data.address`: it is compared with a token's claim, and not kept.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import jwt
from jwt.algorithms import HMACAlgorithm

from receiver.core.digests import keyed_digest
from receiver.core.facts import Emitter

HMAC_HEADERS = {Emitter.RDV_SERVICE_PUBLIC: "x-lapin-signature", Emitter.RDV_INSERTION: "x-rdvi-signature"}
SIGNATURE_HEADERS = (*HMAC_HEADERS.values(), "authorization")
"""The headers that may hold a signature; no other header is read."""
TOKEN_CLAIMS = ("id", "address", "starts_at")


def matching_keys(
    emitter: Emitter, body: bytes, headers: Mapping[str, str], keys: Sequence[bytes], now: datetime
) -> frozenset[int]:
    """Return the positions of the keys that signed this body; empty: none did.

    Args:
        emitter: decides which header and which kind of signature are accepted.
        body: the raw bytes as received.
        headers: header names in lower case.
        keys: all valid secrets of the source.
        now: for the expiry of a token.

    All keys are tried, and digests are compared in constant time, so that the answer's timing reveals nothing about a
    secret.

    """
    signature = headers.get(HMAC_HEADERS[emitter], "")
    if signature:
        return frozenset(i for i, key in enumerate(keys) if _is_hmac_of(body, signature, key))
    token = _bearer_token(headers)
    if emitter is Emitter.RDV_INSERTION and token:
        return frozenset(i for i, key in enumerate(keys) if _is_token_of(body, token, key, now))
    return frozenset()


def has_signature(headers: Mapping[str, str]) -> bool:
    """Whether a signature of any emitter comes with a request, right or wrong. Header names are in lower case."""
    return any(name in headers for name in HMAC_HEADERS.values()) or bool(_bearer_token(headers))


def _bearer_token(headers: Mapping[str, str]) -> str:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _is_hmac_of(body: bytes, signature: str, key: bytes) -> bool:
    expected = keyed_digest(key, body).hex()
    # Compared as bytes: compare_digest refuses text outside ASCII, which any sender may use.
    return hmac.compare_digest(expected.encode(), signature.lower().encode("utf-8", "replace"))


class _AnyLength(HMACAlgorithm):
    """Accepts keys of any length without a warning: their length is the emitter's choice."""

    def check_key_length(self, key: bytes) -> None:
        """Accept any length."""


# PyJWT verifies the signature only: rdv-insertion puts `exp` into the header, which PyJWT does not read, and the claims
# are fields of a RDV, which a standard decoder would misread.
_JWS = jwt.PyJWS()
_JWS.unregister_algorithm("HS256")
_JWS.register_algorithm("HS256", _AnyLength(hashlib.sha256))


def _is_token_of(body: bytes, token: str, key: bytes, now: datetime) -> bool:
    """Whether the token is signed by the key, has not expired, and its claims are this body's."""
    try:
        verified = _JWS.decode_complete(token, key, algorithms=["HS256"])
    except (jwt.PyJWTError, ValueError):
        return False
    return _is_fresh(verified["header"], now) and _has_claims_of(verified["payload"], body)


def _is_fresh(header: Mapping[str, Any], now: datetime) -> bool:
    expiry = header.get("exp")
    return isinstance(expiry, int | float) and not isinstance(expiry, bool) and now.timestamp() < expiry


def _has_claims_of(payload: bytes, body: bytes) -> bool:
    """Whether the claims equal the body's fields. The token covers no other part of the body."""
    try:
        claims, data = json.loads(payload), json.loads(body)["data"]
        return all(name in claims and claims[name] == data.get(name) for name in TOKEN_CLAIMS)
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        return False
