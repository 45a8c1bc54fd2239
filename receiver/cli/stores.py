"""The store for the length of one command, or the French words for why it cannot be used."""

import sys
from collections.abc import Callable

from receiver import bootstrap, logs, sentences
from receiver.config import Settings
from receiver.operations.check import STORE_ERRORS, store_error_name
from receiver.store import Standing, Store, StoreVanished

log = logs.get("cli")


def with_current_store(settings: Settings, use: Callable[[Store], int]) -> int:
    """Return what `use` returns, or 1, having said so, where the store cannot be used as it is."""
    return with_store(settings, lambda store: current(store) or use(store))


def with_store(settings: Settings, use: Callable[[Store], int]) -> int:
    """Return what `use` returns, or 1, having said so, where the store cannot be used."""
    try:
        store = bootstrap.open_store(settings)
        try:
            return use(store)
        finally:
            store.close()
    except StoreVanished as error:
        say_vanished(error)
        return 1
    except STORE_ERRORS as error:
        log.exception("store_unavailable")
        print(sentences.COMMANDS["store_failed"].format(error=store_error_name(error)), file=sys.stderr)
        return 1


def say_vanished(error: StoreVanished) -> None:
    """Say that the store which belongs here is not there, why not, and what not to do."""
    log.error(str(error), cause=error.cause)
    advice = sentences.TROUBLES[str(error)]
    cure = advice.cure.format(cause=sentences.CAUSES[error.cause])
    print(f"{advice.title}.\n{cure}", file=sys.stderr)


def migrated(store: Store) -> int:
    """Bring the store to this version; return 1, having said so, where this program cannot use what it became."""
    standing = store.migrate()
    if standing is Standing.NEWER:
        log.warning("store_newer", revision=store.revision())
    return _fit(standing)


def current(store: Store) -> int:
    """Return 0 where the store can be used as it is, or 1, having said why not."""
    return _fit(store.standing())


def _fit(standing: Standing) -> int:
    """Return 0 where this program can use the store, or 1, having said why not."""
    if standing.usable:
        return 0
    log.error(standing.value)
    print(sentences.CHECK[standing], file=sys.stderr)
    return 1
