"""What is doubtful about secrets that can be used all the same. None of it keeps the service from starting."""

from collections.abc import Iterator

from receiver.config.authority import repeated
from receiver.config.problems import Location, Problem
from receiver.config.secret_fields import Secret
from receiver.config.settings import EwsCalendar, Settings
from receiver.core.secret_edges import SHORTEST, bare, edges, has_unseen_within
from receiver.core.token_secret import SHORTEST_SECRET, is_weak

SIGNING_EDGES = "secret_edges"
"""Of a secret that signs webhooks: tried with and without them."""
FAILING = frozenset({"secret_short", "secret_shared", "token_key_weak", "token_key_reused"})
"""What must be changed: with one of these `check` ends with 1."""


def secret_warnings(settings: Settings) -> list[Problem]:
    """Return what is doubtful. No secret, and nothing of one, is in it."""
    return [*_of_signing_secrets(settings), *_of_what_is_used_as_written(settings), *_of_the_token_key(settings)]


def _of_signing_secrets(settings: Settings) -> Iterator[Problem]:
    others = repeated(settings.sources.values())
    for source in settings.sources.values():
        for number, signing in enumerate(source.secrets):
            here, text = ("sources", source.name, "secrets", number), signing.secret.value
            if len(bare(text)) < SHORTEST:
                yield Problem(here, "secret_short", {"shortest": SHORTEST})
            if other := others.get((source.name, number)):
                yield Problem(here, "secret_shared", {"other": other})
            yield from _edges(here, text, SIGNING_EDGES)
            yield from _unseen(here, text)


def _of_what_is_used_as_written(settings: Settings) -> Iterator[Problem]:
    for here, secret in passwords(settings):
        yield from _edges(here, secret.value, "value_edges")
        yield from _unseen(here, secret.value)


def passwords(settings: Settings) -> Iterator[tuple[Location, Secret]]:
    """Yield the secrets that another server checks. It counts wrong ones: a second attempt could lock the account."""
    if settings.store.password is not None:
        yield ("store", "password"), settings.store.password
    for source in settings.sources.values():
        if source.api is not None:
            yield ("sources", source.name, "api", "password"), source.api.password
    for name, calendar in settings.calendars.items():
        if isinstance(calendar, EwsCalendar) and calendar.password is not None:
            yield ("calendars", name, "password"), calendar.password
    for place, address in enumerate(settings.alerts.to):
        yield ("alerts", "to", place), address


def _of_the_token_key(settings: Settings) -> Iterator[Problem]:
    key, here = settings.web.token_key, ("web", "token_key")
    if key is None:
        return
    inner = bare(key.value)
    if is_weak(inner):
        yield Problem(here, "token_key_weak", {"shortest": SHORTEST_SECRET})
    known = [secret for _, secret in passwords(settings)]
    known += [signing.secret for source in settings.sources.values() for signing in source.secrets]
    if inner in {bare(secret.value) for secret in known}:
        yield Problem(here, "token_key_reused")
    yield from _edges(here, key.value, "token_key_edges")
    yield from _unseen(here, key.value)


def _edges(here: Location, text: str, code: str) -> Iterator[Problem]:
    if found := edges(text):
        yield Problem(here, code, {"edges": ",".join(found)})


def _unseen(here: Location, text: str) -> Iterator[Problem]:
    if has_unseen_within(text):
        yield Problem(here, "secret_unseen_within")
