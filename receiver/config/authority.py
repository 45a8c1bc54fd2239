"""For which organisations a source and its secrets may speak, and which values are tried as its secrets."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import combinations

from receiver.config.secret_fields import Secret
from receiver.config.settings import Source
from receiver.config.validate import Reader
from receiver.core.digests import secret_tag
from receiver.core.scope import Authority
from receiver.core.secret_edges import bare

TAGS_KEPT = 8
"""So many secrets are noted as those that signed a webhook."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A value with which a webhook may be signed."""

    position: int
    """Of its secret among the source's."""
    text: str = field(repr=False)
    as_written: bool = True
    """False: the secret without what stands around it."""


def signing_keys(source: Source) -> tuple[SigningKey, ...]:
    """Return every value that is tried: each secret as it is written, then each without its edges.

    Without its edges a secret is not tried where that is another one as written, or would be two that speak for
    different organisations: it would speak for more than it was given.
    """
    written = [SigningKey(position, each.secret.value) for position, each in enumerate(source.secrets)]
    values = {key.text for key in written}
    inner: dict[str, int] = {}
    ambiguous: set[str] = set()
    for key in written:
        text = bare(key.text)
        if not text or text in values:
            continue
        first = inner.setdefault(text, key.position)
        if source.secrets[first].organisations != source.secrets[key.position].organisations:
            ambiguous.add(text)
    without = (SigningKey(position, text, as_written=False) for text, position in inner.items())
    return (*written, *(key for key in without if key.text not in ambiguous))


def repeated(sources: Iterable[Source]) -> dict[tuple[str, int], str]:
    """Return the secrets that differ from others by their edges at most, by source and position, with one such other.

    Two that stand in one source exactly alike are refused when the configuration is read.
    """
    places = [(source.name, number, each) for source in sources for number, each in enumerate(source.secrets)]
    counts = Counter(bare(each.secret.value) for _, _, each in places)
    firsts: dict[str, tuple[str, int]] = {}
    found: dict[tuple[str, int], str] = {}
    for name, number, each in places:
        text = bare(each.secret.value)
        first = firsts.setdefault(text, (name, number))
        if counts[text] > 1 and first != (name, number):
            found[name, number] = place_of(*first)
    return found


def place_of(source: str, position: int) -> str:
    """Return where a secret stands in the configuration."""
    return f"sources.{source}.secrets[{position}]"


def authority(source: Source, positions: Collection[int]) -> Authority:
    """Return for whom the secrets at some positions of a source may speak together."""
    return Authority.of(source.organisations, (source.secrets[each].organisations for each in positions))


def signed_by(keys: Iterable[SigningKey], digest_key: bytes) -> str:
    """Return the short names of the keys that signed: nothing of the secrets follows from them."""
    return ",".join(sorted(secret_tag(digest_key, key.text) for key in keys)[:TAGS_KEPT])


def authority_of(source: Source, digest_key: bytes) -> Callable[[str], Authority | None]:
    """Return the function from short names of secrets to those for whom they speak now; None: none is configured."""
    positions = {secret_tag(digest_key, key.text): key.position for key in signing_keys(source)}

    def tell(names: str) -> Authority | None:
        known = [positions[name] for name in names.split(",") if name in positions]
        return authority(source, known) if known else None

    return tell


def check_secrets(reader: Reader, source: Source) -> None:
    """Report each secret that stands twice in a source, or speaks for organisations that are not the source's."""
    known: set[Secret] = set()
    for place, signing in enumerate(source.secrets):
        here = ("sources", source.name, "secrets", place)
        if signing.secret in known:
            # Found twice, once bound and once not, it would speak for all.
            reader.report(here, "secret_twice")
        known.add(signing.secret)
        if source.organisations and (strangers := (signing.organisations or frozenset()) - source.organisations):
            reader.report((*here, "organisations"), "organisation_not_of_source", ids=_listed(strangers))


def check_organisations(reader: Reader, sources: Mapping[str, Source]) -> None:
    """Report each pair of sources of one emitter and platform that may speak of the same organisation.

    Each would keep versions of the same event, and the slower one undo the newer facts.
    """
    for first, second in combinations(sources.values(), 2):
        if (first.emitter, first.platform) == (second.emitter, second.platform):
            _check_pair(reader, first, second)


def _check_pair(reader: Reader, first: Source, second: Source) -> None:
    if first.organisations is None or second.organisations is None:
        anyone = first if first.organisations is None else second
        other = second if anyone is first else first
        reader.report(("sources", anyone.name), "organisations_unlimited", other=other.name)
    elif shared := first.organisations & second.organisations:
        here = ("sources", second.name, "organisations")
        reader.report(here, "organisation_shared", other=first.name, ids=_listed(shared))


def _listed(organisations: Iterable[int]) -> str:
    return ", ".join(str(each) for each in sorted(organisations))
