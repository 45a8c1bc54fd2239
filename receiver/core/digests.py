"""Keyed digests: what recognises a webhook or names a secret, and tells nothing of either."""

import hashlib
import hmac

DIGEST_BYTES = 16


def secret_tag(digest_key: bytes, secret: str) -> str:
    """Return the short name under which the last use of a secret is noted: keyed, so that it tells nothing of it."""
    return hmac.digest(digest_key, b"secret " + secret.encode(), "sha256").hex()[:8]


_PIECE = 2047
"""Of more bytes at once Python computes a digest while other threads run, and waits for its turn: that costs more."""


def keyed_digest(key: bytes, body: bytes) -> bytes:
    """Return the HMAC-SHA256 of a body."""
    return _digesting(key, body).digest()


def _digesting(key: bytes, body: bytes) -> hmac.HMAC:
    digest = hmac.new(key, digestmod=hashlib.sha256)
    for start in range(0, len(body), _PIECE):
        digest.update(body[start : start + _PIECE])
    return digest


def delivery_digest(key: bytes, body: bytes, authority: str = "") -> bytes:
    """Return what a webhook is recognised by when it comes again: keyed, so that it tells nothing of the body.

    One body under another authority is another webhook: it may say as much of an agent for other organisations.
    """
    digest = _digesting(key, body)
    digest.update(authority.encode())
    return digest.digest()[:DIGEST_BYTES]
