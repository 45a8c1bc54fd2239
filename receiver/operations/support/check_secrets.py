"""The checks of secrets: which are doubtful, and whether each signs with or without its edges."""

from collections.abc import Iterator
from datetime import timedelta

from receiver.config import Settings, secret_warnings
from receiver.config.secret_warnings import FAILING, SIGNING_EDGES
from receiver.config.store_url import sqlite_file
from receiver.operations.access import secrets
from receiver.operations.access.secrets import Form, SecretSight
from receiver.operations.support.check import STORE_ERRORS, Finding, Level, OpenStore

UNUSED = timedelta(days=30)


def secret_findings(settings: Settings, open_store: OpenStore) -> Iterator[Finding]:
    """Yield what is doubtful about the secrets."""
    warnings = secret_warnings(settings)
    if not warnings:
        return
    has_edges = any(each.code == SIGNING_EDGES for each in warnings)
    sights = _sights(settings, open_store) if has_edges else {}
    for warning in warnings:
        sight = sights.get(warning.path)
        code = warning.code
        if code == SIGNING_EDGES and sight is not None and sight.form is not None:
            code = "secret_edges_written" if sight.form is Form.AS_WRITTEN else "secret_edges_bare"
        yield Finding(code, warning.path, Level.WARNING, warning.details, must_change=warning.code in FAILING)


def _sights(settings: Settings, open_store: OpenStore) -> dict[str, SecretSight]:
    """Return the use of each secret, by its place; nothing if the store cannot be read."""
    file = sqlite_file(settings.store.address)
    if file is not None and not file.exists():  # opening it would create it
        return {}
    try:
        store = open_store(settings)
        try:
            found = secrets.secret_uses(settings, store, None, UNUSED) if store.standing().usable else []
        finally:
            store.close()
    except STORE_ERRORS:
        return {}
    return {sight.place: sight for sight in found}
