"""`run`: the service, as processes that are started and supervised from here."""

import os
import sys
import threading
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path

from receiver import bootstrap, logs
from receiver.cli.stores import migrated, say_vanished, with_store
from receiver.cli.supervise import supervise
from receiver.config import Reloadable, Settings, secret_warnings
from receiver.config.store_url import sqlite_file
from receiver.operations.refused_configuration import Notice
from receiver.operations.support.check import STORE_ERRORS
from receiver.store import QUERY_TIMEOUT_S, Standing, Store, StoreUnavailable, StoreVanished
from receiver.store.database import files

SERVE, WORKER, WATCH = "serve", "worker", "watch"
"""The child processes. The service ends with the web server. The web server needs none of the others: what it
acknowledges waits in the store."""

NOTICE_EVERY_S = 10.0
"""How often `run` checks whether there is something to report of the configuration."""
RETRY_EVERY_S = 5.0
"""How often a vanished store is tried, to migrate it when it is back."""

log = logs.get("cli")


def add_arguments(parser: ArgumentParser) -> None:
    """Describe the command to its parser."""
    parser.set_defaults(command=run)


def run(args: Namespace, settings: Settings) -> int:
    """Migrate, then keep the web server and the worker running, and `watch` where there are recipients."""
    logs.configure()
    for warning in (*settings.warnings, *secret_warnings(settings)):
        log.warning("configuration_warning", path=warning.log_path, code=warning.code)
    _tell_exposed(settings)
    if status := with_store(settings, _migrated_or_awaited(settings)):
        # The service manager then restarts this process again and again, and no other process would send an alert.
        from receiver.cli import watch  # noqa: PLC0415 -- the supervisor loads nothing of the alerts otherwise

        watch.check_once(args.config, settings)
        return status
    commands = child_commands(args.config, settings)
    settings_now = Reloadable(args.config, os.environ, settings)
    threading.Thread(target=_report_refused, args=(settings_now,), daemon=True).start()

    def reload() -> dict[str, list[str]] | None:
        """Return the processes that the file asks for now. An invalid file is logged and not passed on."""
        return child_commands(args.config, settings_now.current) if settings_now.reload(works=False) else None

    status = supervise(commands, reload, vital=(SERVE,), spare=(WATCH,))
    _leave_in_one_file(settings)
    return status


def _tell_exposed(settings: Settings) -> None:
    """Log each file of the store that others on this machine may read or write; `check` names the cure."""
    database = sqlite_file(settings.store.address)
    if database is not None:
        for refusal in files.exposed([database.parent, database, *files.beside(database)]):
            log.warning("store_file_exposed", file=Path(refusal.path).name)


def _leave_in_one_file(settings: Settings) -> None:
    """Open and close an SQLite store at the very end: a killed child did not close it."""
    if sqlite_file(settings.store.address) is not None:
        with suppress(*STORE_ERRORS), closing(bootstrap.open_store(settings)) as store:
            store.standing()


def _migrated_or_awaited(settings: Settings) -> Callable[[Store], int]:
    """Return a function that migrates the store, or waits for a vanished one in a thread; 0: the service may start."""

    def migrate(store: Store) -> int:
        try:
            return migrated(store)
        except StoreVanished as error:
            say_vanished(error)
            # A daemon: it may wait as long as the service runs.
            threading.Thread(target=_migrate_when_back, args=(settings,), daemon=True).start()
            return 0

    return migrate


def _migrate_when_back(settings: Settings) -> None:
    """Migrate a store once it is back. The processes that use it report what else is wrong."""
    while True:
        time.sleep(RETRY_EVERY_S)
        try:
            with closing(bootstrap.open_store(settings)) as store:
                log.info("store_is_back", standing=Standing(store.migrate()))
        except StoreUnavailable:
            continue
        except Exception:  # the thread must go on: no other one migrates a store that comes back
            log.exception("unforeseen", errand="migration")
            continue
        return


def child_commands(config: Path, settings: Settings) -> dict[str, list[str]]:
    """Return the processes of `run`: this program with other commands."""
    program = [sys.executable, "-m", "receiver", "--config", str(config)]
    if not settings.alerts.to:
        log.info("nobody_to_tell")
    names = (SERVE, WORKER, WATCH) if settings.alerts.to else (SERVE, WORKER)
    return {name: [*program, name] for name in names}


def _report_refused(settings: Reloadable) -> None:
    """Keep a note in the store while the service runs with an old configuration."""
    notice = Notice("run")
    while True:
        now, current, refused = datetime.now(UTC), settings.current, settings.refused
        try:
            if notice.is_due(refused, now):
                with suppress(*STORE_ERRORS), closing(bootstrap.open_store(current, QUERY_TIMEOUT_S)) as store:
                    if store.standing().usable:
                        notice.write(store, refused, now)
        except Exception:  # the thread must go on: no other one writes this note
            log.exception("unforeseen", errand="word")
        time.sleep(NOTICE_EVERY_S)
