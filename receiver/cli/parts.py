"""`serve`, `worker`: one part of the service, in this process. Imports nothing that another part needs."""

import os
import signal
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable

from receiver import bootstrap, logs, sentences
from receiver.cli import output
from receiver.cli.stores import current, say_vanished, with_store
from receiver.config import Reloadable, Settings
from receiver.operations.support import check_port
from receiver.store import Store, StoreVanished

log = logs.get("cli")


def add_serve(parser: ArgumentParser) -> None:
    """Describe `serve` to its parser."""
    parser.set_defaults(command=serve)


def add_worker(parser: ArgumentParser) -> None:
    """Describe `worker` to its parser."""
    parser.set_defaults(command=worker)


def serve(args: Namespace, settings: Settings) -> int:
    """Receive webhooks until asked to stop; 1 if the address cannot be opened."""
    if found := check_port.unusable_after_a_while(settings.web.listen):
        logs.configure()
        log.error(found.code, address=found.address, error=found.error)
        print(output.printable(sentences.CHECK[found.code].format(**found.details)), file=sys.stderr)
        return 1
    return _run_part(bootstrap.run_web, args, settings)


def worker(args: Namespace, settings: Settings) -> int:
    """Write into the calendars until asked to stop."""
    return _run_part(bootstrap.run_worker, args, settings)


def _run_part(part: Callable[[Reloadable], None], args: Namespace, settings: Settings) -> int:
    logs.configure()
    # A SIGHUP before the handler is installed must not end the process; there is nothing to reload yet.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    if status := with_store(settings, _current_or_awaited):
        return status
    part(Reloadable(args.config, os.environ, settings))
    return 0


def _current_or_awaited(store: Store) -> int:
    """Return 0 if the part may start: the store can be used, or has vanished and may return at any moment."""
    try:
        return current(store)
    except StoreVanished as error:
        say_vanished(error)
        return 0
