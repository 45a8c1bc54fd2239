"""What each command does, in terms of the modules that do it."""

import os
import signal
import sys
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

from receiver import bootstrap, logs, sentences
from receiver.cli import output, watch
from receiver.cli.supervise import supervise
from receiver.config import ConfigurationErrors, Reloadable, Settings, load
from receiver.config.reload import log_problems
from receiver.operations import check as operation
from receiver.operations import mailboxes, rules
from receiver.store import Store

WATCH = "watch"
"""The child without which the others go on: alerts that fail never stop webhooks."""

log = logs.get("cli")


def run(args: Namespace, settings: Settings) -> int:
    """Migrate, then keep the web server and the worker running, and the watch where there is somebody to tell."""
    logs.configure()
    for warning in settings.warnings:
        log.warning("configuration_warning", path=warning.log_path, code=warning.code)
    if status := _with_store(settings, _migrated):
        # We are started again and again then, and what goes unsaid here nobody would say.
        watch.look_once(args.config, settings)
        return status
    return supervise(child_commands(args.config, settings), lambda: _reloaded(args.config), spare=(WATCH,))


def child_commands(config: Path, settings: Settings) -> dict[str, list[str]]:
    """Return the processes of `run`: this very program, with other commands."""
    program = [sys.executable, "-m", "receiver", "--config", str(config)]
    if not settings.alerts.to:
        log.info("nobody_to_tell")
    names = ("serve", "worker", WATCH) if settings.alerts.to else ("serve", "worker")
    return {name: [*program, name] for name in names}


def serve(args: Namespace, settings: Settings) -> int:
    """Receive webhooks until asked to stop."""
    return _run_part(bootstrap.run_web, args, settings)


def worker(args: Namespace, settings: Settings) -> int:
    """Write into the calendars until asked to stop."""
    return _run_part(bootstrap.run_worker, args, settings)


def migrate(_: Namespace, settings: Settings) -> int:
    """Bring the store to this program's version."""
    logs.configure()
    status = _with_store(settings, _migrated)
    if status == 0:
        print(sentences.COMMANDS["migrated"])
    return status


def check(args: Namespace, settings: Settings) -> int:
    """Report whether everything that is configured can be used."""
    logs.configure("ERROR")
    findings = operation.check(settings, args.mailbox, bootstrap.open_store, bootstrap.connectors)
    findings += watch.address_findings(settings)
    show = output.print_findings_json if args.json else output.print_findings
    show(findings)
    return 0 if all(finding.ok for finding in findings) else 1


def apply_policies(args: Namespace, settings: Settings) -> int:
    """Put the file's mapping and policies in force, or count what that would change."""
    logs.configure("ERROR")

    def use(store: Store) -> int:
        if status := _current(store):
            return status
        now, ruleset = store.now(), settings.ruleset()
        if args.dry_run:
            output.print_effects("preview", rules.effects(store, ruleset, now), as_json=args.json)
            output.print_held(store.held_removals(), as_json=args.json)
        else:
            proposal = rules.propose(store, ruleset, now, confirmed=True)
            output.print_effects(proposal.standing, proposal.effects, as_json=args.json)
        return 0

    return _with_store(settings, use)


def unmapped(args: Namespace, settings: Settings) -> int:
    """List the agents who have events to come and no mailbox; 1 if there are any."""
    logs.configure("ERROR")

    def use(store: Store) -> int:
        if status := _current(store):
            return status
        found = mailboxes.unmapped(store, settings.mailboxes, store.now())
        output.print_unmapped(found, as_json=args.json)
        return 1 if found else 0

    return _with_store(settings, use)


def with_current_store(settings: Settings, use: Callable[[Store], int]) -> int:
    """Return what `use` returns, or 1, having said so, where the store cannot be used as it is."""
    return _with_store(settings, lambda store: _current(store) or use(store))


def _run_part(part: Callable[[Reloadable], None], args: Namespace, settings: Settings) -> int:
    logs.configure()
    # A reload that comes before the part listens has nothing to reload, and must not end it.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    if status := _with_store(settings, _current):
        return status
    part(Reloadable(args.config, os.environ, settings))
    return 0


def _with_store(settings: Settings, use: Callable[[Store], int]) -> int:
    """Return what `use` returns, or 1, having said so, where the store cannot be used."""
    try:
        store = bootstrap.open_store(settings)
        try:
            return use(store)
        finally:
            store.close()
    except operation.STORE_ERRORS as error:
        log.exception("store_unavailable")
        print(sentences.COMMANDS["store_failed"].format(error=operation.store_error_name(error)), file=sys.stderr)
        return 1


def _migrated(store: Store) -> int:
    store.migrate()
    return 0


def _current(store: Store) -> int:
    if store.is_current():
        return 0
    log.error("store_not_current")
    print(sentences.CHECK["store_not_current"], file=sys.stderr)
    return 1


def _reloaded(config: Path) -> dict[str, list[str]] | None:
    """Return the processes that the file asks for now; a wrong one is logged and reaches no child."""
    try:
        return child_commands(config, load(config, os.environ))
    except ConfigurationErrors as errors:
        log_problems(errors)
        return None
