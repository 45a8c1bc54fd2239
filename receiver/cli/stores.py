"""Opens the store for one command, or prints in French why it cannot be used."""

import sys
from collections.abc import Callable

from receiver import bootstrap, logs, sentences
from receiver.cli import output
from receiver.config import Settings
from receiver.config.store_url import sqlite_file
from receiver.operations.support.check import STORE_ERRORS, store_error_name
from receiver.sentences.phrases import store_words
from receiver.store import Cause, Refusal, Standing, Store, StoreVanished, refusal_of
from receiver.store.database import rights
from receiver.store.place import integrity

SOUNDNESS_S = 5.0
"""How long to check for damaged pages before anything is written."""

log = logs.get("cli")


def with_current_store(settings: Settings, use: Callable[[Store], int]) -> int:
    """Return what `use` returns; 1 if the store is not current or cannot be used, which was printed."""
    return with_store(settings, lambda store: current(store) or use(store))


def with_store(settings: Settings, use: Callable[[Store], int]) -> int:
    """Return what `use` returns; 1 if the store cannot be used, which was printed."""
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
        if not say_only_appends(settings, error):
            report_refusal(error, refusal_of(error, sqlite_file(settings.store.address)))
        return 1


def say_only_appends(settings: Settings, error: BaseException) -> bool:
    """Print, if so, that the store refused because its account may only append webhooks; return whether it is so."""
    if refusal_of(error).cause is not Cause.RIGHTS_MISSING:
        return False
    try:
        store = bootstrap.open_store(settings)
        try:
            only_appends = store.read(rights.only_appends)
        finally:
            store.close()
    except STORE_ERRORS:
        return False
    if only_appends:
        print(sentences.COMMANDS["only_appends"], file=sys.stderr)
    return only_appends


def report_refusal(error: BaseException, refusal: Refusal) -> None:
    """Print and log why a store cannot be used."""
    log.error("store_unavailable", code=store_error_name(error), cause=refusal.cause)
    words = store_words(refusal.cause, refusal.details)
    text = sentences.COMMANDS["store_failed"].format(cause=words.title, cure=words.cure)
    print(output.printable(text), file=sys.stderr)


def say_vanished(error: StoreVanished) -> None:
    """Print that the expected store is not there, why, and what not to do."""
    log.error(str(error), cause=error.cause)
    advice = sentences.VANISHED.get(error.cause, sentences.TROUBLES[str(error)])
    cure = advice.cure.format(cause=sentences.CAUSES[error.cause])
    print(f"{advice.title}.\n{cure}", file=sys.stderr)


def migrated(store: Store) -> int:
    """Migrate the store; return 1 if this program cannot use the result, which was printed."""
    if store.standing().usable:  # an older one is read whole before it is changed
        store.read(integrity.check, SOUNDNESS_S)
    standing = store.migrate()
    if standing is Standing.NEWER:
        log.warning("store_newer", revision=store.revision())
    return _fit(standing)


def current(store: Store) -> int:
    """Return 0 if the store can be used as it is; 1 if not, with the reason printed."""
    standing = store.standing()
    status = _fit(standing)
    if standing is Standing.NOT_CURRENT and store.is_empty():
        log.error("store_unavailable", cause=Cause.EMPTY)
        words = store_words(Cause.EMPTY, {})
        print(f"{words.title}. {words.cure}", file=sys.stderr)
    return status


def _fit(standing: Standing) -> int:
    """Return 0 if this program can use the store; 1 if not, with the reason printed."""
    if standing.usable:
        return 0
    log.error(standing.value)
    print(sentences.CHECK[standing], file=sys.stderr)
    return 1
