"""`secrets`: which of the webhooks' secrets are still in use, so that an old one can be removed after a rotation."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from secrets import token_urlsafe

from receiver.config import Settings, Source, place_of, signing_keys
from receiver.core.digests import secret_tag
from receiver.core.secret_edges import Edge, edges
from receiver.store import Store, counters
from receiver.store.counters import Figure

FRESH_BYTES = 48
"""64 characters that need no quoting in a form, a shell or YAML."""


class State(StrEnum):
    """Whether a secret is in use."""

    USED = "used"
    NEVER = "never"
    """No webhook has been signed with it yet: the emitter may not know it."""
    UNUSED = "unused"
    """No webhook is signed with it any more."""


class Form(StrEnum):
    """Which of the two values of a secret with edges signs webhooks."""

    AS_WRITTEN = "as_written"
    WITHOUT_EDGES = "without_edges"


@dataclass(frozen=True, slots=True)
class SecretSight:
    """One configured secret."""

    source: str
    place: str
    """Where it stands in the configuration."""
    tag: str
    """Its short name among the figures."""
    organisations: tuple[int, ...] | None
    """The only organisations that it speaks for; None: all of the source."""
    used_at: datetime | None
    """When either value was last used."""
    state: State
    edges: tuple[Edge, ...] = ()
    """The additions around it."""
    form: Form | None = None
    """Which of its two values signed last; None: it has only one, or neither has signed yet."""


def figure(source: str, tag: str) -> str:
    """Return the name under which the web processes note the last use of a secret."""
    return f"secret/{source}/{tag}"


def secret_uses(settings: Settings, store: Store, name: str | None, unused: timedelta) -> list[SecretSight]:
    """Return the secrets of one source or of all. A secret without a use for the time `unused` is unused."""
    figures, key, now = store.read(counters.figures_named), store.installation().digest_key, store.now()
    sources = [source for source in settings.sources.values() if name in {None, source.name}]
    return [sight for source in sources for sight in _of(source, figures, key, now - unused)]


def _of(source: Source, figures: Mapping[str, Figure], key: bytes, limit: datetime) -> Iterator[SecretSight]:
    uses: dict[int, list[tuple[datetime, Form]]] = {}
    for each in signing_keys(source):
        if known := figures.get(figure(source.name, secret_tag(key, each.text))):
            value = Form.AS_WRITTEN if each.as_written else Form.WITHOUT_EDGES
            uses.setdefault(each.position, []).append((known.taken_at, value))
    for number, signing in enumerate(source.secrets):
        text = signing.secret.value
        around = edges(text)
        last = max(uses.get(number, []), default=None)
        used_at, form = last or (None, None)
        yield SecretSight(
            source=source.name,
            place=place_of(source.name, number),
            tag=secret_tag(key, text),
            organisations=tuple(sorted(signing.organisations)) if signing.organisations is not None else None,
            used_at=used_at,
            state=_state(used_at, limit),
            edges=around,
            form=form if around else None,
        )


def _state(used_at: datetime | None, limit: datetime) -> State:
    if used_at is None:
        return State.NEVER
    return State.USED if used_at >= limit else State.UNUSED


def fresh() -> str:
    """Return a new random secret."""
    return token_urlsafe(FRESH_BYTES)
