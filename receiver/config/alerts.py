"""`alerts.to`: what an address may not ask for. Whether it can be read, `check` finds out."""

from urllib.parse import parse_qsl

VERIFIED = frozenset({"yes", "true", "on", "1"})
"""What `verify` may say, if it must be said at all."""


def skips_verification(address: str) -> bool:
    """Say whether an Apprise address switches the verification of certificates off."""
    asked = parse_qsl(address.partition("?")[2], keep_blank_values=True)
    return any(key.strip().lower() == "verify" and value.strip().lower() not in VERIFIED for key, value in asked)
