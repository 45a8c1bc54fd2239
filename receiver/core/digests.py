"""Keyed digests that identify a webhook or a secret without revealing it."""

import hashlib
import hmac

DIGEST_BYTES = 16


def secret_tag(digest_key: bytes, secret: str) -> str:
    """Return a short keyed identifier of a secret, under which its last use is recorded."""
    return hmac.digest(digest_key, b"secret " + secret.encode(), "sha256").hex()[:8]


_CHUNK = 2047
"""From 2048 bytes on, hashlib releases the GIL; taking it again costs more than the digest."""


def keyed_digest(key: bytes, body: bytes) -> bytes:
    """Return the HMAC-SHA256 of a body."""
    return _hmac_of(key, body).digest()


def _hmac_of(key: bytes, body: bytes) -> hmac.HMAC:
    digest = hmac.new(key, digestmod=hashlib.sha256)
    for start in range(0, len(body), _CHUNK):
        digest.update(body[start : start + _CHUNK])
    return digest


def delivery_digest(key: bytes, body: bytes, authority: str = "") -> bytes:
    """Return the digest by which a repeated webhook is recognised. Keyed: it reveals nothing of the body.

    The same body under another authority is another webhook: it may speak for other organisations.
    """
    digest = _hmac_of(key, body)
    digest.update(authority.encode())
    return digest.digest()[:DIGEST_BYTES]
