"""Who sent these bytes: HMAC over the raw body, or rdv-insertion's bearer token.

The only place that ever looks at `data.address`: a token's claims are compared with it, and nothing is kept.
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
"""Where a signature may stand; nothing else of the headers is looked at."""
TOKEN_CLAIMS = ("id", "address", "starts_at")


def matching_keys(
    emitter: Emitter, body: bytes, headers: Mapping[str, str], keys: Sequence[bytes], now: datetime
) -> frozenset[int]:
    """Return the positions of the keys that signed this body; none: nobody we know did.

    Args:
        emitter: which headers and which kinds of signature are accepted.
        body: the raw bytes as received.
        headers: header names in lower case.
        keys: every live secret of the source.
        now: for the expiry of a token.

    Every key is tried whatever an earlier one gave, and digests are compared in constant time, so that an answer's
    delay tells nothing about a secret.

    """
    signature = headers.get(HMAC_HEADERS[emitter], "")
    if signature:
        return frozenset(i for i, key in enumerate(keys) if _signed(body, signature, key))
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if emitter is Emitter.RDV_INSERTION and scheme.lower() == "bearer" and token:
        return frozenset(i for i, key in enumerate(keys) if _vouched(body, token.strip(), key, now))
    return frozenset()


def _signed(body: bytes, signature: str, key: bytes) -> bool:
    expected = keyed_digest(key, body).hex()
    # Compared as bytes: compare_digest refuses text outside ASCII, which a stranger may well send.
    return hmac.compare_digest(expected.encode(), signature.lower().encode("utf-8", "replace"))


class _AnyLength(HMACAlgorithm):
    """Takes keys of any length without a warning: how long they are is the emitter's choice."""

    def check_key_length(self, key: bytes) -> None:
        """Find nothing wrong."""


# The signature alone is PyJWT's part: `exp` stands in the header, where it does not look, and the claims are fields of
# a RDV, whatever a stock decoder would take them for.
_JWS = jwt.PyJWS()
_JWS.unregister_algorithm("HS256")
_JWS.register_algorithm("HS256", _AnyLength(hashlib.sha256))


def _vouched(body: bytes, token: str, key: bytes, now: datetime) -> bool:
    """Whether the token is signed by the key, fresh, and speaks of this body."""
    try:
        verified = _JWS.decode_complete(token, key, algorithms=["HS256"])
    except (jwt.PyJWTError, ValueError):
        return False
    return _fresh(verified["header"], now) and _speaks_of(verified["payload"], body)


def _fresh(header: Mapping[str, Any], now: datetime) -> bool:
    expiry = header.get("exp")
    return isinstance(expiry, int | float) and not isinstance(expiry, bool) and now.timestamp() < expiry


def _speaks_of(payload: bytes, body: bytes) -> bool:
    """Whether the claims equal the body's: the token covers nothing else of it."""
    try:
        claims, data = json.loads(payload), json.loads(body)["data"]
        return all(name in claims and claims[name] == data.get(name) for name in TOKEN_CLAIMS)
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        return False
