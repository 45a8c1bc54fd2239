"""For which organisations the secrets of a source may speak."""

from collections.abc import Callable, Collection

from receiver.config.settings import Source
from receiver.core.digests import secret_tag
from receiver.core.scope import Authority

TAGS_KEPT = 8
"""So many secrets are noted as those that signed a webhook."""


def authority(source: Source, positions: Collection[int]) -> Authority:
    """Return for whom the secrets at some positions of a source may speak together."""
    return Authority.of(source.organisations, (source.secrets[each].organisations for each in positions))


def signed_by(source: Source, positions: Collection[int], digest_key: bytes) -> str:
    """Return the short names of the secrets at some positions: they tell nothing of the secrets."""
    tags = (secret_tag(digest_key, source.secrets[each].secret.value) for each in positions)
    return ",".join(sorted(tags)[:TAGS_KEPT])


def authority_of(source: Source, digest_key: bytes) -> Callable[[str], Authority | None]:
    """Return what tells, from the short names of secrets, for whom these may speak now; None: none is configured."""
    positions = {
        secret_tag(digest_key, signing.secret.value): position for position, signing in enumerate(source.secrets)
    }

    def tell(names: str) -> Authority | None:
        known = [positions[name] for name in names.split(",") if name in positions]
        return authority(source, known) if known else None

    return tell
